import { createPrivateKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openKeyLedger } from '../../src/key-ring/key-ledger.ts'
import { signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import { noLog } from '../database.ts'
import { type ListedKey, openKeysInstallation } from './keys-installation.ts'

const { signet, signetReading, json, database, keysDir, kids, age } = await openKeysInstallation(t)
const ledger = join(keysDir, 'key-ledger.txt')
const pem = (key: JsonWebKey) => createPrivateKey({ key, format: 'jwk' }).export({ format: 'pem', type: 'pkcs8' })
const newJwk = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
const isoSeconds = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/

t.test('invalid arguments are rejected before anything is read', async (t) => {
  const cases: [string[], RegExp][] = [
    [['revoke', 'x'], /--reason <text>' not specified/],
    [['revoke', 'x', '--reason', ' '], /must not be empty/],
    [['revoke', 'x', '--reason', 'y'.repeat(501)], /500 characters/],
    [['revoke', '--reason', 'y'], /Give either a kid or --all/],
    [['revoke', 'x', '--all', '--reason', 'y'], /Give either a kid or --all/],
    [['rotate', '--alg', 'HS256'], /ES256, RS256, PS256, EdDSA/],
    [['rotate', 'x'], /too many arguments/],
    [['reseal', '--new-master-key', '--forget-previous'], /two steps/],
    [['export-public', '--kid', '--json'], /Its value is missing/],
  ]
  for (const [args, message] of cases)
    t.match(await signet('keys', ...args), { code: 2, out: '', err: message }, args.join(' ').slice(0, 60))
})

t.test('a key that does not exist is neither revoked nor recorded, whatever its name', async (t) => {
  await signet('keys', 'revoke', '--reason', 'opens the ring', 'no-such-key')
  const noted = readFileSync(ledger, 'utf8')
  for (const kid of ['no-such-key', `-${'a'.repeat(42)}`, "' OR 1=1 --", 'x'.repeat(8192), 'a b\nrevoked c'])
    t.match(await signet('keys', 'revoke', '--reason', 'a drill', kid), {
      code: 1,
      out: '',
      err: /^signet: There is no key [^\n]{1,130}\n$/,
    })
  t.match(await signet('keys', 'export-public', '--kid', '__proto__'), { code: 1, out: '', err: /is published/ })
  t.equal(readFileSync(ledger, 'utf8'), noted)
})

t.test('keys are listed with all their timestamps and their next step', async (t) => {
  const keys = await json<ListedKey[]>('keys', 'list')
  t.same(
    keys.map(({ alg, state }) => `${alg} ${state}`),
    [...signingAlgorithms].sort().flatMap((alg) => [`${alg} active`, `${alg} standby`, `${alg} standby`]),
  )
  for (const key of keys) {
    t.same(Object.keys(key).slice(0, 7), ['kid', 'alg', 'state', 'published_at', 'ripe_at', 'activates_at', 'next'])
    t.match(key['next'], key.state === 'active' ? /^signs until .*rotated or revoked/ : /^ripe from .*, signs from /)
  }
  const { out } = await signet('keys', 'list')
  for (const { kid, next } of keys) t.ok(out.includes(kid) && out.includes(String(next)))
})

t.test('a rotation waits until every verifier knows the key, and repeating it changes nothing', async (t) => {
  const [next] = await kids('standby')
  const first = await json<ListedKey[]>('keys', 'rotate', '--alg', 'ES256')
  t.match(first, [{ alg: 'ES256', kid: next, signs: false, next: /before that, some verifiers may not know this key/ }])
  t.equal(first[0]?.['activates_at'], first[0]?.['ripe_at'])
  const second = await json<ListedKey[]>('keys', 'rotate', '--alg', 'ES256')
  t.match(second, [{ kid: next, signs: false, activates_at: first[0]?.activates_at }])
  t.same((await kids('standby'))[0], next)
  t.equal((await kids('standby', 'RS256')).length, 2)
})

t.test('--now signs with a key that verifiers may not know, and says who will reject it and until when', async (t) => {
  const [next] = await kids('standby', 'RS256')
  const { code, out } = await signet('keys', 'rotate', '--alg', 'RS256', '--now', '--reason', 'a drill')
  t.equal(code, 0)
  t.match(
    out,
    /signs now: verifiers that fetched the JWK Set before \S+Z refuse its tokens until they fetch it again, no later than \S+Z/,
  )
  t.same(await kids('active', 'RS256'), [next])
  t.equal((await kids('standby', 'RS256')).length, 2, 'two keys are on standby again')
})

t.test('once verifiers know the keys, a rotation takes effect immediately', async (t) => {
  await age(2)
  const [next, behind] = await kids('standby')
  t.match(await json('keys', 'rotate', '--alg', 'ES256'), [{ kid: next, signs: true, next: 'signs now' }])
  t.same(await kids('active'), [next])
  const [after] = await json<ListedKey[]>('keys', 'rotate', '--alg', 'ES256')
  t.match(after, { kid: behind, signs: false }, 'the next rotation waits until another key is known')
})

t.test('a revoked key is gone, the ledger records it, and the output says what follows', async (t) => {
  await age(2)
  const [active = ''] = await kids('active')
  const [standby = '', unripe = ''] = await kids('standby')
  const [retiring = ''] = await kids('retiring')
  const revoked = await json('keys', 'revoke', active, '--reason', 'a key found in a log')
  t.match(revoked, { revoked: [active], signs_now: [standby], ripe_standby: true, in_ledger: true })
  const seconds = (from: string, to: string) =>
    (Date.parse(String(revoked[to])) - Date.parse(String(revoked[from]))) / 1000
  t.equal(seconds('revoked_at', 'nodes_stopped_by'), 61, 'the lease plus one second')
  t.equal(seconds('revoked_at', 'verifiers_stopped_by'), 87_120, 'the activation delay')
  t.match(readFileSync(ledger, 'utf8'), new RegExp(`^revoked ${active} \\S+$`, 'm'))
  t.match(await signet('keys', 'revoke', active, '--reason', 'again'), { code: 1, err: /was already revoked at / })

  const people = await signet('keys', 'revoke', standby, '--reason', 'once more')
  t.match(
    people.out,
    `ES256: ${unripe} signs, and every verifier knows it. No standby key is known to every verifier until`,
  )
  t.match(people.out, isoSeconds)
  t.match(
    people.out,
    /Signet refuses tokens signed with this key from now on. A service that checks tokens itself may accept them until/,
  )
  t.notMatch(people.out, /worthless/, 'a service may still accept its tokens')
  const { out: table } = await signet('keys', 'list')
  t.match(table, `revoked at ${String(revoked['revoked_at']).slice(0, 19)}Z`, 'the timestamp printed by the revocation')
  const [last = ''] = await kids('standby')
  t.notMatch((await signet('keys', 'revoke', last, '--reason', 'a standby')).out, /with a refresh token get new tokens/)
  t.match(await json('keys', 'revoke', retiring, '--reason', 'on its way out'), {
    revoked: [retiring],
    signs_now: [unripe],
  })

  const events = await json<Record<string, unknown>[]>('events', 'list', '--kid', active, '--type', 'key_revoked')
  t.match(events, [{ type: 'key_revoked', kid: active, detail: { by: String, reason: 'a key found in a log' } }])
  t.notMatch(events, [{ detail: { by: 'schedule' } }])
})

t.test('after a crash between ledger and database, the next command that changes keys completes it', async (t) => {
  const [active = ''] = await kids('active')
  await (await openKeyLedger(ledger, noLog)).note([{ kid: active, what: 'revoked', at: Date.now() }])
  const warning = `signet: Revoked in the keys directory, but not in the database: ${active}. To revoke it there too: signet recover`
  const list = await signet('keys', 'list', '--json')
  t.equal(list.code, 0)
  t.ok(list.err.startsWith(warning))
  t.match(
    (JSON.parse(list.out) as ListedKey[]).find(({ kid }) => kid === active),
    { state: 'active' },
    'the list shows the database, which other nodes follow',
  )
  const { out, err } = await signet('keys', 'export-public')
  t.ok(err.startsWith(warning))
  t.notOk(out.includes(active), 'a key known to be revoked is not exported')
  t.match(await signet('recover'), { code: 0, err: '' })
  t.ok((await kids('revoked')).includes(active))
  t.equal((await kids('active')).length, 1)
})

t.test('a retired key cannot be revoked', async (t) => {
  const [retiring = ''] = await kids('retiring', 'RS256')
  await database.query({
    text: `UPDATE signing_keys SET published_at = published_at - interval '2 days', activates_at = activates_at - interval '2 days',
             retires_at = retires_at - interval '2 days' WHERE alg = 'RS256'`,
  })
  t.match(await signet('keys', 'revoke', retiring, '--reason', 'late'), { code: 1, out: '', err: /has retired/ })
})

/** RFC 7518 §6, RFC 8037 §2. */
const membersOf: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'x', 'y'],
  RSA: ['n', 'e'],
  OKP: ['crv', 'x'],
}

t.test('the export equals the served set and holds nothing private', async (t) => {
  const { code, out } = await signet('keys', 'export-public')
  t.equal(code, 0)
  const { keys } = JSON.parse(out) as { keys: Record<string, string>[] }
  const published = (await json<ListedKey[]>('keys', 'list')).filter(({ state }) =>
    /active|standby|retiring/.test(state),
  )
  t.same(keys.map(({ kid }) => kid).sort(), published.map(({ kid }) => kid).sort())
  for (const key of keys) t.same(Object.keys(key), ['kid', 'use', 'alg', 'kty', ...(membersOf[key['kty'] ?? ''] ?? [])])
  const one = await signet('keys', 'export-public', '--kid', keys[0]?.['kid'] ?? '')
  t.same(JSON.parse(one.out), keys[0])
})

t.test('an imported key signs immediately under its own name, and its next rotation is one period later', async (t) => {
  const jwk = newJwk()
  const moved = { ...jwk, kid: 'our-key-2024', alg: 'ES256', use: 'sig' }
  const [before] = await kids('active')
  const imported = await signetReading(JSON.stringify(moved), 'keys', 'import', '--reason', 'we move', '--json')
  t.match(imported, { code: 0, err: '' })
  t.match(JSON.parse(imported.out), { kid: 'our-key-2024', alg: 'ES256', activates_at: String })
  t.notOk(imported.out.includes(jwk.d ?? 'none'))
  t.same(await kids('active'), ['our-key-2024'])
  t.ok((await kids('retiring')).includes(before ?? ''))
  const keys = await json<ListedKey[]>('keys', 'list')
  const standbys = keys.filter(({ alg, state }) => alg === 'ES256' && state === 'standby')
  for (const [index, { activates_at }] of standbys.entries())
    t.ok(Date.parse(activates_at) > Date.now() + (index + 1) * 90 * 86_400_000 - 60_000)

  t.match(await signetReading(JSON.stringify(moved), 'keys', 'import'), {
    code: 1,
    err: /There is already a key our-key-2024\./,
  })
  for (const args of [[], ['--kid', 'another-name']])
    t.match(await signetReading(pem(jwk), 'keys', 'import', ...args), {
      code: 1,
      out: '',
      err: /already known as our-/,
    })
  t.match(await signetReading(JSON.stringify(moved), 'keys', 'import', '--kid', 'x'), {
    code: 2,
    err: /already has a kid/,
  })
  await json('keys', 'revoke', 'our-key-2024', '--reason', 'a drill')
  for (const [text, args] of [
    [JSON.stringify({ ...moved, kid: 'new-name' }), []],
    [JSON.stringify({ ...newJwk(), kid: 'our-key-2024' }), []],
    [pem(jwk), ['--kid', 'new-name']],
  ] as const)
    t.match(await signetReading(text, 'keys', 'import', ...args), { code: 1, out: '', err: /revoked here/ })
})

t.test('a PEM is read from a file, which others should not be able to read', async (t) => {
  const file = join(keysDir, 'moved.pem')
  const jwk = newJwk()
  t.match(await signet('keys', 'import', file), { code: 1, out: '', err: /cannot be read \(ENOENT\)/ })
  writeFileSync(file, 'x'.repeat(65_537))
  t.match(await signet('keys', 'import', file), { code: 1, out: '', err: /too long/ })
  writeFileSync(file, pem(jwk))
  chmodSync(file, 0o644)
  t.match(await signet('keys', 'import', file, '--kid', 'a b'), { code: 2, out: '' })
  const { code, out, err } = await signet('keys', 'import', file, '--kid', 'from-a-file')
  t.same(
    [code, err],
    [0, 'signet: Other users can read that file. If one of them may have done so, rotate to a new key.\n'],
  )
  t.match(out, /Destroy the copy/)
  t.same(await kids('active'), ['from-a-file'])
})

t.test('after a restore the ledger wins, and recover reports what holds and what is lost', async (t) => {
  const [active = ''] = await kids('active')
  const all = await kids('revoked')
  await database.query({
    text: `UPDATE signing_keys SET revoked_at = NULL WHERE kid = $1`,
    values: [all[0]],
  })
  await database.query({ text: `DELETE FROM signing_keys WHERE kid = $1`, values: [active] })
  const recovered = await json('recover', '--reason', 'restored')
  t.match(recovered, { lost_keys: [active] })
  t.ok((recovered['revoked_keys'] as string[]).includes(all[0] ?? ''))
  t.equal((recovered['active_keys'] as string[]).length, 4)
  t.notOk('sessions_ended' in recovered)
  const { out } = await signet('recover')
  t.match(out, /does not have the lost keys: they are newer than the backup/)
  t.match(out, /If you restored a backup:\n- Sessions and grants .* --sign-everyone-out\./s)
})
