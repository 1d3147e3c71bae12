import { endOtherSessions, endOwnSession } from '../../operations/own-sessions.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { secretFor } from '../../platform/secrets/purpose-secrets.ts'
import type { Signet } from '../../signet.ts'
import { readSessionHandle } from './session-handle.ts'
import type { Outcome, Submission } from './submission.ts'

/** Ends one session of the person's, or all but the present one. */
export async function endChosenSessions(signet: Signet, { request, session, values }: Submission): Promise<Outcome> {
  const { sub } = session.account
  const actor = { kind: 'person', sub, caller: callerOf(request) } as const
  if (values.has('others')) {
    const outcome = await endOtherSessions(signet, actor, session)
    return outcome === 'done' ? { outcome, notice: 'others-ended' } : { outcome }
  }
  const handle = values.get('session')
  const chosen =
    handle === undefined
      ? undefined
      : readSessionHandle(await secretFor(signet.secrets, 'request-sealing', handle), sub, handle)
  if (chosen === undefined) return { outcome: 'done' }
  const outcome = await endOwnSession(signet, actor, session, chosen)
  return outcome === 'done' ? { outcome, notice: 'session-ended' } : { outcome }
}
