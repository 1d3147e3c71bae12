import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkBreachedPasswords, judgeRange } from '../../../src/cli/doctor/check-breached-passwords.ts'
import { judgeClientAddress } from '../../../src/cli/doctor/check-client-address.ts'
import { judgeClock } from '../../../src/cli/doctor/check-clock.ts'
import { type DatabasePath, judgeDatabase } from '../../../src/cli/doctor/check-database.ts'
import { judgeDataDirectory, judgeKeysDirectory, judgeSecretFile } from '../../../src/cli/doctor/check-files.ts'
import { judgeCaching, judgeCrossOrigin, judgeJwkSet } from '../../../src/cli/doctor/check-jwk-set.ts'
import {
  judgeMetrics,
  judgePlainHttp,
  judgeReadiness,
  judgeRequestId,
} from '../../../src/cli/doctor/check-operations.ts'
import { judgeSettings } from '../../../src/cli/doctor/check-settings.ts'
import { judgeSigningKeys } from '../../../src/cli/doctor/check-signing-keys.ts'
import type { DatabaseFacts } from '../../../src/cli/doctor/doctor-store.ts'
import { judgeVersion } from '../../../src/cli/doctor/examine.ts'
import { type Finding, groups } from '../../../src/cli/doctor/finding.ts'
import type { KeyRecord } from '../../../src/key-ring/signing-keys-store.ts'
import { packageFolder } from '../../../src/platform/config/installation-folder.ts'
import { readSettings } from '../../../src/platform/config/settings.ts'
import { freePort } from '../../support/free-port.ts'
import { startRangeApi } from '../../support/range-api.ts'

const day = 86_400_000

/** `name: status` of every finding that is not good. */
function notGood(findings: Finding | readonly Finding[]): string[] {
  return [findings].flat().flatMap(({ check, status }) => (status === 'good' ? [] : [`${check}: ${status}`]))
}

t.test("a forged address that is believed is bad; a proxy's address recorded for everyone is a warning", async (t) => {
  const seen = { forged: '192.0.2.9', own: '198.51.100.4', trustProxy: [] as string[], hasProxy: false }
  const judge = (more: Partial<Parameters<typeof judgeClientAddress>[0]>) =>
    judgeClientAddress({ ...seen, recorded: seen.own, ...more }).status
  t.equal(judge({ recorded: seen.forged, trustProxy: ['10.0.0.0/8'], hasProxy: true }), 'bad')
  t.equal(judge({ recorded: '::ffff:192.0.2.9', trustProxy: ['10.0.0.0/8'] }), 'bad')
  t.equal(judge({ recorded: seen.forged, trustProxy: ['loopback'], own: '::ffff:127.0.0.1' }), 'skipped', 'trusted')
  t.equal(judge({ recorded: '10.0.0.7', hasProxy: true }), 'warning')
  t.equal(judge({ recorded: '10.0.0.7' }), 'warning', 'a proxy that adds no header')
  t.equal(judge({ hasProxy: true }), 'warning', 'everything on one machine')
  t.equal(judge({ recorded: '10.0.0.7', trustProxy: ['uniquelocal'], hasProxy: true }), 'warning', 'no X-Forwarded-For')
  t.equal(judge({ recorded: '10.0.0.7', trustProxy: ['10.0.0.0/8'] }), 'warning', 'or an unreadable one')
  t.equal(judge({ recorded: '203.0.113.5', trustProxy: ['uniquelocal'], hasProxy: true }), 'good')
  t.equal(judge({}), 'good')
  t.equal(judge({ recorded: '::ffff:198.51.100.4' }), 'good')
})

t.test('a clock is a warning above 2 s off, bad above the skew, and a slow response proves nothing', async (t) => {
  const judge = (said: number, answered = 0, resolution = 0) =>
    judgeClock('database-clock', 'It', { sentAt: 0, receivedAt: answered, otherClock: said, resolution }, 60)
  t.match(judge(-60_001), { status: 'bad', finding: /60.0 s behind this machine's clock, more than SIGNET_CLOCK_SKEW/ })
  t.match(judge(60_001), { status: 'bad', finding: /ahead of/ })
  t.equal(judge(60_000).status, 'warning')
  t.equal(judge(2_001).status, 'warning')
  t.equal(judge(2_000).status, 'good')
  t.equal(judge(4_900, 5_000).status, 'good', 'the difference is uncertain by half the round trip')
  t.equal(judge(-2_900, 0, 1_000).status, 'good', 'whole seconds are rounded')
})

t.test('the database is checked for lost writes, version, size, excess privileges and encryption', async (t) => {
  const facts: DatabaseFacts = {
    ...{ versionNumber: 180_004, version: '18.4', encoding: 'UTF8', isSuperuser: false, connections: 97 },
    ...{ fsync: 'on', fullPageWrites: 'on', synchronousCommit: 'on', isEncrypted: false, clientAddress: null },
    ...{ isReadOnly: false, hasSchema: true, mayCreateSchema: false, hasTables: true },
  }
  const direct = { route: { hasPooler: false, session: 'own' }, isPrivate: true } as const
  const judge = (more: Partial<DatabaseFacts>, databasePool = 10, way: DatabasePath = direct) =>
    notGood(judgeDatabase({ ...facts, ...more }, { databasePool, databaseSchema: 'signet' }, way))
  t.same(judge({}), [])
  t.same(judge({ versionNumber: 140_010 }), ['database: bad'])
  t.same(judge({ isReadOnly: true }), ['database: bad'])
  t.same(judge({ hasSchema: false, hasTables: false }), ['database: bad'], 'and the role may not create it')
  t.same(judge({ hasSchema: false, hasTables: false, mayCreateSchema: true }), ['database: bad'])
  t.same(judge({ isSuperuser: true }), ['database-role: warning'])
  t.same(judge({ encoding: 'SQL_ASCII' }), ['database-encoding: bad'])
  for (const off of [{ fsync: 'off' }, { fullPageWrites: 'off' }, { synchronousCommit: 'off' }])
    t.same(judge(off), ['database-durability: warning'])
  t.same(judge({}, 47), ['database-connections: warning'])
  t.same(judge({}, 96), ['database-connections: bad'])
  t.same(judge({ clientAddress: '10.0.0.3' }), ['database-encryption: warning'])
  t.same(judge({ clientAddress: '10.0.0.3', isEncrypted: true }), [])
  t.same(judge({ clientAddress: '127.0.0.1' }), [])
  const pooler = { route: { hasPooler: true, session: 'shared' }, isPrivate: true } as const
  t.same(judge({}, 96, pooler), ['database-connections: skipped'], 'only the pooler knows this')
  t.same(judge({}, 10, { ...pooler, isPrivate: false }).at(-1), 'database-encryption: warning', 'up to the pooler')
  t.same(judge({ clientAddress: '10.0.0.3' }, 10, pooler).at(-1), 'database-encryption: warning', 'and beyond')
})

t.test('files are judged by who can read and change them', async (t) => {
  const facts = (mode: number, uid = 1000) => ({ path: '/x', mode, uid })
  const secret = (mode: number, uid: number, user: number) => judgeSecretFile('env-file', facts(mode, uid), user).status
  t.equal(secret(0o640, 1000, 1000), 'bad')
  t.equal(secret(0o604, 1000, 0), 'bad')
  t.equal(secret(0o600, 1001, 1000), 'warning')
  t.equal(secret(0o600, 1001, 0), 'good', 'root cannot tell who should own it')
  t.equal(secret(0o400, 1000, 1000), 'good')
  t.equal(judgeKeysDirectory(facts(0o777)).status, 'bad')
  t.equal(judgeKeysDirectory(facts(0o775)).status, 'warning')
  t.equal(judgeKeysDirectory(facts(0o755)).status, 'good')
  t.equal(judgeDataDirectory(facts(0o720)).status, 'bad')
  t.equal(judgeDataDirectory(facts(0o755)).status, 'warning')
  t.same([judgeDataDirectory(facts(0o700)).status, judgeDataDirectory(facts(0o711)).status], ['good', 'good'])
})

t.test('the JWK Set is compared with the database key by key', async (t) => {
  const key = (kid: string, x: string) => ({ kid, publicJwk: { kty: 'EC', crv: 'P-256', x, y: 'y' } })
  const answer = (keys: unknown, status = 200) => ({
    ...{ status, headers: {}, text: JSON.stringify({ keys }), sentAt: 0, receivedAt: 0, from: '' },
  })
  const served = [{ kid: 'a', use: 'sig', alg: 'ES256', kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }]
  t.equal(judgeJwkSet(answer(served), [key('a', 'x')]).status, 'good')
  t.match(
    judgeJwkSet(answer(served), [key('a', 'z')]),
    { status: 'bad', finding: /does not publish: a/ },
    'the same kid',
  )
  t.match(judgeJwkSet(answer(served), []), { status: 'bad', finding: /does not publish: a/ })
  const twice = [{ ...served[0], x: 'z' }, ...served]
  t.match(
    judgeJwkSet(answer(twice), [key('a', 'x')]),
    { status: 'bad', finding: /does not publish: a/ },
    'the same kid twice',
  )
  t.match(judgeJwkSet(answer(served), [key('a', 'x'), key('b', 'x')]), {
    ...{ status: 'bad', finding: /are missing: b/ },
    advice: /release before this one/,
  })
  t.match(judgeJwkSet(answer([null, 7]), [key('a', 'x')]), { status: 'bad' })
  t.match(judgeJwkSet(answer('no list'), []), { status: 'bad', finding: /not a JWK Set/ })
  t.match(judgeJwkSet(answer([], 404), []), { status: 'bad', finding: /status 404/ })
  t.equal(judgeJwkSet(answer(served), undefined).status, 'skipped')
})

t.test('changes that a proxy makes to the headers of the JWK Set are reported', async (t) => {
  const sent = {
    'cache-control': 'public, max-age=300, stale-while-revalidate=300',
    etag: '"x"',
    'access-control-allow-origin': '*',
  }
  const caching = (more: object) => judgeCaching({ headers: { ...sent, ...more } }, 300).map(({ status }) => status)
  t.same(caching({}), ['good'])
  t.same(caching({ age: '600' }), ['good'])
  t.same(caching({ age: '601' }), ['warning'])
  t.same(caching({ 'cache-control': 'max-age=86400' }), ['bad'])
  t.same(caching({ 'cache-control': 'max-age=300, s-maxage=301' }), ['bad'])
  t.same(caching({ 'cache-control': 'max-age=300, stale-while-revalidate=86400' }), ['bad'])
  t.same(caching({ 'cache-control': 'no-store' }), ['warning'])
  t.same(caching({ 'cache-control': undefined }), ['warning'])
  t.same(caching({ 'cache-control': 'max-age=10' }), ['warning'])
  t.same(caching({ etag: 'W/"x"' }), ['warning'])
  t.same(caching({ etag: undefined, 'cache-control': 'no-cache' }), ['warning', 'warning'])
  const origin = (value?: string) => judgeCrossOrigin({ headers: { 'access-control-allow-origin': value } }).status
  t.same([origin('*'), origin('*, *'), origin(), origin('https://a.example')], ['good', 'bad', 'warning', 'warning'])
})

t.test('readiness, metrics, the request id and port 80 are checked', async (t) => {
  const answer = (status: number, text = '') => ({ status, text, headers: {}, sentAt: 0, receivedAt: 0, from: '' })
  t.equal(judgeReadiness(answer(200)).status, 'good')
  t.match(judgeReadiness(answer(503, '{"problems":["no active key"]}')), { status: 'bad', finding: /no active key/ })
  t.equal(judgeReadiness(answer(503)).status, 'bad')
  t.equal(judgeReadiness(answer(403)).status, 'skipped')
  t.same(
    [200, 401, 404].map((status) => judgeMetrics({ status }, false).status),
    ['warning', 'good', 'good'],
  )
  t.equal(judgeMetrics({ status: 200 }, true).status, 'good')
  const id = (value?: string) => judgeRequestId({ headers: { 'x-request-id': value } }).status
  t.same([id('5mUJXKqTQb0pPn2w'), id(), id('3f2504e0-4f89-41d3-9a0c-0305e82c3301')], ['good', 'warning', 'warning'])
  const plain = (status: number, location?: string) =>
    judgePlainHttp({ status, headers: { location } }, 'https://a.example').status
  t.equal(judgePlainHttp(undefined, 'https://a.example').status, 'good')
  t.same(
    [plain(301, 'https://a.example/x'), plain(301, 'https://b.example/x'), plain(404)],
    ['good', 'warning', 'good'],
  )
  t.equal(plain(200), 'warning')
})

t.test('settings that are allowed but risky are reported', async (t) => {
  const judge = (more: Record<string, string>, environment = {}) =>
    judgeSettings(readSettings({ SIGNET_ISSUER: 'https://id.example', ...database, ...more }, '/nowhere'), environment)
  const database: Record<string, string> = { SIGNET_DATABASE_URL: 'postgres://localhost/signet' }
  t.same(notGood(judge({})), [])
  t.match(judge({ SIGNET_TRUST_PROXY: '10.0.0.1, 0.0.0.0/1' }), [{ status: 'bad', finding: /half the internet/ }])
  t.match(judge({ SIGNET_ALLOW_PRIVATE_NETWORKS: '0.0.0.0/1' }), [{ status: 'bad', finding: /half of all/ }])
  for (const opened of ['10.0.0.0/8', 'loopback', 'keys.internal:8443, fd00::/8'])
    t.match(judge({ SIGNET_REGISTRATION: 'open', SIGNET_ALLOW_PRIVATE_NETWORKS: opened })[0], {
      status: 'bad',
      finding: /SIGNET_REGISTRATION is open.*anybody can bring a client/,
    })
  t.match(
    judge({ SIGNET_REGISTRATION: 'open', SIGNET_ALLOW_PRIVATE_NETWORKS: '10.0.0.0/8, keys.internal:8443' }),
    [
      { status: 'bad', finding: /opens a network \(10\.0\.0\.0\/8\)/ },
      { status: 'warning', finding: /names hosts \(keys\.internal:8443\)/ },
    ],
    'each finding names its own entries',
  )
  t.match(
    judge({ SIGNET_CLIENT_ID_METADATA_HOSTS: '*', SIGNET_ALLOW_PRIVATE_NETWORKS: '10.0.0.0/8, keys.internal:8443' }),
    [
      { status: 'bad', finding: /METADATA_HOSTS is \*, .* opens a network/ },
      { status: 'warning', finding: /METADATA_HOSTS is \*, .* names hosts/, advice: /Name the hosts/ },
    ],
    'the document of anybody can name addresses, too',
  )
  t.same(
    notGood(
      judge({
        SIGNET_CLIENT_ID_METADATA_HOSTS: 'claude.ai, *.example.com',
        SIGNET_ALLOW_PRIVATE_NETWORKS: '10.0.0.0/8',
      }),
    ),
    [],
  )
  for (const registration of ['closed', 'token'])
    t.same(notGood(judge({ SIGNET_REGISTRATION: registration, SIGNET_ALLOW_PRIVATE_NETWORKS: '10.0.0.0/8' })), [])
  t.same(notGood(judge({ SIGNET_REGISTRATION: 'open' })), [])
  const risky: [Record<string, string>, RegExp][] = [
    [{ SIGNET_VERIFIER_CACHE: '1h' }, /\.NET/],
    [{ SIGNET_LOG_LEVEL: 'trace' }, /trace/],
    [{ SIGNET_LOG_LEVEL: 'silent' }, /not logged/],
    [{ SIGNET_HOST: '0.0.0.0' }, /can be read on the network/],
    [{ SIGNET_HOST: '::' }, /can be read on the network/],
    [{ SIGNET_CLOCK_SKEW: '0s' }, /always differ/],
    [{ SIGNET_JWKS_MAX_AGE: '0s' }, /every token/],
    [{ SIGNET_ACCESS_TOKEN_TTL: '2h' }, /stolen access token/],
    [{ SIGNET_REFRESH_GRACE: '5m' }, /second tab/],
    [{ SIGNET_PASSWORD_MIN_LENGTH: '8' }, /is 8/],
    [{ SIGNET_PASSWORD_MIN_LENGTH: '14' }, /only factor/],
    [{ SIGNET_DATABASE_URL: '' }, /embedded/],
    [{ SIGNET_ISSUER: 'https://192.0.2.1' }, /IP address/],
    [{ SIGNET_ISSUER: 'https://[2001:db8::1]' }, /IP address/],
    [{ SIGNET_REGISTRATION: 'open', SIGNET_ALLOW_PRIVATE_NETWORKS: 'keys.internal:8443' }, /to them/],
    [{ SIGNET_MASTER_KEY_PREVIOUS: 'A'.repeat(43) }, /still set/],
  ]
  for (const [settings, finding] of risky) t.match(judge(settings), [{ status: 'warning', finding }], String(finding))
  t.match(judge({}, { NODE_TLS_REJECT_UNAUTHORIZED: '0' }), [
    { status: 'warning', finding: /no certificate is checked/ },
  ])
  t.same(notGood(judge({ SIGNET_HOST: '0.0.0.0', SIGNET_TRUST_PROXY: '10.0.0.0/8, fc00::/7' })), [])
  t.same(
    notGood(judge({ SIGNET_ISSUER: 'http://localhost:4000', SIGNET_DATABASE_URL: '', SIGNET_LOG_LEVEL: 'trace' })),
    [],
  )
})

t.test(
  'each algorithm needs a key that signs, and a standby key that every verifier has had time to see',
  async (t) => {
    const now = 1_000 * day
    const settings = { jwksMaxAge: 300, verifierCache: 86_400, clockSkew: 60, keyLease: 60 }
    const key = (kid: string, alg: 'ES256' | 'RS256', publishedAt: number, activatesAt: number): KeyRecord => ({
      ...{ kid, alg, publishedAt, activatesAt, retiresAt: undefined, revokedAt: undefined },
      ...{ publicJwk: { kty: 'EC' }, sealedPrivateJwk: undefined, longestLifetime: 0 },
    })
    const rsa = [key('c', 'RS256', now, now), key('d', 'RS256', now, now + 90 * day)]
    const judge = (...keys: KeyRecord[]) => judgeSigningKeys([...keys, ...rsa], now, settings)[0]
    const active = key('a', 'ES256', now - 9 * day, now - 9 * day)
    t.match(judge(active, key('b', 'ES256', now - 9 * day, now + day)), {
      status: 'good',
      finding: /is ready to take over/,
    })
    t.match(judge(active, key('b', 'ES256', now, now + 90 * day)), { status: 'good', finding: /is ready from/ })
    t.match(judge(active), { status: 'warning', finding: /there is no standby key/ })
    t.match(judge(active, key('b', 'ES256', now, now + day / 2)), {
      status: 'warning',
      finding: /before every verifier/,
    })
    t.match(judge(key('b', 'ES256', now, now + day)), { status: 'bad', finding: /No ES256 key is active/ })
    t.match(judge(), { status: 'bad', advice: /restore signing_keys/ })
    const retiring = { ...key('r', 'ES256', 0, 1), retiresAt: now + 5 }
    t.match(judge(active, retiring, key('b', 'ES256', 0, now + day)), { finding: /1 retiring, the last until/ })
  },
)

t.test('an outdated Node is reported', async (t) => {
  const judge = (node: string) => judgeVersion('0.1.0', '20.19', node).status
  t.same(['18.20.1', '20.18.3', '20.19.0', '24.0.0'].map(judge), ['bad', 'bad', 'good', 'good'])
})

t.test('docs/doctor.md lists exactly the checks of the code, each once, in its group', async (t) => {
  const page = readFileSync(join(packageFolder, 'docs/doctor.md'), 'utf8')
  const sections = page.split(/^## /m).slice(1)
  const documented = sections.map((section) => [
    section.split('\n', 1)[0],
    [...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, check]) => check),
  ])
  t.same(Object.fromEntries(documented), groups)
})

t.test('a collection of stolen passwords that cannot be used, is something else or is slow is reported', async (t) => {
  const { signal } = new AbortController()
  const check = (url: string | undefined) => checkBreachedPasswords({ breachedPasswordsUrl: url }, signal)
  t.match(await check(undefined), { status: 'skipped', finding: /is not set/ })
  const api = await startRangeApi(t)
  t.match(await check(api.url), { status: 'warning', finding: /does not list the password "password"/ })
  api.answerWith((_request, reply) => reply.end('<!doctype html>'))
  t.match(await check(api.url), { status: 'warning', finding: /not a list of hashes/ })
  t.match(await check(`http://127.0.0.1:${await freePort()}/range/`), { finding: /connection refused/ })
  const stopped = await checkBreachedPasswords({ breachedPasswordsUrl: api.url }, AbortSignal.abort())
  t.match(stopped, { status: 'warning', finding: /cannot be used/ })
  const complete = await startRangeApi(t, 'password')
  t.notMatch((await check(complete.url)).finding, /cannot|does not/)
  const judged = [judgeRange('x', true, 0.2), judgeRange('x', true, 1.2), judgeRange('x', false, 0.2)]
  t.same(
    judged.map(({ status }) => status),
    ['good', 'warning', 'warning'],
  )
})
