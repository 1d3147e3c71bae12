import type { LogFunctionFactory } from 'graphile-worker'
import type { Log } from '../log.ts'

/**
 * graphile-worker's messages, without its details, which contain payloads. What it calls information is for debugging here. A failed attempt is reported
 * by the task itself.
 */
export function quietLogger(log: Log): LogFunctionFactory {
  return () => (level, message, details) => {
    if (level === 'debug') return
    if (level === 'info' || details?.['failure'] === true) log.debug({}, `Jobs: ${message}`)
    else log.warn({}, `Jobs: ${message}`)
  }
}
