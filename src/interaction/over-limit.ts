import { TooManyWaiting } from '../platform/turns.ts'
import type { ErrorName } from '../protocol/errors/error-registry.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { HashQueueFull } from '../records/accounts/password-hashing.ts'
import { LimitExceeded } from '../records/limits/sign-in-limits.ts'

/** What a page says of it, and the refusal that goes out with the page. */
export interface OverLimit {
  readonly fault: 'too_many_attempts' | 'busy'
  readonly retryAfterSeconds: number
  readonly refusal: OAuthError
}

/** Seconds until a full queue is worth another try. */
const queueDrains = 2

/**
 * What is thrown where too much is asked for, by one or by all.
 *
 * @throws anything else, as it is
 */
export function overLimit(error: unknown): OverLimit {
  if (error instanceof LimitExceeded)
    return over('too_many_attempts', error.retryAfter, 'too_many_attempts', `limit: ${error.limit}`, error.isFirst)
  if (error instanceof HashQueueFull) return over('busy', queueDrains, 'too_many_passwords', error.message)
  if (error instanceof TooManyWaiting) return over('busy', queueDrains, 'unavailable')
  throw error
}

/** @param isRecorded one row is enough for each window of a limit: whoever is over one must not fill a table by going on */
function over(
  fault: OverLimit['fault'],
  retryAfterSeconds: number,
  entry: ErrorName,
  detail?: string,
  isRecorded = true,
): OverLimit {
  const headers = { 'retry-after': String(retryAfterSeconds) }
  return { fault, retryAfterSeconds, refusal: new OAuthError(entry, { headers, detail, isRecorded }) }
}
