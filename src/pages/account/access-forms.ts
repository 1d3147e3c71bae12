import { endOtherSessions, endOwnSession } from '../../operations/own-sessions.ts'
import { disconnectApplication } from '../../operations/revoke-grants.ts'
import { type PurposeSecret, sealText, secretFor, unsealText } from '../../platform/secrets/purpose-secrets.ts'
import type { ClientId, SessionId } from '../../records/ids.ts'
import type { Signet } from '../../signet.ts'
import { actorOf, type Outcome, type Submission } from './account-form.ts'

/** Ends one session of the person's, or all but the present one. */
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

/** Takes back what the person allowed an application. */
export async function submitDisconnection(signet: Signet, submission: Submission): Promise<Outcome> {
  // Whether there is such a client, and the person has anything there, the operation finds out.
  const clientId = submission.values.get('client_id') as ClientId | undefined
  // No client_id is longer, so the database need not be asked.
  if (clientId === undefined || clientId.length > 255) return { outcome: 'done' }
  const outcome = await disconnectApplication(signet, actorOf(submission), submission.session, clientId)
  if (outcome === 'signed_out') return { outcome }
  return outcome === 'done' ? { outcome, notice: 'disconnected' } : { outcome: 'done' }
}

const handleFor = (sub: string) => `account-session:${sub}`

/**
 * What stands for a session in a form. The id itself counts all sign-ins of everybody, so it is not shown; and what was sealed for one
 * person opens for no other.
 */
export function sessionHandle(secret: PurposeSecret, sub: string, sessionId: SessionId): string {
  return sealText(secret, String(sessionId), handleFor(sub))
}

/** The session's id; undefined for what was not sealed for this person. */
function readSessionHandle(secret: PurposeSecret, sub: string, handle: string): SessionId | undefined {
  const id = unsealText(secret, handle, handleFor(sub))
  return id === undefined ? undefined : (Number(id) as SessionId)
}
