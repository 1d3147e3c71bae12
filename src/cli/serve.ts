import type { Command } from 'commander'
import { aborted } from '../platform/aborted.ts'
import { readSettings, type Settings } from '../platform/config/settings.ts'
import type { HeartbeatNews } from '../platform/database/relayed-heartbeat.ts'
import type { Log } from '../platform/log.ts'
import { isLoopbackHost } from '../platform/network-address.ts'
import { type Answering, inThisProcess, withWorkers } from './answering.ts'
import { CommandFailed, ifInterrupted, interruptedEarly } from './command-failures.ts'
import { catchFaults, type LastResort } from './last-resort.ts'
import type { Terminal } from './terminal.ts'

/**
 * Maximum number of connections that wait to be accepted. With Node's default of 511, a thousand clients that connect at the same time
 * wait for TCP retries, whose delays double: 16 seconds instead of 3. Linux limits this value to `net.core.somaxconn`.
 */
const backlog = 4_096

/** `signet serve`: runs until a signal, then completes requests in progress and stops. A second signal skips the shutdown delay. */
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
        // An error while stopping may be a consequence of the uncaught error.
        throw lastResort.fault() ?? error
      } finally {
        lastResort.remove()
      }
    })
}

/** @throws ServerFault if an uncaught error stopped the server; what `start` throws; CommandFailed if the port cannot be used */
async function serve(settings: Settings, log: Log, terminal: Terminal, lastResort: LastResort): Promise<void> {
  const [{ startConvertingNames }, { startCleaner }, { start }] = await Promise.all([
    import('../operations/convert-names.ts'),
    import('../records/cleanup/cleaner.ts'),
    import('../start.ts'),
  ])
  let server: Answering | undefined
  const relay = settings.workers > 1 ? { relay: (news: HeartbeatNews) => server?.tell(news) } : {}
  const started = await start(settings, log, { signal: terminal.stopSignal, ...relay }).catch(
    ifInterrupted(interruptedEarly),
  )
  const { signet, startHeartbeat, startJobs, stop } = started
  let stopCleaner: (() => Promise<void>) | undefined
  let stopConverting: (() => Promise<void>) | undefined
  try {
    server = await (settings.workers > 1 ? withWorkers(started, terminal) : inThisProcess(started, terminal))
    await startHeartbeat()
    signet.endings.run()
    startJobs()
    const maxTokenLifetime = Math.max(settings.accessTokenTtl, settings.idTokenTtl)
    stopConverting = startConvertingNames(signet.database, log)
    const keeping = { eventsFor: settings.eventRetention, unusedClientsFor: settings.registrationUnusedTtl }
    stopCleaner = startCleaner(signet.database, log, maxTokenLifetime, keeping, signet.clock)
    const { host, port } = settings
    await server.listen({ host, port, backlog }).catch(explainListenError(settings))
    terminal.writeOut(`Signet is ready: ${addressOf(settings)}\n`)
    const ending = lastResort.whileServing(AbortSignal.any([terminal.stopSignal, server.failed]))
    await aborted(ending)
    // No longer ready, but still serving: this gives a proxy time to notice and to send requests to other nodes.
    server.shutDown()
    if (settings.shutdownDelay > 0 && !lastResort.fault() && !server.failed.aborted) {
      log.info({ seconds: settings.shutdownDelay }, 'Stopping: no longer ready, but requests are still accepted.')
      await terminal.linger(settings.shutdownDelay * 1000)
    }
  } finally {
    try {
      await server?.close()
    } finally {
      await stopConverting?.()
      await stopCleaner?.()
      await stop()
      // Last, because it waits for a collector that does not answer: 10 seconds unless OTEL_EXPORTER_OTLP_TIMEOUT says otherwise.
      await server?.stopTracing()
    }
  }
  const fault = lastResort.fault()
  if (fault) throw fault
  server.failed.throwIfAborted()
}

/**
 * The issuer, and the address this process listens on if it is a different one: behind a proxy, or next to another process that has the
 * issuer's port.
 */
function addressOf({ issuer, host, port, tls }: Settings): string {
  const own = new URL(`${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`)
  const browsers = new URL(issuer)
  // `localhost`, 127.0.0.1 and an address that means all addresses of this machine are the same server.
  const isHere = isLoopbackHost(own.hostname) || own.hostname === '0.0.0.0' || own.hostname === '[::]'
  const isSameHost = own.hostname === browsers.hostname || (isHere && isLoopbackHost(browsers.hostname))
  const isSame = isSameHost && own.protocol === browsers.protocol && portOf(own) === portOf(browsers)
  return isSame ? issuer : `${issuer} (this process listens on ${own.origin})`
}

function portOf({ port, protocol }: URL): string {
  return port || (protocol === 'https:' ? '443' : '80')
}

/** For `catch`: explains a port that is in use or not allowed, and what to do. */
function explainListenError(settings: Settings): (error: unknown) => never {
  const { host, port } = settings
  return (error) => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') throw new CommandFailed(`Port ${port} of ${host} is in use. ${portAdvice(settings)}`)
    if (code === 'EACCES')
      throw new CommandFailed(
        `This user may not listen on port ${port}. Set SIGNET_PORT to a port above 1023, behind a proxy.`,
      )
    throw error
  }
}

/** With a loopback issuer, changing SIGNET_PORT alone would send browsers to the process that has the port. */
function portAdvice({ issuer, port, databaseUrl }: Settings): string {
  const url = new URL(issuer)
  if (!isLoopbackHost(url.hostname) || portOf(url) !== String(port))
    return 'Stop the program that listens there, or set SIGNET_PORT to another port and point the proxy to it.'
  const another = port === 4010 ? 4020 : 4010
  // A separate database or schema, because this one already belongs to the first issuer.
  const database = databaseUrl ? `SIGNET_DATABASE_SCHEMA=signet_${another}` : `SIGNET_DATA_DIR=.signet-${another}`
  return (
    'Stop the program that listens there, or start a separate installation next to it: ' +
    `SIGNET_ISSUER=${url.protocol}//${url.hostname}:${another} ${database} SIGNET_KEYS_DIR=keys-${another}`
  )
}
