import { createHash } from 'node:crypto'
import pg, { type Client } from 'pg'
import { compare, type Migration, MigrationError, type Recorded } from './migration-files.ts'
import { isUnavailable } from './unavailable.ts'

/** What became of an attempt: another node has the `locked` schema, or other transactions keep a table `busy`. */
export type Outcome = Migration | 'up to date' | 'locked' | 'busy'

/**
 * Applies the first pending migration with its record, in one transaction that holds the lock of this schema.
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
    if (next) await runAndRecord(client, next, schema)
    await client.query('COMMIT')
    return next ?? 'up to date'
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}) // a lost connection has rolled back already
    const code = (error as { code?: unknown }).code
    // lock_not_available, deadlock_detected: either way, requests and this migration wanted the same tables.
    if (code === '55P03' || code === '40P01') return 'busy'
    if (isUnavailable(error) || next === undefined) throw error
    const advice = code === '42501' ? ` ${mayNot(schema)}` : ''
    throw new MigrationError(`${next.file} failed: ${messageOf(error)}${advice}`, { cause: error })
  }
}

/** Runs a script and records it, in the transaction that the caller has begun. */
async function runAndRecord(client: Client, { version, name, sql, md5 }: Migration, schema: string): Promise<void> {
  await client.query(sql)
  if (client.getTransactionStatus() !== 'T')
    throw new MigrationError(
      'It ends its transaction by itself, which it must not (see sql/README.md). Some of it may have been kept.',
    )
  await client.query(
    `INSERT INTO ${recordOf(schema)} (version, name, md5, run_at) VALUES ($1, $2, $3, clock_timestamp())`,
    [version, name, md5],
  )
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

/** The number of the advisory lock, which is held while a schema is migrated. */
export function lockKey(schema: string): bigint {
  return createHash('sha256').update(`signet migrations ${schema}`).digest().readBigInt64BE()
}

async function ensureRecord(client: Client, schema: string): Promise<void> {
  // Not IF NOT EXISTS: it requires the right to create even if there is nothing to create.
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

/** The migrations that the schema has not had yet, in order. @throws MigrationError as `migrate` does */
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

function mayNot(schema: string): string {
  return (
    `Run 'signet migrate' as the role that owns the schema, or let an administrator create it first: ` +
    `CREATE SCHEMA ${schema} AUTHORIZATION <the role of SIGNET_DATABASE_URL>;`
  )
}
