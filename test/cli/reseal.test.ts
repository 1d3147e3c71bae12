import { existsSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { decodeProtectedHeader } from 'jose'
import { pino } from 'pino'
import t from 'tap'
import { openSealedKey } from '../../src/key-ring/sealed-key.ts'
import { readSettings } from '../../src/platform/config/settings.ts'
import { openMasterKey } from '../../src/platform/secrets/master-key.ts'
import {
  activateNewKey,
  forgetPreviousKey,
  keepPreviousKey,
  prepareNewKey,
} from '../../src/platform/secrets/master-key-file.ts'
import { openPurposeSecret, purposes } from '../../src/platform/secrets/purpose-secrets.ts'
import { loadPurposeSecrets } from '../../src/platform/secrets/purpose-secrets-store.ts'
import { insertAccount } from '../../src/records/accounts/accounts-store.ts'
import type { Sub } from '../../src/records/ids.ts'
import { start } from '../../src/start.ts'
import { testMasterKey } from '../support/signing-keys.ts'
import { insertGrant } from './insert-grant.ts'
import { openKeysInstallation } from './keys-installation.ts'

const { signet, json, database, keysDir, environment } = await openKeysInstallation(t)
const file = join(keysDir, 'master.key')
const previous = `${file}.previous`
const other = Buffer.alloc(32, 'other').toString('base64url')

// A node that runs throughout, with the master key it started with.
const { signet: node, stop } = await start(readSettings(environment, keysDir), pino({ level: 'silent' }))
t.teardown(stop)
await node.keyRing.extendRetention(60)

/** Every secret and private key, opened with this master key alone; undefined if one of them does not open. */
async function opened(masterKey = readFileSync(file, 'utf8').trim()): Promise<string[] | undefined> {
  const given = { masterKey: Buffer.from(masterKey, 'base64url'), masterKeyPrevious: undefined, keysDir }
  const key = await openMasterKey(given, true)
  const { rows } = await database.query<{ kid: string; sealed: Buffer }>({
    text: 'SELECT kid, sealed_private_jwk AS sealed FROM signing_keys WHERE sealed_private_jwk IS NOT NULL ORDER BY kid',
  })
  try {
    return [
      ...(await loadPurposeSecrets(database)).map((secret) => openPurposeSecret(secret, key).toString('hex')),
      ...rows.map(({ kid, sealed }) => String(openSealedKey(kid, sealed, key).export({ format: 'jwk' })['d'])),
    ]
  } catch {
    return undefined
  }
}
const secrets = await opened()

t.test('a master key that opens nothing reseals nothing', async (t) => {
  environment['SIGNET_MASTER_KEY'] = other
  t.match(await signet('keys', 'reseal'), { code: 1, out: '', err: /cannot open a secret in the database/ })
  delete environment['SIGNET_MASTER_KEY']
  t.same(await opened(), secrets)
})

t.test('a signing key that does not open is named, and nothing is resealed', async (t) => {
  const { rows } = await database.query<{ kid: string }>({
    text: `INSERT INTO signing_keys (kid, alg, public_jwk, sealed_private_jwk, published_at, activates_at, revoked_at)
           SELECT 'planted', alg, public_jwk, sealed_private_jwk, published_at, now() + interval '3 years', NULL
           FROM signing_keys LIMIT 1 RETURNING kid`,
  })
  t.equal(rows.length, 1)
  t.match(await signet('keys', 'reseal', '--new-master-key'), {
    code: 1,
    out: '',
    err: /key planted cannot be opened.*keys revoke planted/,
  })
  t.ok(existsSync(previous), 'the previous key opens everything')
  t.same(await opened(testMasterKey), undefined)
  t.match(await signet('keys', 'reseal', '--forget-previous'), { code: 1, out: '', err: /planted/ })
  t.ok(existsSync(previous), 'and is kept')
  await database.query({ text: `DELETE FROM signing_keys WHERE kid = 'planted'` })
  t.same(await opened(testMasterKey), secrets)
  renameSync(previous, file)
})

t.test('if reseal is interrupted after any step everything still opens, and the next run completes it', async (t) => {
  const before = readFileSync(file, 'utf8')
  await keepPreviousKey(file)
  t.match(await signet('keys', 'list'), { code: 0, err: '' }, 'after the first step')
  await keepPreviousKey(file)
  await activateNewKey(file, await prepareNewKey(file))
  t.not(readFileSync(file, 'utf8'), before)
  t.equal(readFileSync(previous, 'utf8'), before)
  t.match(await signet('keys', 'list'), { code: 0, err: '' }, 'after the second: sealed with the old, opened by both')
  t.match(await signet('keys', 'reseal', '--new-master-key'), {
    code: 1,
    out: '',
    err: /Finish the previous change of the master key first/,
  })
  t.same(await opened(before.trim()), secrets)
  t.match(await json('keys', 'reseal'), { signing_keys: 12, purpose_secrets: purposes.length, master_key: file })
  t.same(await opened(), secrets, 'the same secrets, now under the new key only')
  t.equal(await opened(before.trim()), undefined)
  t.match(await json('keys', 'reseal', '--forget-previous'), { previous: 'forgotten' })
  t.notOk(existsSync(previous))
  t.notOk(await forgetPreviousKey(file))
  t.match(await signet('keys', 'list'), { code: 0, err: '' })
})

t.test('a complete reseal writes private files, records one event, and changes nothing else', async (t) => {
  const rows = async () =>
    (
      await database.query({
        text: `SELECT to_jsonb(k) - 'sealed_private_jwk' AS key FROM signing_keys k ORDER BY kid`,
      })
    ).rows
  const kept = await rows()
  t.match(await json('keys', 'reseal', '--new-master-key', '--reason', 'an operator has left'), { previous })
  for (const name of [file, previous]) t.equal(statSync(name).mode & 0o777, 0o600)
  t.same(
    readdirSync(keysDir).sort(),
    ['key-ledger.txt', 'master.key', 'master.key.previous'],
    'no temporary file is left',
  )
  t.same(await opened(), secrets)
  t.same(await rows(), kept)
  const [event] = (await json<Record<string, unknown>[]>('events', 'list', '--type', 'keys_resealed')).slice(-1)
  t.match(event, {
    detail: { by: String, reason: 'an operator has left', signing_keys: 12, purpose_secrets: purposes.length },
  })
})

t.test('a running node follows the change of the master key', async (t) => {
  const [active = ''] = [...node.keyRing.keys()].flatMap(([{ kid, alg }, state]) =>
    state === 'active' && alg === 'ES256' ? [kid] : [],
  )
  await json('keys', 'revoke', active, '--reason', 'a drill')
  await node.keyRing.refresh()
  t.same(JSON.parse(String(node.keyRing.jwkSet().body)), JSON.parse((await signet('keys', 'export-public')).out))
  t.not(decodeProtectedHeader(await node.keyRing.sign('ES256', 'JWT', {}, 60)).kid, active)

  // What it creates itself is sealed with the new key.
  await json('keys', 'reseal', '--forget-previous')
  const [standby = ''] = [...node.keyRing.keys()].flatMap(([{ kid, alg }, state]) =>
    state === 'standby' && alg === 'ES256' ? [kid] : [],
  )
  await node.keyRing.revoke({ by: 'test' }, [standby])
  t.equal((await opened())?.length, purposes.length + 12)
})

t.test('with settings, the new key is given together with the previous one, and later alone', async (t) => {
  environment['SIGNET_MASTER_KEY'] = other
  environment['SIGNET_MASTER_KEY_PREVIOUS'] = readFileSync(file, 'utf8').trim()
  for (const flag of ['--new-master-key', '--forget-previous'])
    t.match(await signet('keys', 'reseal', flag), { code: 1, out: '', err: /comes from SIGNET_MASTER_KEY/ })
  t.match(await json('keys', 'reseal'), { master_key: 'SIGNET_MASTER_KEY', previous: 'SIGNET_MASTER_KEY_PREVIOUS' })
  delete environment['SIGNET_MASTER_KEY_PREVIOUS']
  t.match(await signet('keys', 'list'), { code: 0, err: '' })
  t.equal((await opened(other))?.length, purposes.length + 12)
})

t.test('recover signs everyone out with an event each, and keeps grants of machines', async (t) => {
  for (const username of ['one', 'two']) {
    const sub = `sub-of-${username}` as Sub
    await insertAccount(database, { sub, profile: { username }, email: undefined, passwordHash: undefined })
    await insertGrant(database, sub)
  }
  await database.query({
    text: `INSERT INTO grants (id, client_id, scopes, resources) SELECT 'of-a-machine', client_id, '{}', '{}' FROM clients LIMIT 1`,
  })
  const recovered = await json('recover', '--sign-everyone-out', '--reason', 'restored from a backup')
  t.match(recovered, { sessions_ended: 2, grants_ended: 2 })
  const events = await json<Record<string, unknown>[]>('events', 'list', '--type', 'sessions_ended')
  t.match(events, [{ sub: /^sub-of/, detail: { reason: 'restored from a backup', sessions: 1 } }, { sub: /^sub-of/ }])
  t.equal((await json<unknown[]>('events', 'list', '--type', 'grant_ended')).length, 2)
  t.notOk('ended_at' in (await json('grants', 'show', 'of-a-machine')))
  t.match(await json('recover', '--sign-everyone-out'), { sessions_ended: 0, grants_ended: 0 })
  const { out } = await signet('recover', '--sign-everyone-out')
  t.match(out, /All sessions and all grants of users have ended/)
  const [found = '', afterRestore = ''] = out.split('If you restored a backup:')
  t.notMatch(found, /backup/, 'backups are mentioned only as a condition')
  t.match(afterRestore, /as they were when the backup was made/)
})
