import { endConnection } from '../records/endings/decisions-store.ts'
import { decideEnding } from '../records/endings/follow-ending.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'
import { asSignedIn, type OwnSession, signedOut } from './as-signed-in.ts'

/**
 * Takes back what a person allowed an application: the consent is forgotten and all grants end, however many there are. Rows and events
 * of the grants follow.
 *
 * @param present the session by which they ask
 */
export async function disconnectApplication(
  signet: Pick<Signet, 'database' | 'endings' | 'turns'>,
  actor: Actor,
  present: OwnSession,
  clientId: string,
): Promise<'done' | 'not_connected' | typeof signedOut> {
  const { sub } = present.account
  const followed = await asSignedIn(signet, present, async (tx) => {
    const epoch = await endConnection(tx, sub, clientId)
    if (epoch === undefined) return undefined
    const ended = await decideEnding(tx, { kind: 'connection', reason: 'disconnected', sub, clientId, epoch })
    // Of very many, those that have followed by now; `more` says so.
    const detail = { grants: ended.grants, ...(ended.left && { more: true }) }
    await recordEvent(tx, { type: 'application_disconnected', ...originOf(actor), clientId, sub, detail })
    return ended
  })
  if (followed === signedOut) return signedOut
  if (followed?.left) signet.endings.due()
  return followed ? 'done' : 'not_connected'
}
