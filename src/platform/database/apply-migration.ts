import { createHash } from 'node:crypto'
import pg, { type Client } from 'pg'
import { compare, type Migration, MigrationError, type Recorded } from './migration-files.ts'
import { isUnavailable } from './unavailable.ts'

/** The outcome of an attempt. `locked`: another node holds the lock of the schema. `busy`: other transactions hold a table. */
export type Outcome = Migration | 'up to date' | 'locked' | 'busy'

/**
 * Applies and records the first pending migration, in one transaction that holds the lock of this schema.
 *
 * @param expected the migration that is probably next; another node may have applied it in the meantime
 */
export async function applyNext(
  client: Client,
  migrations: readonly Migration[],
  expected: Migration,
  schema: string,
): Promise<Outcome> {
  let next: Migration | undefined = expected
  return whileLocked(
    client,
    schema,
    () => next?.file,
    async () => {
      await ensureRecord(client, schema)
      ;[next] = await readPending(client, migrations, schema)
      if (next) await runAndRecord(client, next, schema)
      return next ?? 'up to date'
    },
  )
}

/**
 * Runs `work` in one transaction that holds the lock of this schema, if nobody else holds it.
 *
 * @param name of what is being applied at the moment, for an error; undefined for an error that has nothing to do with it
 * @param creating the schema that the work may create
 * @throws MigrationError, or what the database reports if it is unavailable
 */
export async function whileLocked<T>(
  client: Client,
  schema: string,
  name: () => string | undefined,
  work: () => Promise<T>,
  creating = schema,
): Promise<T | 'locked' | 'busy'> {
  try {
    await client.query(begin(schema))
    const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS locked', [
      String(lockKey(schema)),
    ])
    if (!rows[0]!.locked) {
      await client.query('ROLLBACK')
      return 'locked'
    }
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}) // a lost connection has rolled back already
    const code = (error as { code?: unknown }).code
    // lock_not_available, deadlock_detected: requests and this migration needed the same tables.
    if (code === '55P03' || code === '40P01') return 'busy'
    const failed = name()
    if (isUnavailable(error) || failed === undefined) throw error
    const advice = code === '42501' ? `. ${privilegeAdvice(creating)}` : ''
    throw new MigrationError(`${failed} failed: ${messageOf(error)}${advice}`, { cause: error })
  }
}

/** Runs a script and records it, in the transaction that the caller has begun. */
async function runAndRecord(client: Client, { version, name, sql, md5 }: Migration, schema: string): Promise<void> {
  await client.query(sql)
  if (client.getTransactionStatus() !== 'T')
    throw new MigrationError(
      'It ends its own transaction, which is not allowed (see sql/README.md). A part of it may have been committed.',
    )
  await client.query(
    `INSERT INTO ${recordOf(schema)} (version, name, md5, run_at) VALUES ($1, $2, $3, clock_timestamp())`,
    [version, name, md5],
  )
}

// Everything is local to the transaction: a pooler in transaction mode gives the server's session to other clients afterwards.
function begin(schema: string): string {
  return [
    // Under REPEATABLE READ the record would be read as of before the lock was taken.
    'BEGIN ISOLATION LEVEL READ COMMITTED',
    `SET LOCAL search_path = ${pg.escapeIdentifier(schema)}`,
    // A migration of a large table may take any time. But a statement that waits for a table's lock makes all later statements wait, including
    // those of sign-ins, so it waits briefly and is retried.
    'SET LOCAL statement_timeout = 0',
    "SET LOCAL lock_timeout = '2s'",
    // A suspended node must not block the others forever.
    "SET LOCAL idle_in_transaction_session_timeout = '60s'",
  ].join('; ')
}

/** The number of the advisory lock that is held while a schema is migrated. */
export function lockKey(schema: string): bigint {
  return createHash('sha256').update(`signet migrations ${schema}`).digest().readBigInt64BE()
}

async function ensureRecord(client: Client, schema: string): Promise<void> {
  // Not IF NOT EXISTS, which requires the privilege to create even if there is nothing to create.
  const { rows } = await client.query<{ schema: boolean; record: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS schema, to_regclass($2) IS NOT NULL AS record`,
    [schema, recordOf(schema)],
  )
  if (!rows[0]!.schema) await client.query(`CREATE SCHEMA ${pg.escapeIdentifier(schema)}`)
  if (!rows[0]!.record)
    await client.query(
      `CREATE TABLE ${recordOf(schema)} (version bigint PRIMARY KEY, name text, md5 text, run_at timestamptz)`,
    )
}

/** The migrations that have not been applied to the schema yet, in order. @throws MigrationError as `migrate` does */
export async function readPending(
  client: Client,
  migrations: readonly Migration[],
  schema: string,
): Promise<readonly Migration[]> {
  const recorded = await readRecord(client, schema)
  compare(migrations, recorded, schema)
  return migrations.slice(recorded.length)
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

function recordOf(schema: string): string {
  return `${pg.escapeIdentifier(schema)}.schema_migrations`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function privilegeAdvice(schema: string): string {
  return (
    `Run 'signet migrate' as the role that owns the database, or let an administrator create the schema first: ` +
    `CREATE SCHEMA ${schema} AUTHORIZATION <the role of SIGNET_DATABASE_URL>;`
  )
}
