import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { createOwnMetrics } from './endpoints/metrics/own-metrics.ts'
import type { Settings } from './platform/config/settings.ts'
import { createWorkerGroup, type WorkerGroup } from './platform/processes/worker-group.ts'
import type { WorkerFailure } from './platform/processes/worker-messages.ts'
import type { PreparedDatabase, Started } from './start.ts'

/** What a worker is told at its start. It contains secrets, and goes through a channel that only the two processes have. */
export interface Assignment {
  /** From 1. */
  readonly worker: number
  /** Those of the primary, so that all processes have the same, even if a file has changed since. */
  readonly settings: Settings
  readonly prepared: PreparedDatabase
  readonly ticketKeys: Buffer
}

/** The keys of session tickets, as `tls.createServer` expects them. */
const ticketKeyBytes = 48

/**
 * Creates the worker processes of a server (server-worker.ts) without starting them. They answer requests. This process does what is needed
 * once: it has the embedded database, listens for notifications, and runs jobs and everything else in the background.
 *
 * @param onHopeless called if no worker serves any more, and new ones cannot start
 */
export function createWorkerProcesses(
  { signet, prepared, grant }: Pick<Started, 'signet' | 'prepared' | 'grant'>,
  onHopeless: (failure: WorkerFailure) => void,
): WorkerGroup {
  const { settings, log, endings } = signet
  const ticketKeys = randomBytes(ticketKeyBytes)
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return createWorkerGroup<Assignment>({
    program: fileURLToPath(new URL(`server-worker.${extension}`, import.meta.url)),
    size: settings.workers,
    assignmentFor: (worker) => ({ worker, settings, prepared, ticketKeys }),
    ownMetrics: createOwnMetrics(signet),
    onWish: grant,
    onEndings: () => endings.wake(),
    onHopeless,
    log,
  })
}
