import { endOtherSessions, endOwnSession } from '../../operations/own-sessions.ts'
import { secretFor } from '../../platform/secrets/purpose-secrets.ts'
import type { Signet } from '../../signet.ts'
import { actorOf, type Outcome, type Submission } from './account-form.ts'
import { readSessionHandle } from './session-handle.ts'

/** Ends one session of the person, or all except the current one. */
export async function submitSessionEnd(signet: Signet, submission: Submission): Promise<Outcome> {
  const { session, values } = submission
  const actor = actorOf(submission)
  if (values.has('others')) {
    const outcome = await endOtherSessions(signet, actor, session)
    return outcome === 'done' ? { outcome, notice: 'others-ended' } : { outcome }
  }
  const handle = values.get('session')
  const chosen =
    handle === undefined
      ? undefined
      : readSessionHandle(await secretFor(signet.secrets, 'request-sealing', handle), actor.sub, handle)
  if (chosen === undefined) return { outcome: 'done' }
  const outcome = await endOwnSession(signet, actor, session, chosen)
  return outcome === 'done' ? { outcome, notice: 'session-ended' } : { outcome }
}
