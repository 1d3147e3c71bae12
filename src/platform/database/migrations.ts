import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg, { type Client } from 'pg'
import Postgrator from 'postgrator'
import { packageFolder } from '../config/installation-folder.ts'
import { hangUp, openConnection, sayGoodbye } from './connect.ts'
import { assertSchemaName, type DatabaseConnection } from './connection.ts'
import { type Hosts, hostsOf } from './hosts.ts'
import type { DatabaseLog } from './log.ts'
import { isUnavailable } from './unavailable.ts'

/** The database's shape and this release do not go together. The message tells the operator what to do. */
export class MigrationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MigrationError'
  }
}

export interface MigrateOptions {
  readonly connection: DatabaseConnection
  /** The hosts of `connection`, where others connect to them, too, and are to know which one is good. */
  readonly hosts?: Hosts
  /** Created if it is missing. */
  readonly schema: string
  readonly log: DatabaseLog
  /** Where the numbered files lie. Another than this package's is for tests. */
  readonly folder?: string
}

/**
 * Brings a schema to the shape that this release needs. Each migration takes place in one transaction with the record
 * of it: killed at any moment, it has taken place or it has not. Any number of nodes may do this at once; one works,
 * the others wait for it.
 *
 * @returns the files that were applied by this call, and the version that the schema now has
 * @throws MigrationError when the schema is newer than this release, or was not made by these files
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[]; version: number }> {
  const { connection, hosts = hostsOf(connection), schema, log, folder = migrationsFolder } = options
  assertSchemaName(schema)
  const { client } = await openConnection({
    hosts,
    applicationName: 'signet migrate',
    connectTimeoutMs: 10_000,
    // No timeout for statements: a migration of a large table takes what it takes. For locks, see applyOne.
    setup: { schema, statementTimeoutMs: 0, idleInTransactionTimeoutMs: 0 },
  })
  try {
    await assertServerVersion(client)
    await waitForOtherNodes(client, schema, log)
    return await migrateAlone(client, { schema, log, folder })
  } finally {
    // The lock goes with the connection.
    await sayGoodbye(client)
  }
}

/**
 * What `migrate` would apply. Looks, and changes nothing.
 *
 * @returns the names of the files
 * @throws MigrationError as `migrate` does
 */
export async function pendingMigrations({
  connection,
  schema,
}: Pick<MigrateOptions, 'connection' | 'schema'>): Promise<string[]> {
  assertSchemaName(schema)
  const { client } = await openConnection({
    hosts: hostsOf(connection),
    ...{ applicationName: 'signet', readOnlyIsFine: true, connectTimeoutMs: 5_000, queryTimeoutMs: 5_000 },
    setup: { schema, statementTimeoutMs: 5_000, idleInTransactionTimeoutMs: 5_000 },
  })
  try {
    const migrations = await readMigrations(client, schema, migrationsFolder)
    const recorded = await readRecord(client)
    compare(migrations, recorded, schema)
    return migrations.known.slice(recorded.length).map(({ filename }) => basename(filename))
  } finally {
    hangUp(client)
  }
}

const migrationsFolder = join(packageFolder, 'sql')

async function migrateAlone(
  client: Client,
  { schema, log, folder }: { schema: string; log: DatabaseLog; folder: string },
): Promise<{ applied: string[]; version: number }> {
  const migrations = await readMigrations(client, schema, folder)
  await ensureRecord(client, schema)
  const recorded = await readRecord(client)
  compare(migrations, recorded, schema)
  const pending = migrations.known.slice(recorded.length)
  for (const migration of pending) {
    await applyOne(client, migrations.postgrator, migration, log)
    log.info({ schema, migration: basename(migration.filename) }, 'The database was migrated.')
  }
  return { applied: pending.map(({ filename }) => basename(filename)), version: migrations.known.at(-1)!.version }
}

interface Migrations {
  readonly postgrator: Postgrator
  readonly known: readonly Postgrator.Migration[]
}

interface Recorded {
  readonly version: number
  readonly name: string
  readonly md5: string
}

async function readMigrations(client: Client, schema: string, folder: string): Promise<Migrations> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  for (const file of files)
    if (!/^\d{3}\.do\.[a-z0-9-]+\.sql$/.test(file))
      throw new MigrationError(`${join(folder, file)} is not named as a migration is: 001.do.what-it-does.sql.`)
  if (files.length === 0) throw new MigrationError(`${folder} holds no migrations: the installation is incomplete.`)
  const postgrator = new Postgrator({
    driver: 'pg',
    // With its schema, or postgrator would find a table of this name in any other. SQL in the files names none.
    schemaTable: `${schema}.schema_migrations`,
    // A pattern: what has a meaning in patterns is taken by the letter, for the folder's name is not ours.
    migrationPattern: `${folder.replace(/[?*()[\]{}!+@\\]/g, '\\$&')}/*.sql`,
    newline: 'LF',
    execQuery: (text) => client.query(text),
    execSqlScript: (script) => runScript(client, script),
  })
  const known = (await postgrator.getMigrations()).sort((a, b) => a.version - b.version)
  known.forEach(({ version }, index) => {
    if (version !== index + 1) throw new MigrationError(`The migrations in ${folder} have a gap before ${version}.`)
  })
  return { postgrator, known }
}

async function readRecord(client: Client): Promise<Recorded[]> {
  const { rows } = await client.query<Recorded>(
    'SELECT version::int, name, md5 FROM schema_migrations ORDER BY version',
  )
  return rows
}

/** What was applied must be what these files say, in their order, without a gap. */
function compare({ known }: Migrations, recorded: readonly Recorded[], schema: string): void {
  const newest = recorded.at(-1)?.version ?? 0
  if (newest > known.length)
    throw new MigrationError(
      `The schema ${schema} has version ${newest}; this release of Signet knows versions up to ${known.length}. ` +
        'It was migrated by a newer release: start that one. Nothing was changed.',
    )
  recorded.forEach(({ version, name, md5 }, index) => {
    const file = known[index]!
    if (version !== file.version || md5 !== file.md5)
      throw new MigrationError(
        `Migration ${version} (${name}) was applied to the schema ${schema} with another content than ` +
          `${basename(file.filename)} has now. ` +
          'A migration that has been applied is never changed: restore the file, and put the change into a new one.',
      )
  })
}

async function applyOne(
  client: Client,
  postgrator: Postgrator,
  migration: Postgrator.Migration,
  log: DatabaseLog,
): Promise<void> {
  // A statement that waits for a table's lock holds up all that come after it, sign-ins too. So it waits briefly, and
  // comes again.
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.query('BEGIN')
      await client.query("SET LOCAL lock_timeout = '2s'")
      await postgrator.runMigrations([migration]) // the file, and the record of it
      await client.query('COMMIT')
      return
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {}) // a lost connection has rolled back by itself
      const busy = (error as { code?: unknown }).code === '55P03'
      if (!busy && isUnavailable(error)) throw error
      if (!busy || attempt === 10)
        throw new MigrationError(`${basename(migration.filename)} failed: ${said(error)}`, { cause: error })
      log.warn({ migration: basename(migration.filename) }, 'A table was busy; the migration is tried again.')
      await pause(500 * Math.random() + 500)
    }
  }
}

// The script by itself, then postgrator adds the record: both must be in the transaction that we have begun.
async function runScript(client: Client, script: string): Promise<void> {
  await client.query(script)
  if (client.getTransactionStatus() !== 'T')
    throw new MigrationError(
      'It ends its transaction by itself, which it must not (see sql/README.md). Some of it may have been kept.',
    )
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function assertServerVersion(client: Client): Promise<void> {
  const { rows } = await client.query<{ number: number; name: string }>(
    "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS name",
  )
  if (rows[0]!.number < 150_000)
    throw new MigrationError(`Signet needs PostgreSQL 15 or later; this is ${rows[0]!.name}.`)
}

// Asked again and again, rather than waited for in one statement: that one would hold back VACUUM as long as it waits.
async function waitForOtherNodes(client: Client, schema: string, log: DatabaseLog): Promise<void> {
  const key = createHash('sha256').update(`signet migrations ${schema}`).digest().readBigInt64BE()
  for (let attempt = 0; ; attempt += 1) {
    const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [String(key)])
    if (rows[0]!.locked) return
    if (attempt === 50) log.info({ schema }, 'Another node is migrating the database; this one waits for it.')
    await pause(20)
  }
}

async function ensureRecord(client: Client, schema: string): Promise<void> {
  // Not IF NOT EXISTS: that asks for the right to create one even where it is there already.
  const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema])
  if (rowCount === 0) await client.query(`CREATE SCHEMA ${pg.escapeIdentifier(schema)}`)
  // The columns that postgrator writes.
  await client.query(
    'CREATE TABLE IF NOT EXISTS schema_migrations (version bigint PRIMARY KEY, name text, md5 text, run_at timestamptz)',
  )
}
