import type { Log } from '../platform/log.ts'
import { ServerFault } from './failures.ts'

/** Milliseconds that a server has to end after a fault: ten seconds for requests under way, and a little for what is still to be written. */
const patience = 15_000

export interface LastResort {
  /**
   * From now on a fault lets requests under way come to their end. Before, there are none, and the process exits at once.
   *
   * @param asked aborted when somebody asks for the end
   * @returns a signal that is aborted then, and at a fault
   */
  whileServing(asked: AbortSignal): AbortSignal
  /** The fault that has ended the server, if it was one. */
  fault(): ServerFault | undefined
  remove(): void
}

/**
 * Catches what no code has caught: an exception, or a rejected promise that nobody waits for. After that nothing is certain about
 * the state of the process, so it does not go on. The fault is logged, the server ends as if it had been told to, and the process
 * exits with a code of its own, so that its supervisor starts a clean one. A second fault, or an end that takes too long, exits at
 * once.
 */
export function catchFaults(log: Pick<Log, 'fatal'>): LastResort {
  let ending: AbortController | undefined
  let fault: ServerFault | undefined
  // The log writes what it still has when the process exits.
  const exit = () => process.exit(ServerFault.exitCode)
  const onFault = (err: unknown) => {
    log.fatal({ err }, 'A fault that no code has caught: the server ends.')
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
