import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkMigrations } from '../../src/cli/doctor/check-database.ts'
import { examine } from '../../src/cli/doctor/examine.ts'
import { type Finding, groups } from '../../src/cli/doctor/finding.ts'
import { testDatabase } from '../database.ts'
import { freePort, startSignet } from '../support/idp.ts'
import { testMasterKey } from '../support/signing-keys.ts'
import { answer, emptyFolder } from './console.ts'

const idp = await startSignet(t)
const { issuer, databaseUrl = '', databaseSchema } = idp.signet.settings
const db = idp.signet.database
const installation = {
  SIGNET_ISSUER: issuer,
  SIGNET_DATABASE_URL: databaseUrl,
  SIGNET_DATABASE_SCHEMA: databaseSchema,
  SIGNET_MASTER_KEY: testMasterKey,
}
const all: readonly string[] = Object.values(groups).flat()

/** Runs `signet doctor --json`. */
async function doctor(more: Record<string, string> = {}, args: string[] = [], folder = emptyFolder(t)) {
  const { code, out, err } = await answer(['doctor', '--json', ...args], {
    environment: { ...installation, SIGNET_KEYS_DIR: join(folder, 'keys'), ...more },
    folder,
  })
  const { findings, bad, warnings } = JSON.parse(out) as { findings: Finding[]; bad: number; warnings: number }
  const of = (status: Finding['status']) => [
    ...new Set(findings.filter((finding) => finding.status === status).map(({ check }) => check)),
  ]
  const textOf = (name: string) => findings.find(({ check }) => check === name)?.finding
  return { code, out, err, findings, bad, warnings, of, textOf }
}

/** An address where nobody listens, for tests of the internal checks: the doctor does not wait for the server to record anything. */
const inside = ['--url', `http://127.0.0.1:${await freePort()}`]

t.test('planted public keys, a forged address that is believed, and wrong clocks are found', async (t) => {
  const rows = await db.query({
    text: `SELECT kid, public_jwk FROM signing_keys WHERE alg = 'ES256' ORDER BY activates_at`,
  })
  const [active, standby] = rows.rows as { kid: string; public_jwk: unknown }[]
  const setKey = (jwk: unknown) =>
    db.query({
      text: 'UPDATE signing_keys SET public_jwk = $1 WHERE kid = $2',
      values: [JSON.stringify(jwk), standby?.kid],
    })
  const { signet: believing } = await idp.another({ SIGNET_TRUST_PROXY: 'loopback' })
  await setKey(active?.public_jwk)
  await db.query({
    text: `INSERT INTO signing_keys (kid, alg, public_jwk, published_at, activates_at)
           VALUES ('planted', 'ES256', $1, now() - interval '1 year', now() - interval '1 year')`,
    values: [JSON.stringify(active?.public_jwk)],
  })
  const findings = await examine({
    ...{ environment: installation, folder: emptyFolder(t), stopSignal: new AbortController().signal },
    ...{ url: `http://127.0.0.1:${believing.settings.port}`, now: () => Date.now() + 90_000 },
  })
  await setKey(standby?.public_jwk)
  await db.query({ text: `DELETE FROM signing_keys WHERE kid = 'planted'` })
  t.match(findings.flatMap(({ check, status, finding }) => (status === 'bad' ? [`${check}: ${finding}`] : [])).sort(), [
    /^client-address: Signet trusted a forged X-Forwarded-For/,
    /^database-clock: .* 90.0 s behind this machine's clock, more than SIGNET_CLOCK_SKEW/,
    /^jwk-set: It contains keys that the database does not publish/,
    'key-pairs: The key planted is published but has no private key here.',
    `key-pairs: The public key ${standby?.kid} does not belong to its private key.`,
    /^server-clock: .* behind this machine's clock/,
  ])
})

t.test('a wrong master key is found, and nothing secret is printed', async (t) => {
  const other = Buffer.alloc(32, 'other').toString('base64url')
  const { code, out, err, of, textOf } = await doctor({ SIGNET_MASTER_KEY: other }, inside)
  t.same({ code, err, bad: of('bad') }, { code: 1, err: '', bad: ['master-key', 'metadata'] })
  t.match(textOf('master-key'), /opens none of the 21/)
  t.match(textOf('key-pairs'), /does not open the private keys/)
  for (const secret of [other, databaseUrl, `:${new URL(databaseUrl).password}@`]) t.notMatch(out, secret)
  const none = await doctor({ SIGNET_MASTER_KEY: '' }, inside)
  t.match(none.textOf('master-key'), /there is no master key/)
  t.same(none.of('bad'), ['master-key', 'metadata'])
})

t.test('missing, changed and newer migrations are distinguished', async (t) => {
  const judged = async (text: string, back: string) => {
    await db.query({ text })
    const finding = await checkMigrations({ connectionString: databaseUrl }, databaseSchema)
    await db.query({ text: back })
    return finding
  }
  const newer = `INSERT INTO schema_migrations (version, name) VALUES (999, 'x')`
  t.match(await judged(newer, 'DELETE FROM schema_migrations WHERE version = 999'), {
    status: 'bad',
    finding: /newer release/,
  })
  const changed = (md5: string) => `UPDATE schema_migrations SET md5 = ${md5} WHERE version = 1`
  t.match(await judged(changed(`'x' || md5`), changed('substr(md5, 2)')), {
    status: 'bad',
    finding: /different content/,
  })
  await db.query({ text: 'CREATE TABLE kept AS SELECT * FROM schema_migrations' })
  const putBack = 'INSERT INTO schema_migrations SELECT * FROM kept WHERE version > 1'
  t.match(await judged('DELETE FROM schema_migrations WHERE version > 1', putBack), {
    status: 'warning',
    finding: /Not applied yet: 002/,
  })
})

t.test('SIGNET_ISSUER that differs from the issuer on record and the one that answers is found', async (t) => {
  const { code, of, textOf } = await doctor({ SIGNET_ISSUER: 'https://id.example' }, ['--url', issuer])
  t.equal(code, 1)
  t.same(of('bad'), ['issuer-on-record', 'metadata'])
  t.match(textOf('issuer-on-record'), `belongs to ${issuer}, but SIGNET_ISSUER is https://id.example`)
  t.match(textOf('metadata'), `Its issuer is "${issuer}"`)
})

t.test('with the server down, the database down, or both, the remaining checks still run', async (t) => {
  const noServer = await doctor({}, inside)
  t.same(noServer.of('bad'), ['metadata'])
  t.match(noServer.textOf('metadata'), /no server is listening there \(connection refused\)/)
  const noDatabase = await doctor({ SIGNET_DATABASE_URL: `postgres://me:very-secret@127.0.0.1:${await freePort()}/x` })
  t.same(noDatabase.of('bad'), ['database'])
  t.match(noDatabase.textOf('master-key'), /could not be queried/)
  t.match(noDatabase.textOf('readiness'), /is ready/)
  t.notMatch(noDatabase.out, 'very-secret')
})

t.test('all bad settings are reported together, and each skipped check says why', async (t) => {
  const { code, findings, of, bad } = await doctor({
    SIGNET_PORT: 'x',
    SIGNET_TYPO: '1',
    SIGNET_DATABASE_URL: 'my://secret@x',
  })
  t.same([code, bad], [1, 3])
  t.same(of('bad'), ['settings'])
  t.match(findings.map(({ finding }) => finding).join('\n'), /SIGNET_TYPO: there is no such setting/)
  t.same(all, [...new Set(all.filter((name) => findings.some(({ check }) => check === name)))], 'every check is listed')
  t.ok(findings.every(({ status, finding }) => status !== 'skipped' || finding === 'The settings are not valid.'))
})

t.test('the doctor creates nothing: no folder, no key, no schema, no table', async (t) => {
  const folder = emptyFolder(t)
  const { schema, openPool } = await testDatabase(t)
  const fresh = await doctor({ SIGNET_DATABASE_SCHEMA: schema, SIGNET_MASTER_KEY: '' }, inside, folder)
  t.match(fresh.textOf('database'), /there is no installation in the schema/)
  const { rows } = await openPool().query({
    text: `SELECT FROM pg_class WHERE relnamespace = $1::regnamespace`,
    values: [schema],
  })
  t.equal(rows.length, 0)

  const embedded = await doctor({ SIGNET_DATABASE_URL: '', SIGNET_MASTER_KEY: '' }, inside, folder)
  t.match(embedded.textOf('database'), /There is no installation here: .* holds no embedded database/)
  t.same(readdirSync(folder), [])
})

t.test('files that others can read are found', async (t) => {
  const folder = emptyFolder(t)
  mkdirSync(join(folder, 'keys'))
  writeFileSync(join(folder, 'keys', 'master.key'), `${testMasterKey}\n`)
  chmodSync(join(folder, 'keys'), 0o777)
  writeFileSync(join(folder, '.env'), `SIGNET_MASTER_KEY=${testMasterKey}\n`, { mode: 0o644 })
  chmodSync(join(folder, 'keys', 'master.key'), 0o644)
  t.same(
    (await doctor({}, inside, folder)).of('bad'),
    ['keys-directory', 'env-file', 'metadata'],
    'the setting takes precedence over the file',
  )
  writeFileSync(join(folder, '.env'), 'SIGNET_LOG_LEVEL=info\n')
  const file = await doctor({ SIGNET_MASTER_KEY: '' }, inside, folder)
  t.same(file.of('bad'), ['master-key-file', 'keys-directory', 'master-key', 'metadata'])
  chmodSync(join(folder, 'keys', 'master.key'), 0o600)
  chmodSync(join(folder, 'keys'), 0o700)
  t.same((await doctor({ SIGNET_MASTER_KEY: '' }, inside, folder)).of('bad'), ['metadata'])
})

t.test('every check of a healthy installation is good', async (t) => {
  const { code, err, bad, warnings, of, findings } = await doctor()
  t.same({ code, err, bad }, { code: 0, err: '', bad: 0 })
  const server = process.env['SIGNET_TEST_DATABASE_URL'] ? [] : ['database-durability']
  if (server.length > 0) t.same({ warnings, of: of('warning') }, { warnings: 1, of: server })
  t.same(
    findings
      .map(({ check }) => check)
      .filter((check, index, list) => list.indexOf(check) === index)
      .sort(),
    [...all].sort(),
    'every check is listed',
  )
  for (const check of ['master-key', 'signing-keys', 'key-pairs', 'jwk-set', 'readiness', 'client-address'] as const)
    t.ok(of('good').includes(check), check)

  const people = await answer(['doctor'], { environment: installation, folder: emptyFolder(t) })
  t.equal(people.code, 0)
  t.match(people.out, /^This machine\n {2}good {5}version .*\n/)
  t.match(people.out, /\n0 bad, \d+ warnings?\.\n$/)
})

t.test('--url accepts only an origin', async (t) => {
  for (const url of ['rubbish', 'ftp://a.example', 'https://a.example/path', 'https://a.example?x']) {
    const { code, out, err } = await answer(['doctor', '--url', url], { folder: '/nowhere' })
    t.match({ code, out, err }, { code: 2, out: '', err: /--url must be scheme, host and port/ })
  }
})

t.test('an interrupt is not reported as a finding', async (t) => {
  const told = await answer(['doctor'], {
    environment: installation,
    folder: emptyFolder(t),
    stopSignal: AbortSignal.abort(),
  })
  t.match(told, { code: 1, out: '', err: /Interrupted/ })
})
