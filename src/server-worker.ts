import { catchFaults, type LastResort, stopTimeout } from './cli/last-resort.ts'
import { ServerFault } from './cli/server-fault.ts'
import { aborted } from './platform/aborted.ts'
import { serveHandedConnections } from './platform/http/handed-connections.ts'
import { createLog, type Log } from './platform/log.ts'
import { openPrimaryLink, type PrimaryLink } from './platform/processes/primary-link.ts'
import type { Tracing } from './platform/tracing.ts'
import type { Assignment } from './worker-processes.ts'

// The program of a worker process, which `signet serve` starts. It answers requests on connections that its primary process hands to it.

/** Milliseconds. */
const restAfterStart = 10_000

type Link = PrimaryLink<Assignment>

// A terminal and some supervisors send signals to all processes. Only the primary decides what follows.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

const link: Link = openPrimaryLink(process)
process.exitCode = await run(link)
link.end()

/** @returns the exit code */
async function run(link: Link): Promise<number> {
  const assignment = await link.assignment
  const log = createLog(assignment.settings, assignment.worker)
  const lastResort = catchFaults(log)
  const serving = { isServing: false }
  try {
    await serve(link, assignment, log, lastResort, serving)
    return link.isOrphan() ? 1 : 0
  } catch (error) {
    const reason = lastResort.fault() ?? error
    const { exitCodeOf, messageOf } = await import('./cli/command-failures.ts')
    if (!serving.isServing) await link.fail({ message: messageOf(reason), exitCode: exitCodeOf(reason) })
    else if (!(reason instanceof ServerFault)) log.error({ err: reason }, 'A worker process failed.')
    return exitCodeOf(reason)
  } finally {
    lastResort.remove()
  }
}

async function serve(
  link: Link,
  { settings, prepared, ticketKeys }: Assignment,
  log: Log,
  lastResort: LastResort,
  serving: { isServing: boolean },
): Promise<void> {
  const [{ buildApp }, { createOwnMetrics }, { startTracing }, { start }] = await Promise.all([
    import('./app.ts'),
    import('./endpoints/metrics/own-metrics.ts'),
    import('./platform/tracing.ts'),
    import('./start.ts'),
  ])
  const { hearHeartbeat, wish, send, stopping, shuttingDown } = link
  const group = { prepared, hearHeartbeat, wish, wakeEndings: () => send({ kind: 'endings' }) }
  const { signet, startHeartbeat, stop } = await start(settings, log, { signal: stopping, group })
  let tracing: Tracing | undefined
  try {
    await startHeartbeat()
    tracing = await startTracing(process.env, log)
    const app = buildApp(signet, { tracing: tracing?.plugin, shared: { readMetrics: link.scrape, ticketKeys } })
    const take = await serveHandedConnections(app)
    link.countFor(createOwnMetrics(signet))
    link.takeConnections(take)
    const beginShutdown = () => {
      app.shutdown.begun = true
    }
    if (shuttingDown.aborted) beginShutdown()
    shuttingDown.addEventListener('abort', beginShutdown, { once: true })
    // The start leaves some 20 MB of garbage. V8 gives the memory back only if it collects garbage while little is going on.
    setTimeout(() => globalThis.gc?.(), restAfterStart).unref()
    const ending = lastResort.whileServing(stopping)
    serving.isServing = true
    send({ kind: 'ready' })
    await aborted(ending)
    beginShutdown()
    // The primary answers an error with `stop`, after the last connection that it has handed over.
    if (lastResort.fault()) {
      send({ kind: 'leaving' })
      await aborted(stopping)
    }
    if (link.isOrphan()) {
      log.warn({}, 'The primary process has ended, so this worker ends, too.')
      setTimeout(() => process.exit(1), stopTimeout).unref()
    }
    await app.close()
  } finally {
    await stop()
    await tracing?.stop()
  }
  const fault = lastResort.fault()
  if (fault) throw fault
}
