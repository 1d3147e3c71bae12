import type { LogFunctionFactory } from 'graphile-worker'
import type { Log } from '../log.ts'

/**
 * Logs graphile-worker's messages, without its details, which contain payloads. What it calls information is for debugging here. A task that
 * has reported its failure itself throws an error with `isReported`.
 */
export function quietLogger(log: Log): LogFunctionFactory {
  return () => (level, message, details) => {
    if (level === 'debug') return
    if (level === 'info') return log.debug({}, `Jobs: ${message}`)
    const { failure, error, job } = (details ?? {}) as FailureDetails
    if (failure !== true) return log.warn({}, `Jobs: ${message}`)
    const about = { task: job?.task_identifier, attempt: job?.attempts }
    if (error?.isReported !== true) log.warn({ ...about, err: error }, 'A job has failed.')
  }
}

interface FailureDetails {
  readonly failure?: boolean
  readonly error?: Error & { readonly isReported?: boolean }
  readonly job?: { readonly task_identifier: string; readonly attempts: number }
}
