import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../../src/platform/config/installation-folder.ts'
import { migrate } from '../../../src/platform/database/migrations.ts'
import { findClient, updateClient } from '../../../src/records/clients/clients-store.ts'
import type { ClientId } from '../../../src/records/ids.ts'
import { noLog, testDatabase } from '../../database.ts'
import { startSignet } from '../../support/idp.ts'

t.test('what the previous release changes beside this one is what applies', async (t) => {
  const idp = await startSignet(t)
  const { database } = idp.signet
  const client = await idp.client({ token_endpoint_auth_method: undefined, require_pkce: 'auto' })
  const columns = async () => {
    const text = `SELECT token_endpoint_auth_method AS method, require_pkce FROM clients WHERE client_id = $1`
    return (await database.query({ text, values: [client.client_id] })).rows
  }
  const previousSets = (assignment: string) =>
    database.query({ text: `UPDATE clients SET ${assignment} WHERE client_id = $1`, values: [client.client_id] })
  t.same(await columns(), [{ method: 'client_secret_basic', require_pkce: true }], 'the strictest that it knows')

  t.match(await findClient(database, client.client_id), { require_pkce: 'auto' })
  t.equal((await findClient(database, client.client_id))?.token_endpoint_auth_method, undefined)
  await previousSets("token_endpoint_auth_method = 'client_secret_post', require_pkce = false")
  t.match(await findClient(database, client.client_id), {
    token_endpoint_auth_method: 'client_secret_post',
    require_pkce: false,
  })
  await previousSets("token_endpoint_auth_method = 'none', require_pkce = true")
  t.match(await findClient(database, client.client_id), { token_endpoint_auth_method: 'none' })
  for (const require_pkce of [true, false, 'auto'] as const) {
    await updateClient(database, client.client_id, { ...client, require_pkce })
    t.match(await findClient(database, client.client_id), { require_pkce })
  }
})

t.test('existing clients keep what they have, and those with keys stay pinned to the issuer', async (t) => {
  const { connection, schema, openPool } = await testDatabase(t)
  const before = mkdtempSync(join(tmpdir(), 'signet-sql-'))
  t.teardown(() => rmSync(before, { recursive: true, force: true }))
  const own = /unchosen-methods/
  const files = readdirSync(join(packageFolder, 'sql'))
    .filter((name) => /^\d{3}\.do\./.test(name))
    .sort()
  for (const name of files.slice(
    0,
    files.findIndex((name) => own.test(name)),
  ))
    cpSync(join(packageFolder, 'sql', name), join(before, name))
  await migrate({ connection, schema, log: noLog, folder: before })
  const database = openPool()
  const old: [id: string, method: string, pkce: boolean][] = [
    ['client_basic', 'client_secret_basic', true],
    ['client_lax', 'client_secret_post', false],
    ['client_keyed', 'private_key_jwt', true],
  ]
  for (const [id, method, pkce] of old)
    await database.query({
      text: `INSERT INTO clients (client_id, client_name, token_endpoint_auth_method, require_pkce, jwks, grant_types,
               response_types, scope, id_token_signed_response_alg, refresh_token_rotation)
             VALUES ($1, $1, $2, $3, '{"keys": []}', '{authorization_code}', '{code}', 'openid', 'ES256', false)`,
      values: [id, method, pkce],
    })
  await migrate({ connection, schema, log: noLog })
  for (const [id, method, pkce] of old)
    t.match(await findClient(database, id as ClientId), {
      token_endpoint_auth_method: method,
      require_pkce: pkce,
      require_issuer_audience: method === 'private_key_jwt',
    })
})
