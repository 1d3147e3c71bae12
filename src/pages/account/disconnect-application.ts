import { disconnectApplication } from '../../operations/revoke-grants.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import type { Signet } from '../../signet.ts'
import type { Outcome, Submission } from './submission.ts'

/** Takes back what the person allowed an application. */
export async function submitDisconnection(signet: Signet, { request, session, values }: Submission): Promise<Outcome> {
  const clientId = values.get('client_id')
  // No client_id is longer; what is longer is not worth a question.
  if (clientId === undefined || clientId.length > 255) return { outcome: 'done' }
  const actor = { kind: 'person', sub: session.account.sub, caller: callerOf(request) } as const
  const outcome = await disconnectApplication(signet, actor, session, clientId)
  if (outcome === 'signed_out') return { outcome }
  return outcome === 'done' ? { outcome, notice: 'disconnected' } : { outcome: 'done' }
}
