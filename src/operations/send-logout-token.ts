import { NoRoomYet, type RunningJob } from '../platform/jobs/running-job.ts'
import { TooManyOutgoingRequests } from '../platform/outgoing/request-slots.ts'
import { OutgoingRequestFailed } from '../platform/outgoing-request.ts'
import { type Client, usesSecret } from '../records/clients/client.ts'
import { openHmacSecrets } from '../records/clients/hmac-secrets.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { ClientId, SessionId, Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { sessionIdFor } from '../tokens/authentication.ts'
import { issueLogoutToken } from '../tokens/logout-token.ts'
import { subjectFor } from '../tokens/subject.ts'
import { acceptedClient } from './resolve-client.ts'

/**
 * Why a client was not told that a session has ended. `no_response`: its server could not be reached, did not answer in time, or may not be asked. `status`: it
 * answered with an error. `rejected`: it answered 400. `no_secret`: the client uses HS256, and has no secret that can be a key. `interrupted`: the node was killed
 * during the last attempt, or it met an error that the log has.
 */
type Fault = 'no_response' | 'status' | 'rejected' | 'no_secret' | 'interrupted'

/** An attempt that has failed. The message is without a full stop, and contains neither the token nor the URL. */
class LogoutTokenFailure extends Error {
  readonly fault: Fault
  readonly status: number | undefined
  /** For the log of the job queue (platform/jobs/job-log.ts). */
  readonly isReported = true
  constructor(fault: Fault, message: string, status?: number) {
    super(message)
    this.name = 'LogoutTokenFailure'
    this.fault = fault
    this.status = status
  }
}

/** What the trigger `announce_session_end` puts into the queue (sql/033.do.back-channel-logout.sql). */
interface EndedSession {
  readonly session: SessionId
  readonly sidVersion: number
  readonly sub: Sub
  readonly client: ClientId
}

/**
 * The task `send_logout_token`: tells one client that a session has ended (OpenID Connect Back-Channel Logout §2.5).
 *
 * It is sent to where the client is registered now, and at least once: if the node is killed before it has deleted the job, the client gets a second token, with
 * another `jti`, for a session that it has ended already, and must answer as for the first one (§2.7).
 */
export async function sendLogoutToken(signet: Signet, payload: unknown, job: RunningJob): Promise<void> {
  const ended = payload as EndedSession
  const client = acceptedClient(signet.settings, await signet.clients.read(ended.client))
  const uri = client?.backchannel_logout_uri
  // The client was deleted, or is not to be told any more.
  if (!client || uri === undefined) return signet.metrics.count('signet_logout_tokens_total', { outcome: 'dropped' })
  if (job.isOver) return giveUp(signet, ended, { fault: 'interrupted', message: 'the node was killed' })
  const usesHmac = usesSecret(client) && client.id_token_signed_response_alg === 'HS256'
  const keys = usesHmac ? await openHmacSecrets(signet.secrets, client) : []
  try {
    await send(signet, client, uri, ended, keys[(job.attempt - 1) % keys.length]?.key, job)
    signet.metrics.count('signet_logout_tokens_total', { outcome: 'sent' })
  } catch (error) {
    // The node stops, and another one continues.
    if (!(error instanceof LogoutTokenFailure) || job.signal.aborted) throw error
    // §2.5: a token is not sent again if the client has refused it. During a rotation it may only have expected the signature of the other secret.
    const isFinal = error.fault === 'rejected' && job.attempt >= keys.length
    if (isFinal || job.isLast) return giveUp(signet, ended, error)
    signet.metrics.count('signet_logout_tokens_total', { outcome: 'failed' })
    signet.noticeFailures.failed(
      { client: client.client_id, attempt: job.attempt, reason: error.fault },
      `A client could not be told that a session has ended, and will be told again: ${error.message}.`,
    )
    throw error
  }
}

/** @throws LogoutTokenFailure, KeysUnavailable; NoRoomYet if the token was not sent */
async function send(
  signet: Signet,
  client: Client,
  uri: string,
  { session, sidVersion, sub }: EndedSession,
  hmacKey: Parameters<typeof issueLogoutToken>[1]['hmacKey'],
  { signal, canWait }: RunningJob,
): Promise<void> {
  const sid = await sessionIdFor(signet.secrets, { id: session, sidVersion }, client.client_id)
  const token = await issueLogoutToken(signet, { client, sub: subjectFor(signet, client, sub), sid, hmacKey })
  if (token === undefined) throw new LogoutTokenFailure('no_secret', 'the client has no secret that can be a key')
  const isVouchedFor = !client.isSelfRegistered
  const status = await signet.outgoing
    .post(uri, { logout_token: token }, { isVouchedFor, signal })
    .catch((error: unknown) => {
      if (error instanceof TooManyOutgoingRequests && canWait) throw new NoRoomYet(error.message)
      if (error instanceof OutgoingRequestFailed) throw new LogoutTokenFailure('no_response', error.message)
      throw error
    })
  // §2.8: 200, and some frameworks answer 204. A redirect is not followed.
  if (status >= 200 && status < 300) return
  throw new LogoutTokenFailure(status === 400 ? 'rejected' : 'status', `the response has the status ${status}`, status)
}

/** Records that a client is not told any more. If that fails, the job is tried again, and a second event is possible. */
async function giveUp(
  { database, log, metrics }: Signet,
  { client, sub }: EndedSession,
  { fault, status, message }: Pick<LogoutTokenFailure, 'fault' | 'message'> & { readonly status?: number | undefined },
): Promise<void> {
  const detail = { reason: fault, ...(status === undefined ? {} : { status }) }
  await recordEvent(database, { type: 'logout_token_failed', by: 'schedule', clientId: client, sub, detail })
  metrics.count('signet_logout_tokens_total', { outcome: 'given_up' })
  log.warn(
    { client, reason: fault, status },
    `A client was not told that a session has ended, and will not be told any more: ${message}.`,
  )
}
