import { callerOf } from '../../platform/http/request-context.ts'
import { recordEvent } from '../../records/events/events-store.ts'
import type { Signet } from '../../signet.ts'
import { changeAccount } from './change-account.ts'
import { disconnect } from './connected-applications-store.ts'
import type { Outcome, Submission } from './submission.ts'

/** Takes back what the person allowed an application. */
export async function disconnectApplication(
  signet: Signet,
  { request, session, values }: Submission,
): Promise<Outcome> {
  const { sub } = session.account
  const clientId = values.get('client_id')
  // No client_id is longer; what is longer is not worth a question.
  if (clientId === undefined || clientId.length > 255) return { outcome: 'done' }
  return changeAccount(signet, session, async (tx) => {
    const grants = await disconnect(tx, sub, clientId)
    if (grants === undefined) return { outcome: 'done' }
    const caller = callerOf(request)
    await recordEvent(tx, { type: 'application_disconnected', caller, clientId, sub, detail: { grants } })
    return { outcome: 'done', notice: 'disconnected' }
  })
}
