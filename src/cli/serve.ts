import type { Command } from 'commander'
import { readSettings, type Settings } from '../platform/config/settings.ts'
import type { Log } from '../platform/log.ts'
import type { Tracing } from '../platform/tracing.ts'
import { CommandFailed, ifInterrupted } from './failures.ts'
import { catchFaults, type LastResort } from './last-resort.ts'
import type { Terminal } from './terminal.ts'

/**
 * Connections that wait to be accepted. With Node's 511, a thousand clients that connect at once wait for the retries of TCP, whose
 * pauses double: 16 seconds instead of 3. Linux cuts it to `net.core.somaxconn`.
 */
const backlog = 4_096

/** `signet serve`: runs until it is told to stop, and then lets what has begun come to its end; told once more, without the delay. */
export function serveCommand(program: Command, terminal: Terminal): void {
  program
    .command('serve')
    .description('Start the server.')
    .action(async () => {
      const settings = readSettings(terminal.environment, terminal.folder)
      const { createLog } = await import('../platform/log.ts')
      const log = createLog(settings)
      const lastResort = catchFaults(log)
      try {
        await serve(settings, log, terminal, lastResort)
      } catch (error) {
        // What failed while it stopped may only have followed from it.
        throw lastResort.fault() ?? error
      } finally {
        lastResort.remove()
      }
    })
}

/** @throws ServerFault when an uncaught error stopped it; what `start` throws; CommandFailed for a port that is taken */
async function serve(settings: Settings, log: Log, terminal: Terminal, lastResort: LastResort): Promise<void> {
  const [{ buildApp }, { startConvertingNames }, { startCleaner }, { startTracing }, { start }] = await Promise.all([
    import('../app.ts'),
    import('../operations/convert-names.ts'),
    import('../records/cleanup/cleaner.ts'),
    import('../platform/tracing.ts'),
    import('../start.ts'),
  ])
  const { signet, hear, stop } = await start(settings, log, { signal: terminal.asked }).catch(
    ifInterrupted('Interrupted before the server was ready.'),
  )
  let stopCleaner: (() => Promise<void>) | undefined
  let stopConverting: (() => Promise<void>) | undefined
  let tracing: Tracing | undefined
  try {
    await hear()
    signet.endings.run()
    const longestToken = Math.max(settings.accessTokenTtl, settings.idTokenTtl)
    stopConverting = startConvertingNames(signet.database, log)
    stopCleaner = startCleaner(signet.database, log, longestToken, settings.eventRetention, signet.clock)
    tracing = await startTracing(terminal.environment, log)
    const app = buildApp(signet, tracing?.plugin)
    const { host, port } = settings
    await app.listen({ host, port, backlog }).catch(inWords(settings))
    terminal.writeOut(`Signet is ready: ${settings.issuer}\n`)
    const ending = lastResort.whileServing(terminal.asked)
    await aborted(ending)
    // Not ready any more, but at work: time for a proxy to see it and to send people elsewhere.
    app.ending.begun = true
    if (settings.shutdownDelay > 0 && !lastResort.fault()) {
      log.info({ seconds: settings.shutdownDelay }, 'ending: not ready any more, requests are still taken')
      await terminal.linger(settings.shutdownDelay * 1000)
    }
    await app.close()
  } finally {
    await stopConverting?.()
    await stopCleaner?.()
    await stop()
    // Last: a collector that does not answer is waited for, 10 seconds unless OTEL_EXPORTER_OTLP_TIMEOUT says otherwise.
    await tracing?.stop()
  }
  const fault = lastResort.fault()
  if (fault) throw fault
}

/** The two ways in which a port is refused, with the way out. */
function inWords({ host, port }: Pick<Settings, 'host' | 'port'>): (error: unknown) => never {
  return (error) => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE')
      throw new CommandFailed(
        `Something listens on ${host}, port ${port}, already: stop it, or set SIGNET_PORT. The issuer's port is what browsers use.`,
      )
    if (code === 'EACCES')
      throw new CommandFailed(
        `This user may not listen on port ${port}: set SIGNET_PORT to one above 1023, behind a proxy.`,
      )
    throw error
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
