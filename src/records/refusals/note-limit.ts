/** A note, as far as it decides whether another one is the same. */
interface Note {
  readonly clientId: string | undefined
  readonly entry: string
  readonly detail: string | undefined
}

/** Milliseconds. */
const windowMs = 60_000
/** Notes per window and node. In a week, which is how long they are kept, these are about as many rows as the table may have. */
const maxNotes = 100
/** Notes per window and client, so that a flood about one client leaves room for the others. */
const maxNotesOfClient = 10

/**
 * Decides which notes are stored. Unlike a refusal, a note comes with every sign-in of an application that is set up wrongly, and anybody can cause
 * different ones in its name. So the same note about the same client is stored once a minute, and others are limited.
 *
 * @param now milliseconds, from any start
 * @returns whether to store a note
 */
export function createNoteLimit(now: () => number): (note: Note) => boolean {
  let since = Number.NEGATIVE_INFINITY
  let stored = new Set<string>()
  let ofClients = new Map<string | undefined, number>()
  return ({ clientId, entry, detail }) => {
    if (now() - since >= windowMs) {
      since = now()
      stored = new Set()
      ofClients = new Map()
    }
    const key = JSON.stringify([clientId, entry, detail])
    const ofClient = ofClients.get(clientId) ?? 0
    if (stored.has(key) || stored.size >= maxNotes || ofClient >= maxNotesOfClient) return false
    stored.add(key)
    ofClients.set(clientId, ofClient + 1)
    return true
  }
}
