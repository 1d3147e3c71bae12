import { createHash } from 'node:crypto'
import pg, { type Client } from 'pg'
import { MigrationError } from './migration-files.ts'

/**
 * The schema of graphile-worker's tables. The SQL function `queue_job` (sql/023.do.mail-and-recovery.sql) computes the same name, which has at
 * most 63 bytes and is different for each schema.
 */
export function jobsSchemaOf(schema: string): string {
  if (schema.length <= 58) return `${schema}_jobs`
  return `${schema.slice(0, 49)}_${createHash('md5').update(schema).digest('hex').slice(0, 8)}_jobs`
}

/** What `signet migrate` and `signet doctor` call the installation of the job queue among the pending migrations. */
export const jobQueueMigration = 'the job queue (graphile-worker)'

/** The last migration of graphile-worker 0.17.3. `test/platform/jobs` compares it with the package. */
export const lastJobMigration = 19

/**
 * Whether graphile-worker's tables are installed, in the version that this release uses or a later one. Read-only.
 *
 * @throws MigrationError if a later release has changed them in a way that this one cannot work with
 */
export async function hasJobQueue(client: Client, schema: string): Promise<boolean> {
  const found = await readMigrations(client, jobsSchemaOf(schema)).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== '42501') throw error
    throw new MigrationError(
      `The role may not use the job queue in the schema ${jobsSchemaOf(schema)}. Let its owner grant that: ` +
        `GRANT USAGE ON SCHEMA ${jobsSchemaOf(schema)} TO <the role of SIGNET_DATABASE_URL>; ` +
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${jobsSchemaOf(schema)} TO <the role of SIGNET_DATABASE_URL>;`,
      { cause: error },
    )
  })
  if (!found) return false
  const { last, breaking } = found
  if ((breaking ?? 0) > lastJobMigration)
    throw new MigrationError(
      `The job queue in the schema ${jobsSchemaOf(schema)} was made by a later release of Signet. Use that release, or restore a backup from before it.`,
    )
  return (last ?? 0) >= lastJobMigration
}

/** @returns the last migration, and the last one that earlier versions cannot work with; undefined if nothing is installed */
async function readMigrations(client: Client, jobsSchema: string) {
  const table = `${pg.escapeIdentifier(jobsSchema)}.migrations`
  const { rows } = await client.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [table])
  if (!rows[0]!.exists) return undefined
  const found = await client.query<{ last: number | null; breaking: number | null }>(
    `SELECT max(id) AS last, max(id) FILTER (WHERE breaking) AS breaking FROM ${table}`,
  )
  return found.rows[0]!
}

/**
 * Runs graphile-worker's own migrations in the transaction that the caller has begun. Its BEGIN and COMMIT become savepoints. A `SAVEPOINT`
 * is also set before its first query, which fails if nothing is installed.
 *
 * The schema is created here, and only if it does not exist, because `CREATE SCHEMA IF NOT EXISTS` requires the privilege to create one in any case.
 *
 * Its notification of other workers is not sent: it names no schema, so it would stop the workers of every other program in this database that uses
 * graphile-worker.
 */
export async function installJobQueue(client: Client, schema: string): Promise<void> {
  const { runMigrations, Logger } = await import('graphile-worker')
  const jobsSchema = jobsSchemaOf(schema)
  const jobs = pg.escapeIdentifier(jobsSchema)
  const { rows } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [jobsSchema])
  if (rows.length === 0) await client.query(`CREATE SCHEMA ${jobs}`)
  let depth = 0
  const run = async (given: string | { readonly text: string }, values?: unknown[]) => {
    const statement = typeof given === 'string' ? given.replace(/^create schema if not exists [^;]*;/, '') : given
    const text = typeof statement === 'string' ? statement : statement.text
    if (text === 'begin') {
      depth += 1
      return client.query('SAVEPOINT signet_job_migration')
    }
    if (text === 'commit' || text === 'rollback') {
      depth -= 1
      return client.query(`${text === 'commit' ? 'RELEASE' : 'ROLLBACK TO'} SAVEPOINT signet_job_migration`)
    }
    if (values?.[0] === 'worker:migrate') return { rows: [] }
    if (depth > 0) return client.query(statement as string, values)
    await client.query('SAVEPOINT signet_job_statement')
    try {
      return await client.query(statement as string, values)
    } catch (error) {
      await client.query('ROLLBACK TO SAVEPOINT signet_job_statement')
      throw error
    }
  }
  const connection = { query: run, release: () => {} }
  // What graphile-worker uses of a pool.
  const pool = { connect: async () => connection, listeners: () => [() => {}] } as unknown as pg.Pool
  await runMigrations({ pgPool: pool, schema: jobsSchema, logger: new Logger(() => () => {}) })
  // Its tables have row-level security without any policy, so that only their owner can use them. Here GRANT decides, as for our own tables.
  for (const table of ['_private_jobs', '_private_job_queues', '_private_tasks', '_private_known_crontabs'])
    await client.query(
      `DROP POLICY IF EXISTS signet ON ${jobs}.${table}; CREATE POLICY signet ON ${jobs}.${table} USING (true) WITH CHECK (true)`,
    )
}
