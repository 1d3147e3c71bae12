import type { Command } from 'commander'
import { readSettings, type Settings } from '../platform/config/settings.ts'
import type { Log } from '../platform/log.ts'
import { isLoopbackHost } from '../platform/network-address.ts'
import type { Tracing } from '../platform/tracing.ts'
import { CommandFailed, ifInterrupted } from './command-failures.ts'
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
  const { signet, startHeartbeat, stop } = await start(settings, log, { signal: terminal.asked }).catch(
    ifInterrupted('Interrupted before the server was ready.'),
  )
  let stopCleaner: (() => Promise<void>) | undefined
  let stopConverting: (() => Promise<void>) | undefined
  let tracing: Tracing | undefined
  try {
    await startHeartbeat()
    signet.endings.run()
    const maxTokenLifetime = Math.max(settings.accessTokenTtl, settings.idTokenTtl)
    stopConverting = startConvertingNames(signet.database, log)
    stopCleaner = startCleaner(signet.database, log, maxTokenLifetime, settings.eventRetention, signet.clock)
    tracing = await startTracing(terminal.environment, log)
    const app = buildApp(signet, tracing?.plugin)
    const { host, port } = settings
    await app.listen({ host, port, backlog }).catch(inWords(settings))
    terminal.writeOut(`Signet is ready: ${addressOf(settings)}\n`)
    const ending = lastResort.whileServing(terminal.asked)
    await aborted(ending)
    // Not ready any more, but at work: time for a proxy to see it and to send people elsewhere.
    app.shutdown.begun = true
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

/**
 * The issuer, and where this process listens if that is somewhere else: behind a proxy, or beside another process that has the issuer's
 * port.
 */
function addressOf({ issuer, host, port, tls }: Settings): string {
  const own = new URL(`${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`)
  const browsers = new URL(issuer)
  // `localhost`, 127.0.0.1 and an address that stands for every address of this machine lead to one place.
  const isHere = isLoopbackHost(own.hostname) || own.hostname === '0.0.0.0' || own.hostname === '[::]'
  const isSameHost = own.hostname === browsers.hostname || (isHere && isLoopbackHost(browsers.hostname))
  const isSame = isSameHost && own.protocol === browsers.protocol && portOf(own) === portOf(browsers)
  return isSame ? issuer : `${issuer} (this process listens on ${own.origin})`
}

function portOf({ port, protocol }: URL): string {
  return port || (protocol === 'https:' ? '443' : '80')
}

/** The two ways in which a port is refused, with the way out. */
function inWords(settings: Settings): (error: unknown) => never {
  const { host, port } = settings
  return (error) => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') throw new CommandFailed(`Port ${port} of ${host} is in use. ${wayOut(settings)}`)
    if (code === 'EACCES')
      throw new CommandFailed(
        `This user may not listen on port ${port}: set SIGNET_PORT to one above 1023, behind a proxy.`,
      )
    throw error
  }
}

/** With SIGNET_PORT alone, a loopback issuer would lead browsers to the process that has the port. */
function wayOut({ issuer, port, databaseUrl }: Settings): string {
  const url = new URL(issuer)
  if (!isLoopbackHost(url.hostname) || portOf(url) !== String(port))
    return 'Stop the program that listens there, or set SIGNET_PORT to another port. The proxy must lead to that port.'
  const another = port === 4010 ? 4020 : 4010
  // The database has the first issuer on record by now.
  const database = databaseUrl ? `SIGNET_DATABASE_SCHEMA=signet_${another}` : `SIGNET_DATA_DIR=.signet-${another}`
  return (
    'Stop the program that listens there, or start an installation of its own beside it: ' +
    `SIGNET_ISSUER=${url.protocol}//${url.hostname}:${another} ${database} SIGNET_KEYS_DIR=keys-${another}`
  )
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
