import { setTimeout as pause } from 'node:timers/promises'
import { isUnavailable } from '../platform/database/unavailable.ts'

/** Milliseconds between two polls. */
const interval = 1_000

/** A table that grows by entries whose IDs grow: events, or refusals. */
export interface Growing<Entry> {
  /** The ID of the newest entry of any kind; 0 if there is none. */
  readonly newestId: () => Promise<number>
  /** The wanted entries among the next `idsPerBatch` IDs after this one. */
  readonly listAfter: (id: number) => Promise<readonly Entry[]>
  readonly idsPerBatch: number
}

/**
 * Milliseconds. An entry gets its id when it is written, and becomes visible when its transaction commits, so a smaller id can appear
 * after a greater one. No transaction takes as long as this.
 */
const longestTransaction = 30_000

/**
 * Prints each new entry once, in the order in which they appear, until the signal is aborted.
 *
 * @param start the newest id before `printed` was read
 * @param printed entries that have already been printed
 */
export async function follow<Entry extends { readonly id: number }>(
  { newestId, listAfter, idsPerBatch }: Growing<Entry>,
  start: number,
  printed: readonly Entry[],
  print: (entry: Entry) => void,
  stopSignal: AbortSignal,
): Promise<void> {
  let seen = new Set(printed.map(({ id }) => id))
  /** The newest id at each poll of the last `longestTransaction`. */
  const polls = [{ at: performance.now(), id: start }]
  while (!stopSignal.aborted) {
    const floor = polls[0]?.id ?? start
    try {
      const now = performance.now()
      const newest = await newestId()
      seen = new Set([...seen].filter((id) => id > floor))
      for (let after = floor; after < newest; after += idsPerBatch)
        for (const entry of await listAfter(after))
          if (!seen.has(entry.id)) {
            seen.add(entry.id)
            print(entry)
          }
      polls.push({ at: now, id: newest })
      while ((polls[1]?.at ?? now) < now - longestTransaction) polls.shift()
    } catch (error) {
      // Continue when the database is back after a restart.
      if (!isUnavailable(error)) throw error
    }
    await pause(interval, undefined, { signal: stopSignal }).catch(() => undefined)
  }
}
