import { endOtherSessions, endOwnSession } from '../../operations/own-sessions.ts'
import { disconnectApplication } from '../../operations/revoke-grants.ts'
import { type PurposeSecret, sealText, secretFor, unsealText } from '../../platform/secrets/purpose-secrets.ts'
import type { ClientId, SessionId } from '../../records/ids.ts'
import type { Signet } from '../../signet.ts'
import { actorOf, type Outcome, type Submission } from './account-form.ts'

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

const handleFor = (sub: string) => `account-session:${sub}`

/**
 * Identifies a session in a form. The id itself is not shown, because it is a counter of all sign-ins. A handle sealed for one person
 * cannot be opened for another.
 */
export function sessionHandle(secret: PurposeSecret, sub: string, sessionId: SessionId): string {
  return sealText(secret, String(sessionId), handleFor(sub))
}

/** The session's id; undefined if the handle was not sealed for this person. */
function readSessionHandle(secret: PurposeSecret, sub: string, handle: string): SessionId | undefined {
  const id = unsealText(secret, handle, handleFor(sub))
  return id === undefined ? undefined : (Number(id) as SessionId)
}
