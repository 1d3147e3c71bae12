import { disconnectApplication } from '../../operations/revoke-grants.ts'
import type { ClientId } from '../../records/ids.ts'
import type { Signet } from '../../signet.ts'
import { actorOf, type Outcome, type Submission } from './account-form.ts'

/** Withdraws what the person allowed an application. */
export async function submitDisconnection(signet: Signet, submission: Submission): Promise<Outcome> {
  // The operation finds out whether there is such a client, and whether the person has anything there.
  const clientId = submission.values.get('client_id') as ClientId | undefined
  // No client_id is longer, so there is no need to query the database.
  if (clientId === undefined || clientId.length > 255) return { outcome: 'done' }
  const outcome = await disconnectApplication(signet, actorOf(submission), submission.session, clientId)
  if (outcome === 'signed_out') return { outcome }
  return outcome === 'done' ? { outcome, notice: 'disconnected' } : { outcome: 'done' }
}
