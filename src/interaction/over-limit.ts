import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Labels } from '../platform/metrics.ts'
import { TooManyWaiting } from '../platform/turns.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { noteRefusal } from '../protocol/errors/refusal.ts'
import { HashQueueFull } from '../records/accounts/password-hashing.ts'
import { LimitExceeded } from '../records/limits/sign-in-limits.ts'
import type { Signet } from '../signet.ts'

type Limit = Labels<'signet_limits_exceeded_total'>['limit']

/** What the page says about an exceeded limit, and the HTTP status of the response. */
export interface OverLimit {
  readonly fault: 'too_many_attempts' | 'busy'
  readonly retryAfterSeconds: number
  readonly status: number
}

/** Seconds after which to retry when a queue is full. */
const queueRetryAfter = 2

/**
 * Refuses a form because a limit was reached or a queue is full. Records and counts the refusal and sets the headers of the reply. The
 * caller shows the page again.
 *
 * @throws any other error unchanged
 */
export function refuseOverLimit(
  { metrics }: Pick<Signet, 'metrics'>,
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): OverLimit {
  const { fault, retryAfterSeconds, ...refusal } = limitOf(error)
  const headers = { 'retry-after': String(retryAfterSeconds) }
  const refused = new OAuthError(refusal.entry, { headers, detail: refusal.detail, isRecorded: refusal.isRecorded })
  noteRefusal(request, refused)
  if (error instanceof LimitExceeded) metrics.count('signet_limits_exceeded_total', { limit: error.limit as Limit })
  reply.headers(headers)
  return { fault, retryAfterSeconds, status: refused.status }
}

function limitOf(error: unknown) {
  const busy = { fault: 'busy', retryAfterSeconds: queueRetryAfter, isRecorded: true } as const
  if (error instanceof HashQueueFull) return { ...busy, entry: 'too_many_passwords', detail: error.message } as const
  if (error instanceof TooManyWaiting) return { ...busy, entry: 'unavailable', detail: undefined } as const
  if (!(error instanceof LimitExceeded)) throw error
  return {
    fault: 'too_many_attempts',
    retryAfterSeconds: error.retryAfter,
    entry: 'too_many_attempts',
    detail: `limit: ${error.limit}`,
    // One row for each window of a limit is enough: repeated attempts must not fill the table.
    isRecorded: error.isFirst,
  } as const
}
