import type { Labels, Metrics } from '../platform/metrics.ts'
import { LimitExceeded } from '../records/limits/sign-in-limits.ts'

type Limit = Labels<'signet_limits_exceeded_total'>['limit']

/** Counts a try that a limit refused. What else was thrown has its own place in the metrics. */
export function countOverLimit(metrics: Pick<Metrics, 'count'>, error: unknown): void {
  if (error instanceof LimitExceeded) metrics.count('signet_limits_exceeded_total', { limit: error.limit as Limit })
}
