import type { Labels } from '../platform/metrics.ts'
import type { ErrorName } from '../protocol/errors/error-registry.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { LimitExceeded } from '../records/limits/sign-in-limits.ts'
import type { Signet } from '../signet.ts'

type Limit = Labels<'signet_limits_exceeded_total'>['limit']

/**
 * Counts what a program asks for, before anything is done about it. For forms of people there is `interaction/over-limit.ts`.
 *
 * @param entry the error if a limit is exceeded. It says when to try again
 * @throws OAuthError; what `count` throws otherwise
 */
export async function withinLimit(
  { metrics }: Pick<Signet, 'metrics'>,
  entry: ErrorName,
  count: () => Promise<void>,
): Promise<void> {
  try {
    await count()
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    const { limit, retryAfter, isFirst } = error
    metrics.count('signet_limits_exceeded_total', { limit: limit as Limit })
    throw new OAuthError(entry, {
      headers: { 'retry-after': String(retryAfter) },
      detail: `limit: ${limit}`,
      // One row for each window of a limit is enough: repeated attempts must not fill the table.
      isRecorded: isFirst,
    })
  }
}
