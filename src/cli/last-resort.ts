import type { Log } from '../platform/log.ts'
import { ServerFault } from './command-failures.ts'

/** Milliseconds that a server has to stop: ten seconds for requests under way, and some for deferred writes. */
const patience = 15_000

export interface LastResort {
  /**
   * From now on requests under way are answered before the process exits. Until then there are none, and it exits at once.
   *
   * @param asked aborted when the server is told to stop
   * @returns a signal that is aborted then, and at an uncaught error
   */
  whileServing(asked: AbortSignal): AbortSignal
  /** The uncaught error that stopped the server, if one did. */
  fault(): ServerFault | undefined
  remove(): void
}

/**
 * Handles errors that no code has caught: an exception, or a rejected promise without a handler. The state of the process is
 * uncertain after that, so it does not continue. The error is logged, the server stops as if it had been told to, and the process
 * exits with a code of its own, so that its supervisor starts a clean one. A second such error, or a stop that takes too long,
 * exits at once.
 */
export function catchFaults(log: Pick<Log, 'fatal'>): LastResort {
  let ending: AbortController | undefined
  let fault: ServerFault | undefined
  // The log writes what it still has when the process exits.
  const exit = () => process.exit(ServerFault.exitCode)
  const onFault = (err: unknown) => {
    log.fatal({ err }, 'Uncaught error: the server is stopping.')
    if (!ending || fault) return exit()
    fault = new ServerFault()
    setTimeout(exit, patience).unref()
    ending.abort()
  }
  process.on('uncaughtException', onFault)
  process.on('unhandledRejection', onFault)
  return {
    whileServing: (asked) => {
      ending = new AbortController()
      const { signal } = ending
      if (asked.aborted) ending.abort()
      asked.addEventListener('abort', () => ending?.abort(), { once: true, signal })
      return signal
    },
    fault: () => fault,
    remove: () => {
      process.off('uncaughtException', onFault)
      process.off('unhandledRejection', onFault)
    },
  }
}
