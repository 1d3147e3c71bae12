import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import type { Queryable } from '../../src/platform/database/queryable.ts'
import { migratedDatabase } from '../database.ts'
import { collectStatements, type SentStatement } from './collect-statements.ts'
import { findFaults, readIndexes } from './explain.ts'
import { growTables } from './grow-tables.ts'
import type { Tables } from './judge-plan.ts'
import { comparedTexts, holds, sqlLiterals } from './sql-literals.ts'

/** The tables that do not grow with people, clients or time. All others get rows here and must be read through an index. */
const steady = {
  installation: 'one row',
  key_ring: 'one row',
  purpose_secrets: 'a row for each purpose and version; every node has them all in memory',
  revoked_purpose_secrets: 'a row for each version that was revoked in an emergency',
  signing_keys: 'a row for each algorithm and rotation, some eight a year; every node has them all in memory',
  schema_migrations: 'a row for each migration',
  imported_passwords: 'a row for each kind of hash that was ever imported',
  password_dummies: 'one row',
  nodes: 'a row for each server that runs, or was killed within the last day',
}

/** Columns of growing tables in which each value has at most a few rows. */
const few = {
  'client_secrets.client_id':
    'two: a new secret displaces all but the previous one (client-secrets-store.ts, import-client.ts)',
  'resource_scopes.resource': 'a hundred (resource-rules.ts)',
  'account_emails.sub': 'one: a person has one address (account-changes-store.ts)',
  'email_verifications.sub':
    'some hundreds: ten an hour (limit-counters.ts), and a week after they have expired (cleanup-store.ts)',
  'account_credentials.sub': 'one of each kind, and twenty passkeys (passkeys-store.ts)',
  'passkeys.sub': 'twenty (passkeys-store.ts)',
  'recovery_codes.id': 'ten (recovery-code-rule.ts)',
  'consents.sub': 'as many as the applications that a person has allowed, each with a button on a page of its own',
  'account_recoveries.sub':
    'some forty: twenty mails a day to one address (limit-counters.ts), each kept for a day (cleanup-store.ts)',
  'account_notices.sub': 'some hundreds: twenty a day of each kind of mail, for a week (account-notices-store.ts)',
  'email_changes.sub':
    'a few: each needs a mail whose link was opened, and is deleted after a week (email-changes-store.ts)',
  'unfinished_sign_ins.sub': 'those of ten minutes, each after the right password',
  'known_browsers.sub': 'a hundred: a new one displaces the least recently used one (sessions-store.ts)',
}

const sources = join(packageFolder, 'src')
const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))
const sourceOf = (file: string) => readFileSync(join(sources, file), 'utf8')
const stores = files.filter((file) => file.endsWith('-store.ts')).sort()

async function allStatements(): Promise<SentStatement[]> {
  const statements: SentStatement[] = []
  for (const file of stores) {
    const store = await import(new URL(`../../src/${file.replace(/\.ts$/, '.js')}`, import.meta.url).href)
    statements.push(...(await collectStatements(file, store, comparedTexts(file, sourceOf(file)))))
  }
  return statements
}

/** SQL in a store's source that is part of no sent statement, neither its own nor that of a store that imports it. */
function unseenSql(file: string, source: string, statements: readonly SentStatement[]): string[] {
  return sqlLiterals(file, source)
    .filter((literal) => !statements.some(({ text }) => holds(text, literal)))
    .map(({ line, parts }) => `${file}:${line} ${parts.join('…').trim().slice(0, 100)}`)
}

const statements = await allStatements()

t.test('all SQL of the stores is seen, and there is none elsewhere', async (t) => {
  t.ok(stores.length > 20 && statements.length > 90, `${statements.length} statements of ${stores.length} stores`)
  t.same(
    stores.flatMap((file) => unseenSql(file, sourceOf(file), statements)),
    [],
    'every text with SQL is part of a statement that one of the exported functions sends',
  )
  const others = files.filter((file) => !file.endsWith('-store.ts') && !file.startsWith('platform/database/'))
  const outside = others.flatMap((file) =>
    sqlLiterals(file, sourceOf(file))
      .filter(({ parts }) => parts.join('') !== 'SELECT 1')
      .map(({ line, parts }) => `${file}:${line} ${parts.join('…').slice(0, 100)}`),
  )
  t.same(outside, [], 'SQL belongs in a store')
})

t.test('SQL that no call reaches is found', async (t) => {
  const source = `
    export const find = (db, { sub, kind }) => {
      if (sub > 5) return db.query({ text: 'SELECT FROM accounts' })
      return db.query({ text: \`SELECT FROM grants\${sub ? ' WHERE sub = $1' : ''}\${kind === 'old' ? ' ORDER BY id' : ''}\` })
    }`
  const find = (db: Queryable, { sub, kind }: Record<string, unknown>) =>
    db.query({ text: `SELECT FROM grants${sub ? ' WHERE sub = $1' : ''}${kind === 'old' ? ' ORDER BY id' : ''}` })
  const planted = await collectStatements('planted-store.ts', { find }, comparedTexts('planted-store.ts', source))
  t.same(
    planted.map(({ text }) => text).sort(),
    ['', ' ORDER BY id', ' WHERE sub = $1', ' WHERE sub = $1 ORDER BY id'].map((end) => `SELECT FROM grants${end}`),
    'each form of a composed statement is seen',
  )
  t.same(unseenSql('planted-store.ts', source, planted), ['planted-store.ts:3 SELECT FROM accounts'])
})

t.test('with large tables', async (t) => {
  const { schema, openPool } = await migratedDatabase(t)
  const pool = openPool({ max: 1, queryTimeoutMs: 60_000 })
  const { rows } = await pool.query<{ version: number }>("SELECT current_setting('server_version_num')::int AS version")
  const skip = rows[0]!.version < 170_000 && 'plans before PostgreSQL 17 do not show the purpose of a subquery'
  const references = await readReferences(pool)
  if (!skip) await growTables(pool, Object.keys(steady), Object.keys(few))
  const db = await pool.connect()
  t.teardown(() => db.release())
  const tables: Tables = { schema, steady, few, indexes: await readIndexes(db) }

  t.test('every statement stays fast, however much the tables hold', { skip }, async (t) => {
    for (const { file, sentBy, text } of statements)
      for (const part of text.split(/;\s*/)) {
        // These have no plan.
        if (/^(?:LOCK TABLE|SET LOCAL|BEGIN|COMMIT|ROLLBACK)/.test(part)) continue
        const found = await findFaults(db, part, tables).catch((error: Error) => ({
          faults: [error.message],
          plan: undefined,
        }))
        if (found) t.fail(`src/${file}, ${sentBy}: ${found.faults.join(' ')}`, { statement: part, plan: found.plan })
      }
  })

  t.test('rows that refer to a deleted row are found through an index', { skip }, async (t) => {
    t.ok(references.length > 10)
    for (const { table, column } of references) {
      const found = await findFaults(db, `SELECT FROM ${table} WHERE ${column} = $1 LIMIT 1`, tables)
      if (found) t.fail(`${table}.${column} needs an index: ${found.faults.join(' ')}`, { plan: found.plan })
    }
  })

  t.test('planted statements are judged correctly', { skip }, async (t) => {
    const bad: [statement: string, fault: RegExp][] = [
      ['SELECT sub FROM accounts WHERE name = $1', /reads the whole table accounts/],
      ['SELECT id FROM grants WHERE ($1::text IS NULL OR sub = $1) LIMIT 100', /reads the whole table grants/],
      ['SELECT sub FROM accounts WHERE sub NOT IN (SELECT sub FROM sessions) LIMIT 5', /collects an unbounded/],
      [
        'SELECT id FROM grants JOIN clients USING (client_id) WHERE logo_uri = $1 LIMIT 5',
        /reads (?:the whole table|all of the index clients_pkey)/,
      ],
      ['SELECT count(*) FROM sessions', /reads all of the index|reads the whole table/],
      ['SELECT sub FROM accounts ORDER BY created_at, sub LIMIT 100', /sorts an unbounded/],
      ['SELECT id FROM events WHERE kid = $1 AND at > $2 AND id < $3 ORDER BY network LIMIT 100', /sorts an unbounded/],
      ['SELECT id FROM events WHERE network = $1 ORDER BY id LIMIT 100', /reads all of the index events_pkey/],
      [
        'SELECT id FROM events WHERE network = $1 AND id > $2 ORDER BY id LIMIT 100',
        /reads on in the index events_pkey/,
      ],
      ['SELECT id FROM events WHERE type = $1 ORDER BY at DESC LIMIT 100', /reads all of the index events_at_idx/],
      ['SELECT id FROM events ORDER BY id LIMIT 100 OFFSET $1', /skips rows/],
      ['SELECT id FROM grants WHERE sub = $1', /returns an unbounded/],
      ['SELECT id FROM grants ORDER BY id', /returns an unbounded/],
      ['SELECT id FROM grants WHERE sub = $1 ORDER BY created_at LIMIT 10', /sorts an unbounded/],
      ['SELECT type, count(*) FROM events WHERE sub = $1 GROUP BY type', /sorts an unbounded|groups an unbounded/],
      ['SELECT id, count(*) OVER () FROM sessions WHERE sub = $1 LIMIT 5', /computes a window over an unbounded/],
      [
        'SELECT ARRAY(SELECT id FROM grants WHERE sub = accounts.sub) FROM accounts WHERE sub = $1',
        /collects an unbounded/,
      ],
      ['DELETE FROM sessions WHERE id = ANY (ARRAY(SELECT id FROM sessions WHERE sub = $1))', /collects an unbounded/],
      ['UPDATE sessions SET ended_at = now() WHERE sub = $1', /changes an unbounded/],
      [
        'WITH gone AS (DELETE FROM grants WHERE sub = $1 RETURNING id) SELECT id FROM gone LIMIT 5',
        /changes an unbounded/,
      ],
    ]
    for (const [statement, fault] of bad)
      t.match((await findFaults(db, statement, tables))?.faults.join(' '), fault, statement)
    const good = [
      'SELECT sub FROM accounts WHERE sub = $1',
      'SELECT sub FROM accounts WHERE sub = ANY ($1)',
      'SELECT kid FROM signing_keys ORDER BY activates_at',
      'SELECT max(id) FROM events',
      'SELECT EXISTS (SELECT FROM sessions WHERE sub = $1)',
      'SELECT id FROM grants WHERE sub BETWEEN $1 AND $1 AND status_index < $2 ORDER BY sub, status_index LIMIT $3',
      'SELECT id FROM (SELECT id, network FROM events WHERE id > $1 ORDER BY id LIMIT 100) AS recent WHERE network = $2',
      'SELECT digest FROM client_secrets WHERE client_id = $1 ORDER BY id',
      'DELETE FROM sessions WHERE id = ANY (ARRAY(SELECT id FROM sessions WHERE sub = $1 LIMIT 100))',
    ]
    for (const statement of good) t.equal(await findFaults(db, statement, tables), undefined, statement)
  })
})

/** Columns that refer to rows of another table: when such a row is deleted, PostgreSQL looks up those that refer to it. */
async function readReferences(db: Queryable): Promise<{ table: string; column: string }[]> {
  const { rows } = await db.query<{ table: string; column: string }>({
    text: `SELECT conrelid::regclass::text AS table, attname AS column
           FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
           WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY 1, 2`,
  })
  return rows
}
