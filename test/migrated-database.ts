import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { packageFolder } from '../src/platform/config/installation-folder.ts'
import type { DatabaseConnection } from '../src/platform/database/hosts.ts'
import { migrate } from '../src/platform/database/migrations.ts'
import { type EmbeddedServer, noLog, once, testName } from './database-server.ts'
import { eventually } from './support/eventually.ts'

/**
 * The schema of the template and of its copies. It is not renamed, because functions of the job queue name their schema, which is derived from
 * it. Each copy is a database of its own.
 */
const templateSchema = 'signet_test'

/**
 * Copies a fully migrated database on the embedded server. The first test that needs one creates the template, which is kept until
 * the migrations or the code that applies them change. The copy is dropped when `t` ends. A transaction that a test has left open
 * gets an error.
 */
export async function copyMigrated(
  t: Test,
  { connection, administrator }: EmbeddedServer,
): Promise<{ connection: DatabaseConnection; schema: string }> {
  template ??= makeTemplate({ connection, administrator })
  const source = await template
  const name = testName()
  // As files, because copying through the write-ahead log takes twice as long.
  await once(administrator, `CREATE DATABASE ${name} OWNER ${connection.user} TEMPLATE ${source} STRATEGY FILE_COPY`)
  t.teardown(() => dropCopy(administrator, name))
  return { connection: { ...connection, database: name }, schema: templateSchema }
}

let template: Promise<string> | undefined

async function makeTemplate({ connection, administrator }: EmbeddedServer): Promise<string> {
  const name = `signet_template_${fingerprint()}`
  const client = new pg.Client({ ...administrator, ssl: false })
  await client.connect()
  try {
    // One process creates it, and the others wait. The lock ends with the connection.
    await client.query(`SELECT pg_advisory_lock(hashtext('the template of the tests'))`)
    const isThere = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
    if (isThere.rowCount === 1) return name
    const { rows } = await client.query(
      String.raw`SELECT datname AS old FROM pg_database WHERE datname LIKE 'signet\_template\_%'`,
    )
    for (const { old } of rows) await client.query(`DROP DATABASE ${old} WITH (FORCE)`)
    // It is renamed when it is complete.
    const draft = testName()
    await client.query(`CREATE DATABASE ${draft} OWNER ${connection.user}`)
    await migrate({ connection: { ...connection, database: draft }, schema: templateSchema, log: noLog })
    // A database with open connections cannot be copied, and autovacuum would open one.
    await client.query(`ALTER DATABASE ${draft} ALLOW_CONNECTIONS false`)
    await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`)
    return name
  } finally {
    await client.end()
  }
}

/** Identifies what the template is made from. */
function fingerprint(): string {
  const hash = createHash('sha256')
  for (const folder of [join(packageFolder, 'sql'), join(import.meta.dirname, '../src/platform/database')])
    for (const file of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, file)))
  return hash.digest('hex').slice(0, 16)
}

async function dropCopy(administrator: DatabaseConnection, name: string): Promise<void> {
  await eventually('the end of the transactions that the test has left open', async () => {
    const { rowCount } = await once(
      administrator,
      `SELECT FROM pg_stat_activity WHERE datname = '${name}' AND backend_type = 'client backend' AND xact_start IS NOT NULL`,
    )
    return rowCount === 0
  })
  await once(administrator, `DROP DATABASE ${name} WITH (FORCE)`)
}
