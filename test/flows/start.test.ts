import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { readSettings, type Settings } from '../../src/platform/config/settings.ts'
import { briefWait } from '../../src/platform/database/locked-transaction.ts'
import { purposes } from '../../src/platform/secrets/purpose-secrets.ts'
import { loadPurposeSecrets } from '../../src/platform/secrets/purpose-secrets-store.ts'
import { setUpInstallation } from '../../src/set-up.ts'
import { start } from '../../src/start.ts'
import { migratedDatabase, testDatabase } from '../database.ts'
import { freshFolder } from '../platform/database/own-server.ts'
import { startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

async function environment(t: Test): Promise<Record<string, string>> {
  const { url, schema } = await testDatabase(t)
  const folder = mkdtempSync(join(tmpdir(), 'signet-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return {
    SIGNET_DATABASE_URL: url,
    SIGNET_DATABASE_SCHEMA: schema,
    SIGNET_KEYS_DIR: folder,
    SIGNET_DATABASE_POOL: '3',
  }
}

const started = (environment: Record<string, string>) =>
  start(readSettings(environment, tmpdir()), pino({ level: 'silent' }))

t.test('a start with a different issuer from the one on record is refused', async (t) => {
  const settings = await environment(t)
  await (await started(settings)).stop()
  await t.rejects(started({ ...settings, SIGNET_ISSUER: 'http://localhost:4999' }), {
    name: 'IssuerMismatch',
    message: /belongs to the issuer http:\/\/localhost:4000/,
  })
  await (await started(settings)).stop()
})

t.test(
  'a start that creates an installation says so, and where, without a password; the next one does not',
  async (t) => {
    const settings = await environment(t)
    const announced = async () => {
      const said: string[] = []
      const report = (sentence: string) => said.push(sentence)
      const { stop } = await start(readSettings(settings, tmpdir()), pino({ level: 'silent' }), { report })
      await stop()
      return said.filter((sentence) => sentence.includes('new installation'))
    }
    const [first = '', ...more] = await announced()
    t.match(first, /^This is a new installation, in the schema \w+ of postgres(?:ql)?:\/\/[^:@]+@/)
    t.same(more, [])
    t.same(await announced(), [])
  },
)

t.test('a lost or wrong master key stops the start, and no new one is created', async (t) => {
  const settings = await environment(t)
  await (await started(settings)).stop()
  const file = join(settings['SIGNET_KEYS_DIR'] ?? '', 'master.key')
  const original = readFileSync(file)
  t.equal(statSync(file).mode & 0o777, 0o600)
  rmSync(file)
  await t.rejects(started(settings), { name: 'MasterKeyError', message: /there is no master key/ })
  t.throws(() => statSync(file), { code: 'ENOENT' })
  await t.rejects(started({ ...settings, SIGNET_MASTER_KEY: 'A'.repeat(43) }), {
    name: 'MasterKeyError',
    message: /cannot open a secret/,
  })
  writeFileSync(file, original, { mode: 0o644 })
  await t.rejects(started(settings), { name: 'MasterKeyError', message: /chmod 600/ })
  rmSync(file)
  const { stop } = await started({
    ...settings,
    SIGNET_MASTER_KEY: 'A'.repeat(43),
    SIGNET_MASTER_KEY_PREVIOUS: original.toString('utf8').trim(),
  })
  await stop()
})

t.test('nodes that start at the same moment on an empty schema share one set of keys and secrets', async (t) => {
  for (const count of [2, 3, 2]) {
    const settings = await environment(t)
    const nodes = await Promise.all(Array.from({ length: count }, () => started(settings)))
    t.ok(nodes.every(({ signet }) => signet.keyRing.isReady()))
    t.equal(new Set(nodes.map(({ signet }) => signet.keyRing.jwkSet().etag)).size, 1)
    t.equal(new Set(nodes.map(({ signet }) => signet.secrets.csrf.versions.get(1)?.toString('hex'))).size, 1)
    const { keys } = JSON.parse(nodes[0]?.signet.keyRing.jwkSet().body.toString() ?? '') as {
      keys: { alg: string; kid: string }[]
    }
    t.same(
      keys.map(({ alg }) => alg).sort(),
      ['ES256', 'ES256', 'ES256', 'RS256', 'RS256', 'RS256'],
      'an active key and two standbys per algorithm',
    )
    await Promise.all(nodes.map(({ stop }) => stop()))
  }
})

t.test('a node whose master key differs from that of a faster node is told so', async (t) => {
  const { openPool } = await migratedDatabase(t)
  const folders = [freshFolder(t), freshFolder(t)] as const
  const settings = folders.map((folder) => readSettings({ SIGNET_KEYS_DIR: folder }, tmpdir()))
  const pool = openPool()
  const nothingKept = { revokedSecrets: new Map<string, number>() }
  // The other node starts between the two transactions of this one.
  let connections = 0
  const slow = new Proxy(openPool(), {
    get: (target, name) =>
      name === 'connect'
        ? async () => {
            if (++connections === 2) await setUpInstallation(pool, settings[1] as Settings, briefWait, nothingKept)
            return target.connect()
          }
        : Reflect.get(target, name),
  })
  await t.rejects(setUpInstallation(slow, settings[0] as Settings, briefWait, nothingKept), {
    name: 'MasterKeyError',
    message: /^Another node set up this database at the same time.*master\.key cannot open its secrets\./,
  })
  t.equal(connections, 2)
  const before = await loadPurposeSecrets(pool)
  await setUpInstallation(pool, settings[1] as Settings, briefWait, nothingKept)
  t.same(await loadPurposeSecrets(pool), before, 'the secrets of the faster node are untouched')
  t.equal(before.length, purposes.length)
})

t.test('all nodes, after a restart too, have the same salt of pairwise subjects', async (t) => {
  const one = await startSignet(t)
  const two = await one.another()
  t.equal(one.signet.subjectSalt.length, 32)
  t.same(two.signet.subjectSalt, one.signet.subjectSalt)
  await one.stop()
  t.same((await two.another()).signet.subjectSalt, one.signet.subjectSalt)
  t.notSame((await startSignet(t)).signet.subjectSalt, one.signet.subjectSalt)
})

t.test('a setup that one node begins, another one finishes', async (t) => {
  const one = await startSignet(t)
  const two = await one.another()
  const client = await one.client()
  const journey = await signIn(one, client)
  const tokens = await two.token(client, {
    grant_type: 'authorization_code',
    code: journey.code,
    redirect_uri: client.redirect_uris[0] ?? '',
    code_verifier: journey.pkce.verifier,
  })
  t.equal(tokens.status, 200)
  t.match(await journey.redeem(), { status: 400, body: { error: 'invalid_grant' } })
})

t.test('a node whose role may create nothing starts if nothing is pending, and signs people in', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client()
  const { databaseSchema: schema } = idp.signet.settings
  await idp.signet.database.query({ text: `REVOKE CREATE ON SCHEMA ${schema} FROM CURRENT_USER, PUBLIC` })
  await t.rejects(idp.signet.database.query({ text: `CREATE TABLE ${schema}.stones ()` }), /permission denied/)
  const node = await idp.another()
  t.match(await (await signIn(node, client)).redeem(), { status: 200 })
})
