import { join } from 'node:path'
import { openKeyLedger } from './key-ring/key-ledger.ts'
import { openKeyRing } from './key-ring/key-ring.ts'
import { createVerifierSightings } from './key-ring/verifier-sightings.ts'
import { createClock } from './platform/clock.ts'
import { isLoopbackHost } from './platform/config/issuer.ts'
import { activationDelay, type Settings } from './platform/config/settings.ts'
import { queryTimeoutMs } from './platform/database/connection-setup.ts'
import { joinEmbedded } from './platform/database/embedded.ts'
import { type Heartbeat, startHeartbeat } from './platform/database/heartbeat.ts'
import { hostsOf } from './platform/database/hosts.ts'
import { lockInstallation, recordIssuer } from './platform/database/installation-store.ts'
import { createPool } from './platform/database/pool.ts'
import { prepareDatabase } from './platform/database/prepare-database.ts'
import { inTransaction } from './platform/database/queryable.ts'
import type { Log } from './platform/log.ts'
import { createMetrics } from './platform/metrics.ts'
import { openMasterKey } from './platform/secrets/master-key.ts'
import { openPurposeSecrets } from './platform/secrets/purpose-secrets.ts'
import { holdsSealed } from './platform/secrets/purpose-secrets-store.ts'
import { createPasswordHashing } from './records/accounts/password-hashing.ts'
import { createKnownClients } from './records/clients/known-clients.ts'
import { createTokenTally } from './records/events/token-tally.ts'
import { createSignInLimits } from './records/limits/sign-in-limits.ts'
import { createRefusalsJournal } from './records/refusals/refusals-journal.ts'
import type { Signet } from './signet.ts'

/** The settings name an issuer, the database belongs to another: tokens in the world would no longer be ours. */
export class IssuerMismatch extends Error {
  constructor(recorded: string, configured: string, schema: string) {
    super(
      `This database belongs to the issuer ${recorded}, but SIGNET_ISSUER is ${configured}. Set SIGNET_ISSUER back, or give ` +
        `the other issuer a schema of its own (SIGNET_DATABASE_SCHEMA is ${schema}).`,
    )
    this.name = 'IssuerMismatch'
  }
}

export interface Started {
  readonly signet: Signet
  /**
   * Starts the heartbeat, which also hears at once what other nodes and commands change. For servers: a command is over sooner.
   * Resolves when it has beaten, or failed to, once.
   */
  hear(): Promise<void>
  /** Lets go of everything that the start took. */
  stop(): Promise<void>
}

/** Milliseconds. Together with the limit on a statement it bounds how long anything waits for a database that is away. */
const connectTimeoutMs = 2_000

/**
 * Brings everything up that commands and server need: the database with its migrations, the master key, secrets and signing keys.
 *
 * @throws SettingsError, MasterKeyError, IssuerMismatch, and what the database says
 */
export async function start(settings: Settings, log: Log): Promise<Started> {
  const schema = settings.databaseSchema
  const embedded = settings.databaseUrl
    ? undefined
    : await joinEmbedded({
        dataDir: settings.dataDir,
        issuerIsLoopback: isLoopbackHost(new URL(settings.issuer).hostname),
        log,
      })
  const undo: (() => unknown)[] = embedded ? [() => embedded.leave()] : []
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const connection = embedded ? embedded.connection : { connectionString: settings.databaseUrl as string }
    const hosts = hostsOf(connection)
    const { databasePreparedStatements: preparedStatements } = settings
    const { route, advice } = await prepareDatabase({ hosts, schema, preparedStatements, queryTimeoutMs, log })
    let heartbeat: Heartbeat | undefined
    // Drops what is in memory: something has changed, or may have.
    let onChange = (_channel: string | undefined) => {}
    const database = createPool({
      connection,
      hosts,
      schema,
      session: route.session,
      namedStatements: route.namedStatements,
      max: settings.databasePool,
      connectTimeoutMs,
      queryTimeoutMs,
      onUnwritable: (code) => {
        if (code === '53100') return heartbeat?.checkDisk()
        heartbeat?.reconnect()
        onChange(undefined)
      },
      log,
    })
    undo.push(() => database.end())
    const { masterKey, secrets } = await inTransaction(database, async (tx) => {
      await lockInstallation(tx)
      const recorded = await recordIssuer(tx, settings.issuer)
      if (recorded !== settings.issuer) throw new IssuerMismatch(recorded, settings.issuer, schema)
      const opened = await openMasterKey(settings, await holdsSealed(tx))
      const purposeSecrets = await openPurposeSecrets(tx, opened)
      return { masterKey: opened, secrets: purposeSecrets }
    })
    const clock = createClock()
    const keyRing = await openKeyRing({
      db: database,
      masterKey,
      clock,
      log,
      delays: {
        rotationPeriod: settings.keyRotationPeriod,
        activationDelay: activationDelay(settings),
        clockSkew: settings.clockSkew,
        keyLease: settings.keyLease,
      },
      ledger: await openKeyLedger(join(settings.keysDir, 'key-ledger.txt'), log),
    })
    undo.push(() => keyRing.stop())
    const clients = createKnownClients(database, () => heartbeat?.hears() ?? false)
    onChange = (channel) => {
      if (channel !== 'signet_keys') clients.forget()
      // Only sooner: what is not heard is read within the lease, or the lease ends.
      if (channel !== 'signet_clients')
        keyRing.refresh().catch((err: unknown) => log.warn({ err }, 'Changed signing keys could not be read.'))
    }
    const hear = () => {
      for (const one of advice) log.warn({}, `${one.finding} ${one.advice}`)
      if (route.session === 'shared') {
        log.warn(
          {},
          'Behind a connection pooler in transaction mode PostgreSQL cannot notify this node of changes (LISTEN): ' +
            'clients are read from the database for each request, and keys three times within the lease.',
        )
      }
      heartbeat ??= startHeartbeat({
        ...{ hosts, schema, session: route.session, log },
        channels: route.session === 'own' ? ['signet_clients', 'signet_keys'] : [],
        onChange: (channel) => onChange(channel),
        onLost: (reason) => {
          database.dropConnections(reason)
          onChange(undefined)
        },
        onTooMany: () => database.makeRoom(),
      })
      return heartbeat.begun
    }
    undo.push(() => heartbeat?.stop())
    const tally = createTokenTally(database, log)
    const refusals = createRefusalsJournal(database, log)
    const sightings = createVerifierSightings(database, clock, log)
    undo.push(() => Promise.all([tally.stop(), refusals.stop(), sightings.stop()]))
    const signet = {
      settings,
      database,
      databaseProblem: () => (heartbeat ? heartbeat.problem() : 'the heartbeat has not started'),
      keyRing,
      sightings,
      secrets,
      clock,
      log,
      clients,
      passwords: createPasswordHashing(),
      limits: createSignInLimits(database),
      tally,
      refusals,
      metrics: createMetrics(),
    }
    return { signet, hear, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
