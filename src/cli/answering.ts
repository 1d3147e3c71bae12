import { aborted } from '../platform/aborted.ts'
import type { HeartbeatNews } from '../platform/database/relayed-heartbeat.ts'
import type { WorkerFailure } from '../platform/processes/worker-messages.ts'
import type { Started } from '../start.ts'
import { AlreadyReported, CommandFailed, interruptedEarly } from './command-failures.ts'
import { ServerFault } from './server-fault.ts'
import type { Terminal } from './terminal.ts'

/** What answers requests: this process, or its workers. */
export interface Answering {
  listen(address: { readonly host: string; readonly port: number; readonly backlog: number }): Promise<unknown>
  /** Aborted, with the reason, if it cannot answer any more. */
  readonly failed: AbortSignal
  /** For workers: passes on what the heartbeat has learned. */
  tell(news: HeartbeatNews): void
  /** Requests are still accepted, but nobody should send any. */
  shutDown(): void
  /** Completes what is in progress. Idempotent. */
  close(): Promise<void>
  stopTracing(): Promise<void>
}

export async function inThisProcess({ signet }: Started, { environment }: Terminal): Promise<Answering> {
  const [{ buildApp }, { startTracing }] = await Promise.all([import('../app.ts'), import('../platform/tracing.ts')])
  const tracing = await startTracing(environment, signet.log)
  const app = buildApp(signet, { tracing: tracing?.plugin })
  return {
    listen: (address) => app.listen(address),
    failed: new AbortController().signal,
    tell: () => {},
    shutDown: () => {
      app.shutdown.begun = true
    },
    close: () => app.close(),
    stopTracing: async () => tracing?.stop(),
  }
}

export async function withWorkers(started: Started, { stopSignal }: Terminal): Promise<Answering> {
  const { createWorkerProcesses } = await import('../worker-processes.ts')
  const failing = new AbortController()
  const group = createWorkerProcesses(started, (failure) => failing.abort(failureOf(failure)))
  // If this process exits at once, for example after a second signal, its workers must not complete what is in progress either.
  const kill = () => group.kill()
  process.on('exit', kill)
  return {
    listen: async (address) => {
      const failure = await Promise.race([group.start(), aborted(stopSignal)])
      if (stopSignal.aborted) throw new CommandFailed(interruptedEarly)
      if (failure) throw failureOf(failure)
      await group.connections.listen(address)
    },
    failed: failing.signal,
    tell: group.tell,
    shutDown: group.shutDown,
    close: async () => {
      await group.stop()
      process.off('exit', kill)
    },
    stopTracing: async () => {},
  }
}

/** Reports a failure of a worker as if it had happened in this process. */
function failureOf({ message, exitCode }: WorkerFailure): Error {
  if (exitCode === ServerFault.exitCode) return new ServerFault()
  return message === undefined ? new AlreadyReported() : new CommandFailed(message)
}
