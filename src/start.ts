import { createJobWorkers, type JobWorkers } from './job-workers.ts'
import { keyLedgerFile, openKeyLedger } from './key-ring/key-ledger.ts'
import { openKeyRing } from './key-ring/key-ring.ts'
import { delaysOf } from './key-ring/rotation.ts'
import { openSecretRing } from './key-ring/secret-ring.ts'
import { createVerifiersLastSeen } from './key-ring/verifiers-last-seen.ts'
import { createClock } from './platform/clock.ts'
import { poolShare, type Settings } from './platform/config/settings.ts'
import { queryTimeoutMs, relaxedTimeouts } from './platform/database/connection-setup.ts'
import { type Heartbeat, type NotifyChannel, notifyChannels, startHeartbeat } from './platform/database/heartbeat.ts'
import { type DatabaseConnection, hostsOf } from './platform/database/hosts.ts'
import { briefWait } from './platform/database/locked-transaction.ts'
import { createPool } from './platform/database/pool.ts'
import type { Route } from './platform/database/pooler.ts'
import { prepareDatabase } from './platform/database/prepare-database.ts'
import {
  createRelayedHeartbeat,
  type HeartbeatNews,
  type HeartbeatWish,
  pulseForMachine,
  type RelayedHeartbeat,
} from './platform/database/relayed-heartbeat.ts'
import { createFailureLog } from './platform/failure-log.ts'
import { createFairQueue } from './platform/fair-queue.ts'
import type { Log } from './platform/log.ts'
import { createMetrics } from './platform/metrics.ts'
import { createOutgoing, type Outgoing } from './platform/outgoing/outgoing.ts'
import { type Report, reportIfSlow, slowSteps } from './platform/progress.ts'
import { createTurns } from './platform/turns.ts'
import { reachDatabase } from './reach-database.ts'
import { readBrand } from './read-brand.ts'
import { createBreachedPasswords } from './records/accounts/breached-passwords.ts'
import { createPasswordHashing, hashQueueShare } from './records/accounts/password-hashing.ts'
import { createPasswordKinds } from './records/accounts/password-kinds.ts'
import { createClientCache } from './records/clients/client-cache.ts'
import { createClientKeySets } from './records/clients/client-keys.ts'
import { createEndingWorker } from './records/endings/ending-worker.ts'
import { createDeferredEvents } from './records/events/deferred-events.ts'
import { createTokenCounter } from './records/events/token-counter.ts'
import { createSignInLimits } from './records/limits/sign-in-limits.ts'
import { createRefusalLog } from './records/refusals/refusal-log.ts'
import { setUpInstallation } from './set-up.ts'
import type { Signet } from './signet.ts'
import { createTokenReads } from './tokens/token-reads.ts'
import { createVerifiedTokens } from './tokens/verified-tokens.ts'

export interface StartOptions {
  /** Aborts the start with its reason, and any wait for another node immediately. */
  readonly signal?: AbortSignal
  /** Called with what takes long or is waited for; default: the log. */
  readonly report?: Report
  /** For the primary process of a group: called with what its heartbeat learns. */
  readonly relay?: (news: HeartbeatNews) => void
  /** For a worker of a group. */
  readonly group?: GroupMembership
  /** For tests. */
  readonly outgoing?: Outgoing | undefined
}

/** What a primary process has found out at its start, so that its workers need not. */
export interface PreparedDatabase {
  readonly connection: DatabaseConnection
  readonly route: Route
}

/** How a worker takes part in what its primary does for the group. */
export interface GroupMembership {
  readonly prepared: PreparedDatabase
  hearHeartbeat(hear: (news: HeartbeatNews) => void): void
  wish(wish: HeartbeatWish): void
  wakeEndings(): void
}

export interface Started {
  readonly signet: Signet
  /**
   * Starts the heartbeat, which also receives notifications of changes by other nodes and commands. Resolves after its first beat, or when
   * that has failed.
   */
  startHeartbeat(): Promise<void>
  /** Starts to run jobs, such as sending mails. */
  startJobs(): void
  readonly prepared: PreparedDatabase
  /** For the primary process of a group: does what a worker asks of the heartbeat. */
  grant(wish: HeartbeatWish): void
  /** Releases everything that `start` acquired. */
  stop(): Promise<void>
}

/** Milliseconds. Together they limit how long a request waits for an unavailable database. */
const requestLimits = { connectTimeoutMs: 2_000, queryTimeoutMs }

/**
 * Starts everything that a server needs: the database with its migrations, the master key, secrets and signing keys. What does not
 * exist yet is created. Commands never create anything, so they use `openInstallation` instead. While another node sets up the same
 * installation, this one waits for it.
 *
 * @throws SettingsError, MasterKeyError, IssuerMismatch, the signal's reason, and errors of the database
 */
export async function start(settings: Settings, log: Log, options: StartOptions = {}): Promise<Started> {
  const { signal = briefWait.signal, report = (sentence) => log.info(sentence), relay, group } = options
  const schema = settings.databaseSchema
  // Before anything is created: a wrong file stops the start.
  const brand = await readBrand(settings, group ? { info: () => {} } : log)
  const { connection, leave } = group
    ? { ...group.prepared, leave: async () => {} }
    : await reachDatabase(settings, log, report)
  const undo: (() => unknown)[] = [leave]
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const hosts = hostsOf(connection)
    const { databasePreparedStatements: preparedStatements } = settings
    const preparation = { hosts, schema, preparedStatements, queryTimeoutMs, log, signal }
    const { route, advice } = group
      ? { ...group.prepared, advice: [] }
      : await reportIfSlow(report, slowSteps.migrations, () => prepareDatabase(preparation))
    let heartbeat: Heartbeat | undefined
    let workers: JobWorkers | undefined
    // Drops cached data or reads it again: something has changed (NOTIFY), or may have.
    let onNotify = (_channel: string | undefined) => {}
    const { session, namedStatements } = route
    const common = { connection, hosts, schema, session, namedStatements, log }
    const database = createPool({
      ...common,
      ...requestLimits,
      max: settings.workers > 1 ? poolShare(settings) : settings.databasePool,
      onUnwritable: (code) => {
        if (code === '53100') return heartbeat?.checkDisk()
        heartbeat?.reconnect()
        onNotify(undefined)
      },
    })
    undo.push(() => database.end())
    // A server starts on a separate connection, with the longer limits of a start.
    const startPool = createPool({ ...common, ...relaxedTimeouts, max: 1 })
    let startPoolEnd: Promise<void> | undefined
    const endStartPool = () => {
      startPoolEnd ??= startPool.end()
      return startPoolEnd
    }
    undo.push(endStartPool)
    const opening = {
      db: startPool,
      wait: { signal, report, timeoutMs: Number.POSITIVE_INFINITY },
    }
    const ledger = await openKeyLedger(keyLedgerFile(settings), log)
    const { masterKey, subjectSalt } = await setUpInstallation(opening.db, settings, opening.wait, ledger)
    const clock = createClock()
    const keyRing = await openKeyRing({
      db: database,
      masterKey,
      clock,
      log,
      delays: delaysOf(settings),
      ledger,
      wait: briefWait,
      opening,
    })
    undo.push(() => keyRing.stop())
    const { keyLease, clockSkew } = settings
    const secrets = await openSecretRing({ db: database, masterKey, clock, log, keyLease, clockSkew, ledger, opening })
    undo.push(() => secrets.stop())
    // Not awaited here: `stop` waits until the server has closed the connection.
    endStartPool().catch((err: unknown) => log.warn({ err }, 'The connection used for the start could not be closed.'))
    const clients = createClientCache(database, () => heartbeat?.isLive() ?? false)
    onNotify = (channel) => {
      const isAbout = (name: NotifyChannel) => channel === undefined || channel === name
      if (isAbout(notifyChannels.clients)) clients.clear()
      if (isAbout(notifyChannels.jobs)) workers?.jobs.wake()
      if (isAbout(notifyChannels.notices)) workers?.notices.wake()
      // This is only faster: without a notification, changes are read within the lease, or the lease ends.
      if (isAbout(notifyChannels.keys))
        keyRing.refresh().catch((err: unknown) => log.warn({ err }, 'Changed signing keys could not be read.'))
      if (isAbout(notifyChannels.secrets))
        secrets.refresh().catch((err: unknown) => log.warn({ err }, 'Changed purpose secrets could not be read.'))
    }
    const onLost = (reason: string, isCertain: boolean) => {
      database.dropConnections(reason)
      // Otherwise the clients in memory are used as long as they would be if nobody had noticed (`maxStaleness`). To read them all again would
      // multiply the load of a busy node. They are dropped when LISTEN starts again.
      const channels = Object.values(notifyChannels)
      for (const channel of channels) if (isCertain || channel !== notifyChannels.clients) onNotify(channel)
    }
    const beginHeartbeat = () => {
      heartbeat ??= group ? joinHeartbeat(group) : openHeartbeat()
      return heartbeat.begun
    }
    const openHeartbeat = () => {
      for (const one of advice) log.warn({}, `${one.finding} ${one.advice}`)
      if (route.session === 'shared') {
        log.warn(
          {},
          'Behind a connection pooler in transaction mode, PostgreSQL cannot notify this node of changes (LISTEN). Clients are read from ' +
            'the database for each request, and keys and secrets three times per lease.',
        )
      }
      return startHeartbeat({
        ...{ hosts, schema, session: route.session, log },
        channels: route.session === 'own' ? Object.values(notifyChannels) : [],
        onNotify: (channel) => {
          onNotify(channel)
          relay?.({ what: 'notified', channel })
        },
        onLost: (reason, isCertain) => {
          onLost(reason, isCertain)
          relay?.({ what: 'lost', reason, isCertain })
        },
        onTooMany: () => {
          database.makeRoom()
          relay?.({ what: 'too-many' })
        },
        onPulse: relay && ((pulse) => relay({ what: 'pulse', pulse: pulseForMachine(pulse) })),
      })
    }
    const joinHeartbeat = ({ hearHeartbeat, wish }: GroupMembership): RelayedHeartbeat => {
      const relayed = createRelayedHeartbeat({ onNotify, onLost, onTooMany: () => database.makeRoom() }, wish)
      // What was reported before may have been missed.
      onNotify(undefined)
      hearHeartbeat(relayed.hear)
      return relayed
    }
    undo.push(() => heartbeat?.stop())
    const passwordKinds = createPasswordKinds(database, log)
    undo.push(() => passwordKinds.stop())
    await passwordKinds.refresh()
    const ownEndings = createEndingWorker(database, log)
    // Those of a group are processed by its primary.
    const endings = group ? { ...ownEndings, run: () => {}, wake: group.wakeEndings } : ownEndings
    undo.push(() => endings.stop())
    const tokenCounter = createTokenCounter(database, log)
    const deferredEvents = createDeferredEvents(database, log)
    const refusals = createRefusalLog(database, log)
    const verifiersLastSeen = createVerifiersLastSeen(database, clock, log)
    undo.push(() =>
      Promise.all([tokenCounter.stop(), deferredEvents.stop(), refusals.stop(), verifiersLastSeen.stop()]),
    )
    const turns = createTurns()
    const metrics = createMetrics()
    const breachedPasswords = createBreachedPasswords(settings.breachedPasswordsUrl, log, (outcome) =>
      metrics.count('signet_breached_password_checks_total', { outcome }),
    )
    const outgoing = options.outgoing ?? createOutgoing({ settings })
    const signet: Signet = {
      settings,
      brand,
      database,
      databaseProblem: () => (heartbeat ? heartbeat.problem() : 'the heartbeat has not started'),
      waitingJobs: () => workers?.jobs.waiting(),
      waitingNotices: () => workers?.notices.waiting(),
      keyRing,
      verifiersLastSeen,
      verifiedTokens: createVerifiedTokens(keyRing),
      tokenReads: createTokenReads(database),
      secrets,
      subjectSalt,
      clock,
      log,
      clients,
      ...{
        outgoing,
        clientKeys: createClientKeySets(outgoing, (host) => settings.clientIdMetadataHosts.includes(host)),
      },
      ...{
        passwords: createPasswordHashing(undefined, createFairQueue(hashQueueShare(settings.workers))),
        passwordKinds,
        breachedPasswords,
      },
      turns,
      limits: createSignInLimits(database, turns),
      endings,
      tokenCounter,
      deferredEvents,
      refusals,
      metrics,
      mailFailures: createFailureLog(log, ({ fault }) => fault),
      noticeFailures: createFailureLog(log, ({ client }) => client),
    }
    const beginJobs = () => {
      workers ??= createJobWorkers(signet, route.session === 'own')
      workers.jobs.run()
      workers.notices.run()
    }
    undo.push(() => Promise.all([workers?.jobs.stop(), workers?.notices.stop()]))
    const grant = (wish: HeartbeatWish) => {
      if (wish === 'reconnect') heartbeat?.reconnect()
      else heartbeat?.checkDisk()
    }
    const prepared = { connection, route }
    return { signet, startHeartbeat: beginHeartbeat, startJobs: beginJobs, prepared, grant, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
