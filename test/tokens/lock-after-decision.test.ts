import t from 'tap'
import { disableAccount } from '../../src/operations/account-access.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { createTurns } from '../../src/platform/turns.ts'
import type { Sub } from '../../src/records/ids.ts'
import { lockCode } from '../../src/tokens/authorization-codes-store.ts'
import { lockFamily } from '../../src/tokens/refresh-families-store.ts'
import { migratedDatabase } from '../database.ts'
import { eventually } from '../support/eventually.ts'

const { openPool } = await migratedDatabase(t)
const db = openPool({ max: 5 })
const signet = {
  database: db,
  turns: createTurns(),
  endings: { wake: () => {}, run: () => {}, stop: async () => {} },
}
const digest = Buffer.alloc(32, 1)
const statements = [
  `INSERT INTO clients (client_id, client_name, grant_types, response_types, scope, token_endpoint_auth_method,
     id_token_signed_response_alg, refresh_token_rotation)
   VALUES ('client', 'Client', '{}', '{}', '', 'none', 'ES256', true)`,
  `INSERT INTO accounts (sub) VALUES ('of-code'), ('of-family')`,
  `INSERT INTO grants (id, client_id, sub, scopes, resources, auth_time, acr, amr)
   SELECT sub, 'client', sub, '{offline_access}', '{}', now(), 'x', '{}' FROM accounts`,
  `INSERT INTO authorization_codes (digest, grant_id, redirect_uri, sid, expires_at)
   VALUES ('\\x${digest.toString('hex')}', 'of-code', 'https://app.example', 'sid', now() + interval '1 hour')`,
  `INSERT INTO refresh_families (digest, grant_id, secret_version, sid, expires_at, max_expires_at)
   VALUES ('\\x${digest.toString('hex')}', 'of-family', 1, 'sid', now() + interval '1 hour', now() + interval '1 hour')`,
]
for (const text of statements) await db.query({ text })

const cases = [
  {
    what: 'a code',
    sub: 'of-code',
    table: 'authorization_codes',
    ended: async () => !(await inTransaction(db, (tx) => lockCode(tx, digest)))?.person,
  },
  {
    what: 'a refresh token',
    sub: 'of-family',
    table: 'refresh_families',
    ended: async () => !(await inTransaction(db, (tx) => lockFamily(tx, digest)))?.person,
  },
]

for (const { what, sub, table, ended } of cases)
  t.test(`${what} that waits for its row while the account is disabled is judged by the later state`, async (t) => {
    t.equal(await ended(), false)
    const holder = await db.connect()
    await holder.query('BEGIN')
    await holder.query(`SELECT FROM ${table} FOR UPDATE`)
    const waiting = ended()
    await eventually('the request to wait for the row', async () => {
      // Nothing else uses this database.
      const { rowCount } = await db.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() AND pid <> pg_backend_pid()`,
      )
      return rowCount === 1
    })
    await disableAccount(signet, { kind: 'operator', by: 'test' }, sub as Sub)
    await holder.query('COMMIT')
    holder.release()
    t.equal(await waiting, true)
  })
