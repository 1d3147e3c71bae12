import type { Log } from '../platform/log.ts'
import { ServerFault } from './server-fault.ts'

/** Milliseconds that a server has to stop: ten seconds for requests in progress, the rest for deferred writes. */
export const stopTimeout = 15_000

export interface LastResort {
  /**
   * From now on, requests in progress are completed before the process exits. Before that there are none, and it exits immediately.
   *
   * @param stopSignal aborted when the server must stop
   * @returns a signal that is aborted with `stopSignal`, and at an uncaught error
   */
  whileServing(stopSignal: AbortSignal): AbortSignal
  /** The uncaught error that stopped the server, if there was one. */
  fault(): ServerFault | undefined
  remove(): void
}

/**
 * Handles uncaught errors: an exception, or a rejected promise without a handler. The state of the process is uncertain after that,
 * so it does not continue. The error is logged, the server stops as after a signal, and the process exits with its own exit code, so
 * that the supervisor starts a new one. After a second such error, or if stopping takes too long, the process exits immediately.
 */
export function catchFaults(log: Pick<Log, 'fatal'>): LastResort {
  let ending: AbortController | undefined
  let fault: ServerFault | undefined
  // The log writes its buffered lines when the process exits.
  const exit = () => process.exit(ServerFault.exitCode)
  const onFault = (err: unknown) => {
    log.fatal({ err }, 'Uncaught error: the server is stopping.')
    if (!ending || fault) return exit()
    fault = new ServerFault()
    setTimeout(exit, stopTimeout).unref()
    ending.abort()
  }
  process.on('uncaughtException', onFault)
  process.on('unhandledRejection', onFault)
  return {
    whileServing: (stopSignal) => {
      ending = new AbortController()
      const { signal } = ending
      if (stopSignal.aborted) ending.abort()
      stopSignal.addEventListener('abort', () => ending?.abort(), { once: true, signal })
      return signal
    },
    fault: () => fault,
    remove: () => {
      process.off('uncaughtException', onFault)
      process.off('unhandledRejection', onFault)
    },
  }
}
