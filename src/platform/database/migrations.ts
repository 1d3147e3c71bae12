import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg, { type Client } from 'pg'
import { packageFolder } from '../config/installation-folder.ts'
import { hangUp, openConnection, sayGoodbye } from './connect.ts'
import { assertSchemaName, type DatabaseConnection } from './connection.ts'
import { type Hosts, hostsOf } from './hosts.ts'
import type { DatabaseLog } from './log.ts'
import {
  compare,
  type Migration,
  MigrationError,
  type Migrations,
  type Recorded,
  readMigrations,
} from './migration-files.ts'
import { isUnavailable } from './unavailable.ts'

export { MigrationError } from './migration-files.ts'

export interface MigrateOptions {
  readonly connection: DatabaseConnection
  /** The hosts of `connection`, where others connect to them, too, and are to know which one is good. */
  readonly hosts?: Hosts
  /** Created if it is missing. */
  readonly schema: string
  readonly log: DatabaseLog
  /** Where the numbered files are. Only tests use a folder other than this package's. */
  readonly folder?: string
  /** Ends every wait when it is aborted, and lets no further migration begin. One that is running is completed. */
  readonly signal?: AbortSignal | undefined
}

export interface Migrated {
  /** The files that this call applied. */
  readonly applied: string[]
  /** The version that the schema has now. */
  readonly version: number
}

/**
 * Brings a schema to the shape that this release needs. Each migration is one transaction together with its record: if the
 * process is killed, the migration is either complete or absent. Any number of nodes may call this at the same time; one
 * works and the others wait. If nothing is pending, it only reads: it takes no lock, and the role needs no right to create
 * anything.
 *
 * Nothing is kept in the session between two transactions, so this also works through a pooler in transaction mode.
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
    await sayGoodbye(client)
  }
}

/**
 * The same on a connection that is open already.
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
  const migrations = await readMigrations(client, schema, folder)
  await assertEncoding(client, migrations, schema, encoding)
  return applyPending(client, migrations, { schema, log, signal })
}

/** How a schema compares with this release. */
export interface SchemaState {
  /** The number of migrations that the schema has had; 0 if Signet's tables are not there. */
  readonly version: number
  /** The names of the files that `migrate` would apply. */
  readonly pending: readonly string[]
}

/**
 * Compares a schema with this release. Only reads.
 *
 * @throws MigrationError as `migrate` does
 */
export async function readSchemaState(client: Client, schema: string): Promise<SchemaState> {
  assertSchemaName(schema)
  const migrations = await readMigrations(client, schema, migrationsFolder)
  const pending = await readPending(client, migrations, schema)
  return { version: migrations.known.length - pending.length, pending: pending.map(nameOf) }
}

/**
 * What `migrate` would apply. Only reads.
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
    ...{ applicationName: 'signet', readOnlyIsFine: true, connectTimeoutMs: 5_000, clientQueryTimeoutMs: 5_000 },
    setup: { schema, session: 'untouched' },
  })
  try {
    return (await readSchemaState(client, schema)).pending
  } finally {
    hangUp(client)
  }
}

const migrationsFolder = join(packageFolder, 'sql')

/** Milliseconds between two attempts to take the lock: from the first to the last pause. */
const [firstPause, longestPause] = [20, 500]
/** Milliseconds of waiting for another node until the log says so, and until it says so again. */
const [quietWait, reportInterval] = [1_000, 30_000]
/** How often a migration is tried while other transactions hold a table that it needs. */
const tableAttempts = 10

interface Applying {
  readonly schema: string
  readonly log: DatabaseLog
  readonly signal: AbortSignal | undefined
}

async function applyPending(client: Client, migrations: Migrations, applying: Applying): Promise<Migrated> {
  const { schema, log, signal } = applying
  const applied: string[] = []
  const waiting = { since: performance.now(), reported: Number.NEGATIVE_INFINITY, pause: firstPause }
  let attempts = 0
  for (;;) {
    signal?.throwIfAborted()
    const [next] = await readPending(client, migrations, schema)
    if (!next) return { applied, version: migrations.known.length }
    const outcome = await applyNext(client, migrations, next, schema)
    if (outcome === 'locked') {
      await reportWait(client, waiting, applying)
      // Asked again and again: a statement that waited for the lock would hold back VACUUM all the while.
      await sleep(waiting.pause, signal)
      waiting.pause = Math.min(waiting.pause * 1.5, longestPause)
    } else if (outcome === 'busy') {
      attempts += 1
      if (attempts === tableAttempts)
        throw new MigrationError(
          `${nameOf(next)} failed: other transactions hold a table that it needs. ` +
            'Look in pg_stat_activity for the oldest one (xact_start), end it, and start again.',
        )
      log.warn({ schema, migration: nameOf(next) }, 'A table is busy; the migration will be tried again.')
      await sleep(500 + 500 * Math.random(), signal)
    } else {
      attempts = 0
      waiting.since = performance.now()
      waiting.pause = firstPause
      if (outcome === 'up to date') continue
      applied.push(nameOf(outcome))
      log.info({ schema, migration: nameOf(outcome) }, 'A migration was applied to the database.')
    }
  }
}

type Outcome = Migration | 'up to date' | 'locked' | 'busy'

/**
 * Applies the first pending migration with its record, in one transaction that holds the lock of this schema.
 *
 * @param expected the migration that is probably next; another node may have applied it in the meantime
 */
async function applyNext(
  client: Client,
  migrations: Migrations,
  expected: Migration,
  schema: string,
): Promise<Outcome> {
  let next: Migration | undefined = expected
  try {
    await client.query(begin(schema))
    const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS locked', [
      String(lockKey(schema)),
    ])
    if (!rows[0]!.locked) {
      await client.query('ROLLBACK')
      return 'locked'
    }
    await ensureRecord(client, schema)
    ;[next] = await readPending(client, migrations, schema)
    if (next) await migrations.run(next)
    await client.query('COMMIT')
    return next ?? 'up to date'
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}) // a lost connection has rolled back already
    const code = (error as { code?: unknown }).code
    // lock_not_available, deadlock_detected: either way, requests and this migration wanted the same tables.
    if (code === '55P03' || code === '40P01') return 'busy'
    if (isUnavailable(error) || next === undefined) throw error
    const advice = code === '42501' ? ` ${mayNot(schema)}` : ''
    throw new MigrationError(`${nameOf(next)} failed: ${messageOf(error)}${advice}`, { cause: error })
  }
}

// All of it is local to the transaction: in transaction mode a pooler hands the server's session to somebody else afterwards.
function begin(schema: string): string {
  return [
    // Under REPEATABLE READ the record would be read as it was before the lock was taken.
    'BEGIN ISOLATION LEVEL READ COMMITTED',
    `SET LOCAL search_path = ${pg.escapeIdentifier(schema)}`,
    // A migration of a large table takes as long as it takes. But a statement that waits for a table's lock makes all
    // later ones wait, sign-ins included, so it waits briefly and is tried again.
    'SET LOCAL statement_timeout = 0',
    "SET LOCAL lock_timeout = '2s'",
    // A node that stands still (a suspended machine) must not keep the others waiting for ever.
    "SET LOCAL idle_in_transaction_session_timeout = '60s'",
  ].join('; ')
}

function lockKey(schema: string): bigint {
  return createHash('sha256').update(`signet migrations ${schema}`).digest().readBigInt64BE()
}

async function ensureRecord(client: Client, schema: string): Promise<void> {
  // Not IF NOT EXISTS: it requires the right to create even if there is nothing to create.
  const { rows } = await client.query<{ schema: boolean; record: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS schema, to_regclass($2) IS NOT NULL AS record`,
    [schema, recordOf(schema)],
  )
  if (!rows[0]!.schema) await client.query(`CREATE SCHEMA ${pg.escapeIdentifier(schema)}`)
  // The columns that postgrator writes.
  if (!rows[0]!.record)
    await client.query(
      `CREATE TABLE ${recordOf(schema)} (version bigint PRIMARY KEY, name text, md5 text, run_at timestamptz)`,
    )
}

/** The migrations that the schema has not had yet, in order. @throws MigrationError as `migrate` does */
async function readPending(client: Client, migrations: Migrations, schema: string): Promise<readonly Migration[]> {
  const recorded = await readRecord(client, schema)
  compare(migrations, recorded, schema)
  return migrations.known.slice(recorded.length)
}

async function readRecord(client: Client, schema: string): Promise<Recorded[]> {
  const found = await client.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [
    recordOf(schema),
  ])
  if (!found.rows[0]!.exists) return []
  const { rows } = await client.query<Recorded>(
    `SELECT version::int, name, md5 FROM ${recordOf(schema)} ORDER BY version`,
  )
  return rows
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
    // PostgreSQL shows a lock's number in two halves.
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
 * Refuses to begin in a database that cannot hold every name. An installation that is in one already goes on, or nobody could sign in
 * any more; `signet doctor` reports it.
 */
async function assertEncoding(client: Client, migrations: Migrations, schema: string, encoding: string): Promise<void> {
  if (encoding === 'UTF8') return
  if ((await readPending(client, migrations, schema)).length < migrations.known.length) return
  throw new MigrationError(
    `Signet needs a database in the encoding UTF8; this one is in ${encoding}. Create another one: ` +
      "CREATE DATABASE signet ENCODING 'UTF8' TEMPLATE template0.",
  )
}

function recordOf(schema: string): string {
  return `${pg.escapeIdentifier(schema)}.schema_migrations`
}

function nameOf({ filename }: Migration): string {
  return basename(filename)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function mayNot(schema: string): string {
  return (
    `Run 'signet migrate' as the role that owns the schema, or let an administrator create it first: ` +
    `CREATE SCHEMA ${schema} AUTHORIZATION <the role of SIGNET_DATABASE_URL>;`
  )
}
