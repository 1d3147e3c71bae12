import { inTransaction } from '../platform/database/queryable.ts'
import { markClientDeleted } from '../records/endings/decisions-store.ts'
import { decideDeletion } from '../records/endings/follow-ending.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'

/**
 * Deletes a client with its secrets, consents and grants. There is no such client from the moment this returns, whatever it has collected;
 * its rows are deleted in batches, its own last.
 *
 * @returns false where there is no such client
 */
export async function deleteClient(
  signet: Pick<Signet, 'database' | 'endings'>,
  actor: Actor,
  clientId: string,
): Promise<boolean> {
  const deleted = await inTransaction(signet.database, async (tx) => {
    if (!(await markClientDeleted(tx, clientId))) return false
    await decideDeletion(tx, clientId)
    await recordEvent(tx, { type: 'client_deleted', ...originOf(actor), clientId })
    return true
  })
  if (deleted) signet.endings.due()
  return deleted
}
