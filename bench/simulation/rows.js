// Measures what a row of each table takes on disk, and what a password costs, and writes both to rows.json: `node bench/simulation/rows.js`, after
// `npm run build`. A row that Signet has written is copied many times, with other keys.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import argon2 from 'argon2'
import pg from 'pg'
import { createChildren } from '../children.js'
import { describeMachine } from '../machine.js'
import { scenarios } from '../scenarios/scenarios.js'
import { externalDatabase } from '../servers/postgresql.js'
import { createRecords, installation, serveSignet } from '../servers/signet.js'

/** Rows that are added to each table: enough for the indexes to have three levels, as they have with millions. */
const copies = 100_000

/**
 * The keys that differ from row to row, in terms of the number `i`. The other columns are those of a row that a real request has written.
 *
 * @type {Record<string, Record<string, string>>}
 */
const keys = {
  accounts: {
    sub: "id('sub', i)",
    username: "'person.' || i",
    name: "'Person ' || i || ' of the Bench'",
    created_at: 'moment(i)',
  },
  account_credentials: { id: 'i', sub: "id('sub', i)" },
  sessions: { id: 'i', digest: "digest('session', i)", browser_digest: "digest('browser', i)", sub: "id('sub', i)" },
  known_browsers: { sub: "id('sub', i)", browser_digest: "digest('browser', i)", used_at: 'moment(i)' },
  consents: { sub: "id('sub', i)" },
  grants: { id: "id('grant', i)", status_index: 'i', sub: "id('sub', i)", session_id: 'i' },
  authorization_codes: { digest: "digest('code', i)", grant_id: "id('grant', i)", sid: "id('sid', i)" },
  refresh_families: {
    digest: "digest('family', i)",
    grant_id: "id('grant', i)",
    sid: "id('sid', i)",
    expires_at: 'moment(i)',
  },
  events: {
    id: 'i',
    at: 'moment(i)',
    request_id: "left(encode(sha256(i::text::bytea), 'hex'), 16)",
    sub: "id('sub', i % 20000)",
    grant_id: "id('grant', i % 20000)",
  },
}

const addressKeys = {
  ...{ sub: "id('sub', i)", email: "'person.' || i || '@example.com'", verified_at: 'moment(i)' },
  ...{ is_primary: 'true', created_at: 'moment(i)' },
}

const children = createChildren()
try {
  await measure()
} catch (error) {
  process.stderr.write(`rows: ${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
} finally {
  await children.endAll()
}

async function measure() {
  const database = await externalDatabase(children, undefined)
  if (!database) throw new Error('There is no PostgreSQL: install one, or set BENCH_DATABASE_URL.')
  const url = await database.create('rows')
  const own = await installation(children.folder, { databaseUrl: url })
  const { pid } = await serveSignet(children, undefined, own)
  const kind = 'Signet, external'
  const target = await createRecords(children, own, { kind, name: kind, pid, database: undefined, warmUp: 2 })
  // It signs people in and redeems codes, so that each table has a row.
  await scenarios.find(({ name }) => name === 'refresh')?.prepare(target)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const rows = await measureRows(client)
  await client.end()
  const { model, node } = describeMachine()
  const stored = { setting: { model, node, PostgreSQL: database.version, copies }, hash: await hashTime(), rows }
  writeFileSync(join(import.meta.dirname, 'rows.json'), `${JSON.stringify(stored, null, 2)}\n`)
}

/** Microseconds of processor time for one password, with the parameters of records/accounts/password-hashing.ts: the least of several. */
async function hashTime() {
  const hash = await argon2.hash('measures all day', { memoryCost: 19_456, timeCost: 2, parallelism: 1 })
  const times = []
  for (let turn = 0; turn < 30; turn++) {
    const before = process.cpuUsage()
    await argon2.verify(hash, 'measures all day')
    const { user, system } = process.cpuUsage(before)
    times.push(user + system)
  }
  return Math.min(...times)
}

/**
 * Bytes of a row of each table on disk, with its part of the indexes, in a database that only this program uses. People of the bench have no address,
 * so one is made up.
 *
 * @param {import('pg').Client} client
 * @returns {Promise<Record<string, number>>}
 */
export async function measureRows(client) {
  const { rows } = await client.query(
    "SELECT table_schema AS schema FROM information_schema.tables WHERE table_name = 'refresh_families'",
  )
  // Triggers and foreign keys are left out, because they change no row that is measured here.
  await client.query(`SET search_path = ${rows[0].schema}, pg_temp; SET session_replication_role = replica`)
  await client.query(`
    CREATE FUNCTION pg_temp.digest(name text, i bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT sha256((name || i)::bytea) $$;
    CREATE FUNCTION pg_temp.id(name text, i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
      SELECT rtrim(translate(encode(substr(sha256((name || i)::bytea), 1, 16), 'base64'), '+/', '-_'), '=') $$;
    CREATE FUNCTION pg_temp.moment(i bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT now() + i * interval '1 second' $$`)
  // Read before any table is emptied.
  /** @type {object[]} */
  const written = []
  for (const table of Object.keys(keys)) written.push(await newestRow(client, table))
  /** @type {Record<string, number>} */
  const bytes = {}
  for (const [index, [table, columns]] of Object.entries(keys).entries())
    bytes[table] = await measureTable(client, table, written[index] ?? {}, columns)
  bytes['account_emails'] = await measureTable(client, 'account_emails', {}, addressKeys)
  return bytes
}

/**
 * Of the events, one of the most frequent type.
 *
 * @param {import('pg').Client} client
 * @param {string} table
 */
async function newestRow(client, table) {
  const where = table === 'events' ? "WHERE type = 'tokens_issued' AND sub IS NOT NULL" : ''
  const { rows } = await client.query(
    `SELECT to_jsonb(t) AS row FROM ${table} AS t ${where} ORDER BY ctid DESC LIMIT 1`,
  )
  if (!rows[0]) throw new Error(`The scenarios have written no row of ${table}.`)
  return rows[0].row
}

/**
 * @param {import('pg').Client} client
 * @param {string} table
 * @param {object} row the columns that are the same in all rows
 * @param {Record<string, string>} columns
 */
async function measureTable(client, table, row, columns) {
  const replaced = Object.entries(columns).map(
    ([name, value]) => `'${name}', ${value.replaceAll(/\b(digest|id|moment)\(/g, 'pg_temp.$1(')}`,
  )
  await client.query(`TRUNCATE ${table} CASCADE`)
  await client.query(
    `INSERT INTO ${table} OVERRIDING SYSTEM VALUE
     SELECT copy.* FROM generate_series(1, ${copies}) AS i
     CROSS JOIN LATERAL jsonb_populate_record(NULL::${table}, $1::jsonb || jsonb_build_object(${replaced.join(', ')})) AS copy`,
    [JSON.stringify(row)],
  )
  await client.query(`VACUUM ANALYZE ${table}`)
  const { rows } = await client.query(
    `SELECT pg_total_relation_size('${table}')::float8 AS size, count(*)::integer AS count FROM ${table}`,
  )
  assert.equal(rows[0].count, copies)
  return Math.round(rows[0].size / copies)
}
