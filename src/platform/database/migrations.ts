import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from 'pg'
import { packageFolder } from '../config/installation-folder.ts'
import type { DatabaseLog } from '../log.ts'
import { applyNext, lockKey, readPending, whileLocked } from './apply-migration.ts'
import { assertSchemaName, type DatabaseConnection, type Hosts, hostsOf } from './hosts.ts'
import { hasJobQueue, installJobQueue, jobQueueMigration, jobsSchemaOf } from './job-schema.ts'
import { type Migration, MigrationError, readMigrations } from './migration-files.ts'
import { destroyConnection, endConnection, openConnection } from './open-connection.ts'

export { MigrationError } from './migration-files.ts'

export interface MigrateOptions {
  readonly connection: DatabaseConnection
  /** The hosts of `connection`, if they are shared with other connections, so that these know which one is the primary. */
  readonly hosts?: Hosts
  /** Created if it does not exist. */
  readonly schema: string
  readonly log: DatabaseLog
  /** The folder of the numbered files. Only tests use a folder other than this package's. */
  readonly folder?: string
  /** When aborted, ends every wait and starts no further migration. A running migration is completed. */
  readonly signal?: AbortSignal | undefined
}

export interface Migrated {
  /** The files that this call applied, and the job queue if it installed that. */
  readonly applied: string[]
  /** The resulting version of the schema. */
  readonly version: number
}

/**
 * Migrates a schema to this release. Each migration and its record are one transaction: if the process is killed, the migration has been
 * applied completely or not at all. Any number of nodes may call this at the same time; one works and the others wait. If nothing is
 * pending, it only reads: it takes no lock, and the role needs no privilege to create anything.
 *
 * No state is kept in the session between transactions, so this also works through a pooler in transaction mode.
 *
 * @throws MigrationError if the schema is newer than this release, was not made by these files, or a migration failed; the
 *   signal's reason if it was aborted; otherwise what the database reports
 */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const { connection, hosts = hostsOf(connection), schema, signal } = options
  signal?.throwIfAborted()
  assertSchemaName(schema)
  const { client } = await openConnection({
    hosts,
    applicationName: 'signet migrate',
    connectTimeoutMs: 10_000,
    setup: { schema, session: 'untouched' },
  })
  try {
    return await migrateOn(client, options)
  } finally {
    await endConnection(client)
  }
}

/**
 * The same on an open connection.
 *
 * @throws as `migrate` does
 */
export async function migrateOn(
  client: Client,
  options: Omit<MigrateOptions, 'connection' | 'hosts'>,
): Promise<Migrated> {
  const { schema, log, folder = migrationsFolder, signal } = options
  assertSchemaName(schema)
  const { encoding } = await assertServerVersion(client)
  const migrations = await readMigrations(folder)
  await assertEncoding(client, migrations, schema, encoding)
  return applyPending(client, migrations, { schema, log, signal, withJobQueue: folder === migrationsFolder })
}

/** The state of a schema, compared with this release. */
export interface SchemaState {
  /** The number of applied migrations; 0 if Signet's tables do not exist. */
  readonly version: number
  /** The version that this release needs. */
  readonly release: number
  /** The names of the files that `migrate` would apply; the job queue comes last. */
  readonly pending: readonly string[]
}

/**
 * Compares a schema with this release. Read-only.
 *
 * @throws MigrationError as `migrate` does
 */
export async function readSchemaState(client: Client, schema: string): Promise<SchemaState> {
  assertSchemaName(schema)
  const migrations = await readMigrations(migrationsFolder)
  const pending = await readPending(client, migrations, schema)
  const hasQueue = pending.length === 0 && (await hasJobQueue(client, schema))
  return {
    version: migrations.length - pending.length,
    release: migrations.length,
    pending: [...pending.map(({ file }) => file), ...(hasQueue ? [] : [jobQueueMigration])],
  }
}

/**
 * The migrations that `migrate` would apply. Read-only.
 *
 * @returns the names of the files
 * @throws MigrationError as `migrate` does
 */
export async function pendingMigrations({
  connection,
  schema,
}: Pick<MigrateOptions, 'connection' | 'schema'>): Promise<readonly string[]> {
  assertSchemaName(schema)
  const { client } = await openConnection({
    hosts: hostsOf(connection),
    ...{ applicationName: 'signet', allowReadOnly: true, connectTimeoutMs: 5_000, clientQueryTimeoutMs: 5_000 },
    setup: { schema, session: 'untouched' },
  })
  try {
    return (await readSchemaState(client, schema)).pending
  } finally {
    destroyConnection(client)
  }
}

const migrationsFolder = join(packageFolder, 'sql')

/** Milliseconds between two attempts to take the lock: from the first to the last pause. */
const [firstPause, longestPause] = [20, 500]
/** Milliseconds of waiting for another node before it is logged, and before it is logged again. */
const [quietWait, reportInterval] = [1_000, 30_000]
/** Attempts at a migration while other transactions hold a table that it needs. */
const tableAttempts = 10

interface Applying {
  readonly schema: string
  readonly log: DatabaseLog
  readonly signal: AbortSignal | undefined
  /** Whether graphile-worker's tables are installed, too, once all files have been applied. */
  readonly withJobQueue: boolean
}

async function applyPending(client: Client, migrations: readonly Migration[], applying: Applying): Promise<Migrated> {
  const { schema, log, signal, withJobQueue } = applying
  const applied: string[] = []
  const waiting = { since: performance.now(), reported: Number.NEGATIVE_INFINITY, pause: firstPause }
  let attempts = 0
  for (;;) {
    signal?.throwIfAborted()
    const [next] = await readPending(client, migrations, schema)
    if (!next && (!withJobQueue || (await hasJobQueue(client, schema)))) return { applied, version: migrations.length }
    const outcome = next
      ? await applyNext(client, migrations, next, schema)
      : await whileLocked(
          client,
          schema,
          () => jobQueueMigration,
          () => applyJobQueue(client, schema),
          jobsSchemaOf(schema),
        )
    if (outcome === 'locked') {
      await reportWait(client, waiting, applying)
      // Polled, because a statement that waits for the lock would hold back VACUUM.
      await sleep(waiting.pause, signal)
      waiting.pause = Math.min(waiting.pause * 1.5, longestPause)
    } else if (outcome === 'busy') {
      attempts += 1
      if (attempts === tableAttempts)
        throw new MigrationError(
          `${next?.file ?? jobQueueMigration} failed: other transactions hold a table that it needs. ` +
            'Find the oldest one in pg_stat_activity (xact_start), end it, and start again.',
        )
      log.warn(
        { schema, migration: next?.file ?? jobQueueMigration },
        'A table is busy; the migration will be retried.',
      )
      await sleep(500 + 500 * Math.random(), signal)
    } else {
      attempts = 0
      waiting.since = performance.now()
      waiting.pause = firstPause
      if (outcome === 'up to date') continue
      applied.push(outcome.file)
      log.info({ schema, migration: outcome.file }, 'A migration was applied to the database.')
    }
  }
}

/** In a transaction that holds the lock: another node may have installed it in the meantime. */
async function applyJobQueue(client: Client, schema: string): Promise<{ readonly file: string } | 'up to date'> {
  if (await hasJobQueue(client, schema)) return 'up to date'
  await installJobQueue(client, schema)
  return { file: jobQueueMigration }
}

async function reportWait(
  client: Client,
  waiting: { readonly since: number; reported: number },
  { schema, log }: Applying,
): Promise<void> {
  const now = performance.now()
  if (now - waiting.since < quietWait || now - waiting.reported < reportInterval) return
  waiting.reported = now
  const { rows } = await client.query<{ pid: number; address: string | null; since: Date | null }>(
    // PostgreSQL shows the number of a lock in two halves.
    `SELECT pid, host(client_addr) AS address, xact_start AS since FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid::bigint << 32 | objid::bigint = $1
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [String(lockKey(schema))],
  )
  log.warn(
    { schema, ...rows[0], seconds: Math.round((now - waiting.since) / 1000) },
    'Waiting for another node that is migrating the database (its server process is pid).',
  )
}

async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await pause(milliseconds, undefined, { signal }).catch(() => signal?.throwIfAborted())
}

async function assertServerVersion(client: Client): Promise<{ readonly encoding: string }> {
  const { rows } = await client.query<{ number: number; name: string; encoding: string }>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS name,
            current_setting('server_encoding') AS encoding`,
  )
  if (rows[0]!.number < 150_000)
    throw new MigrationError(`Signet needs PostgreSQL 15 or later; this is ${rows[0]!.name}.`)
  return rows[0]!
}

/**
 * Refuses to create an installation in a database that cannot store every name. An existing installation continues to work, so that people
 * can still sign in; `signet doctor` reports it.
 */
async function assertEncoding(
  client: Client,
  migrations: readonly Migration[],
  schema: string,
  encoding: string,
): Promise<void> {
  if (encoding === 'UTF8') return
  if ((await readPending(client, migrations, schema)).length < migrations.length) return
  throw new MigrationError(
    `Signet needs a database with the encoding UTF8; this one has ${encoding}. Create another one: ` +
      "CREATE DATABASE signet ENCODING 'UTF8' TEMPLATE template0.",
  )
}
