import { createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { englishInspectMessages as en } from '../../src/pages/inspect/inspect-messages-en.ts'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { encodeRefreshToken } from '../../src/tokens/refresh-token.ts'

/** The page's own modules: Node reads the same files that the browser is served. */
const load = (name: string) => import(pathToFileURL(join(packageFolder, 'public/inspect', name)).href)
const { readToken, maxCharacters }: typeof import('../../public/inspect/token.js') = await load('token.js')
const { readJson, visible }: typeof import('../../public/inspect/json.js') = await load('json.js')
const { judge }: typeof import('../../public/inspect/judge.js') = await load('judge.js')
const { timeInWords }: typeof import('../../public/inspect/time.js') = await load('time.js')
const { check, importSecret, makePair, sign }: typeof import('../../public/inspect/sign.js') = await load('sign.js')

const issuer = 'https://id.example'
const now = 1_800_000_000
const es256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rs256 = generateKeyPairSync('rsa', { modulusLength: 2048 })
const keySet = [
  { kid: 'ec', use: 'sig', alg: 'ES256', ...es256.publicKey.export({ format: 'jwk' }) },
  { kid: 'rsa', use: 'sig', alg: 'RS256', ...rs256.publicKey.export({ format: 'jwk' }) },
]
const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const access = { alg: 'ES256', typ: 'at+jwt', kid: 'ec' }
const claims = { iss: issuer, sub: 'ada', aud: 'https://api.example', client_id: 'c', iat: now - 60, exp: now + 840 }

function signed(header: object, payload: unknown, key: KeyObject = es256.privateKey): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${signBytes('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** Every finding that a test below has produced, with the names of its values, and every verdict. */
const seen = new Map<string, Set<string>>()
const verdicts = new Set<string>()

/** The verdict, and the keys of the findings' sentences. */
async function judged(text: string, findKeys: Parameters<typeof judge>[1]['findKeys'] = async () => keySet) {
  const token = readToken(text)
  const { verdict, findings } =
    token.kind === 'jws'
      ? await judge(token, { issuer, findKeys }, now)
      : { verdict: token.kind, findings: token.kind === 'empty' ? [] : token.findings }
  verdicts.add(verdict)
  for (const { key, values = {} } of findings) seen.set(key, new Set(Object.keys(values)))
  return { verdict, keys: findings.map(({ key }) => key) }
}
const good = signed(access, claims)
const [head = '', body = '', seal = ''] = good.split('.')
const flipped = (text: string) => text.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))

t.test('text that is not a JWT is identified by its appearance', async (t) => {
  const secret = { current: 1, versions: new Map([[1, Buffer.alloc(32, 7)]]) }
  const refreshToken = encodeRefreshToken(secret, 1, { family: Buffer.alloc(32, 1), generation: 3 })
  const cases: [text: string, kind: string, keys: string[]][] = [
    ['', 'empty', []],
    [' \n "" ', 'empty', []],
    ['x'.repeat(maxCharacters + 1), 'tooLong', ['tooLong']],
    [refreshToken, 'notJwt', ['refreshToken']],
    [Buffer.alloc(32, 9).toString('base64url'), 'notJwt', ['codeLike']],
    ['swordfish', 'notJwt', ['opaque']],
    [head, 'notJwt', ['cutOff']],
    [`${head}.${body}`, 'notJwt', ['cutOff']],
    ['a.b.c.d', 'notJwt', ['parts']],
    [JSON.stringify({ access_token: good }), 'notJwt', ['jsonPasted']],
    [`${encode({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.a.b.c.d`, 'encrypted', ['jwe']],
    ['..', 'unreadable', ['emptyPart', 'emptyPart']],
    [`${head}.=.xxxxx`, 'unreadable', ['padding', 'notJson', 'length']],
  ]
  for (const [text, kind, keys] of cases) {
    const { verdict, keys: found } = await judged(text)
    t.equal(verdict, kind, text.slice(0, 40))
    t.same(found.slice(0, keys.length), keys, text.slice(0, 40))
  }
})

t.test('a browser without the algorithm says that it did not check the signature', async (t) => {
  const { subtle } = globalThis.crypto
  Object.defineProperty(subtle, 'importKey', {
    configurable: true,
    value: async () => {
      throw new DOMException('Ed25519 is not implemented.', 'NotSupportedError')
    },
  })
  t.teardown(() => Reflect.deleteProperty(subtle, 'importKey'))
  const { verdict, keys } = await judged(good)
  Reflect.deleteProperty(subtle, 'importKey')
  t.ok(keys.includes('algNotHere'), String(keys))
  t.not(verdict, 'genuine')
})

t.test('surrounding text that was pasted with a token is removed and reported', async (t) => {
  const around: [pasted: string, notes: string[]][] = [
    [`  ${good}\n`, []],
    [`Bearer ${good}`, ['bearerTaken']],
    [`Authorization: bearer ${good}`, ['bearerTaken']],
    [`"${good}",`, ['quotesTaken']],
    [`'Bearer ${good}'`, ['bearerTaken', 'quotesTaken']],
    [good.replace(/(.{64})/g, '$1\r\n  '), ['spaceTaken']],
  ]
  for (const [pasted, notes] of around) {
    const { verdict, keys } = await judged(pasted)
    t.equal(verdict, 'genuine', pasted.slice(0, 30))
    t.same(keys.slice(0, notes.length), notes)
    t.equal(keys.filter((key) => key.endsWith('Taken')).length, notes.length, pasted.slice(0, 30))
  }
})

t.test('every way in which a token can be wrong is named, and the token is not genuine', async (t) => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const hs256 = `${encode({ ...access, alg: 'HS256' })}.${body}`
  const der = signBytes('sha256', Buffer.from(`${head}.${body}`), es256.privateKey).toString('base64url')
  const wrong: Record<string, [token: string, verdict: string, key: string]> = {
    'a changed payload': [`${head}.${encode({ ...claims, scope: 'admin' })}.${seal}`, 'forged', 'signatureWrong'],
    'a changed signature': [`${head}.${body}.${flipped(seal)}`, 'forged', 'signatureWrong'],
    'a truncated signature': [`${head}.${body}.${seal.slice(0, 40)}`, 'forged', 'signatureLength'],
    'no signature': [`${head}.${body}.`, 'forged', 'signatureLength'],
    'a signature in DER': [`${head}.${body}.${der}`, 'forged', 'signatureLength'],
    'another key under our kid': [signed(access, claims, other), 'forged', 'signatureWrong'],
    'alg none': [`${encode({ alg: 'none' })}.${body}.`, 'forged', 'algNone'],
    'alg None': [`${encode({ alg: 'NoNe' })}.${body}.`, 'forged', 'algNone'],
    'alg HS256': [`${hs256}.${createHmac('sha256', 'x').update(hs256).digest('base64url')}`, 'forged', 'algSymmetric'],
    'another alg': [`${encode({ ...access, alg: 'ES384' })}.${body}.${seal}`, 'forged', 'algOther'],
    'an alg that is a property of objects': [
      `${encode({ ...access, alg: 'constructor' })}.${body}.${seal}`,
      'forged',
      'algOther',
    ],
    'an alg that is not a string': [`${encode({ ...access, alg: ['ES256'] })}.${body}.${seal}`, 'forged', 'algOther'],
    'no alg': [`${encode({ kid: 'ec' })}.${body}.${seal}`, 'forged', 'algMissing'],
    'the alg of another key': [`${encode({ ...access, kid: 'rsa' })}.${body}.${seal}`, 'forged', 'algMismatch'],
    'an unknown kid': [signed({ ...access, kid: 'x' }, claims), 'forged', 'kidUnknown'],
    'an unknown kid and another issuer': [
      signed({ ...access, kid: 'x' }, { ...claims, iss: 'https://other.example' }, other),
      'elsewhere',
      'kidElsewhere',
    ],
    'another issuer with our key': [signed(access, { ...claims, iss: `${issuer}/` }), 'faulty', 'issOther'],
    'no issuer': [signed(access, { ...claims, iss: undefined }), 'faulty', 'issMissing'],
    'an extension': [signed({ ...access, crit: ['b64'], b64: false }, claims), 'faulty', 'crit'],
    expired: [signed(access, { ...claims, exp: now }), 'expired', 'expired'],
    'not valid yet': [signed(access, { ...claims, nbf: now + 5 }), 'early', 'notYet'],
    'no exp': [signed(access, { ...claims, exp: undefined }), 'faulty', 'expMissing'],
    'an exp in quotes': [signed(access, { ...claims, exp: String(now + 60) }), 'faulty', 'notATime'],
    'an exp that is null': [signed(access, { ...claims, exp: null }), 'faulty', 'notATime'],
    padding: [`${head}.${body}.${seal}==`, 'faulty', 'padding'],
    'plain base64': [
      `${head}.${Buffer.from('{"a":"???>>>"}').toString('base64')}.${seal}`.replace(/=/g, ''),
      'forged',
      'plainBase64',
    ],
    'an invalid character': [`${head}.${body.slice(0, 9)}\u200b${body.slice(9)}.${seal}`, 'unreadable', 'illegal'],
    'another encoding of the last character': [
      `${head}.${body}.${seal.slice(0, -1)}${respelled(seal)}`,
      'faulty',
      'spelling',
    ],
    'bytes that are not text': [
      `${head}.${Buffer.from([0x7b, 0xff]).toString('base64url')}.${seal}`,
      'unreadable',
      'notUtf8',
    ],
    'no JSON': [`${head}.${encode('{"a":')}.${seal}`, 'unreadable', 'notJson'],
    'a list': [signed(access, [1, 2]), 'unreadable', 'notObject'],
    null: [signed(access, null), 'unreadable', 'notObject'],
    'a duplicate member': [signed(access, JSON.stringify(claims).replace('{', '{"sub":"eve",')), 'faulty', 'twice'],
    'a prototype': [
      signed(access, JSON.stringify(claims).replace('{', '{"__proto__":{"admin":true},')),
      'faulty',
      'proto',
    ],
  }
  for (const [name, [token, verdict, key]] of Object.entries(wrong)) {
    const { verdict: found, keys } = await judged(token)
    t.equal(found, verdict, name)
    t.ok(keys.includes(key), `${name}: ${keys}`)
    t.notOk(verdict === 'forged' && keys.some((key) => ['signatureFits', 'issOurs', 'expGood'].includes(key)), name)
  }
})

t.test('tokens signed by this issuer are told apart from others, and their purpose is shown', async (t) => {
  t.same((await judged(good)).keys, ['signatureFits', 'issOurs', 'expGood', 'accessToken', 'notAsked'])
  const idToken = signed(
    { alg: 'RS256', typ: 'JWT', kid: 'rsa' },
    { ...claims, client_id: undefined, nonce: 'n' },
    rs256.privateKey,
  )
  t.match(await judged(idToken), { verdict: 'genuine', keys: ['signatureFits', 'issOurs', 'expGood', 'idToken'] })
  t.ok((await judged(signed({ ...access, typ: 'application/AT+JWT' }, claims))).keys.includes('accessToken'))
  t.ok((await judged(signed({ ...access, typ: 'logout+jwt' }, claims))).keys.includes('logoutToken'))
  t.ok((await judged(signed({ ...access, typ: ['x'] }, claims))).keys.includes('otherKind'))
  const many = await judged(signed(access, { ...claims, aud: ['a', 'b'], cnf: { jkt: 'x' } }))
  t.ok(many.keys.includes('manyAudiences') && many.keys.includes('bound'))
  const unseen = await judged(signed(access, { ...claims, name: '\u202Enimda' }))
  t.ok(unseen.verdict === 'genuine' && unseen.keys.includes('invisible'))
  t.match(await judged(signed({ alg: 'ES256', typ: 'at+jwt' }, claims)), { verdict: 'faulty' }, 'a kid is required')
})

t.test('without keys or cryptography the token is read but not judged', async (t) => {
  for (const none of ['noKeys', 'noCrypto'] as const) {
    const { verdict, keys } = await judged(good, async () => none)
    t.equal(verdict, 'unchecked')
    t.ok(keys.includes(none) && keys.includes('unproven'))
  }
  const never = () => t.fail('asked for keys that cannot help')
  for (const token of [`${encode({ alg: 'none' })}.${body}.`, `${encode({ alg: 'HS256' })}.${body}.x`, 'opaque'])
    await judged(token, never as never)
})

t.test('extreme numbers, nesting and characters do not break the page', async (t) => {
  for (const exp of [1e30, -1e30, 0, 1.5, 8.64e12 + 1]) {
    const { verdict } = await judged(signed(access, { ...claims, exp, iat: exp, auth_time: exp }))
    t.equal(verdict, exp > now ? 'genuine' : 'expired', String(exp))
    t.doesNotThrow(() => timeInWords(exp, now, 'en'))
  }
  t.equal(timeInWords(1e30, now, 'en'), undefined)
  t.ok((await judged(signed(access, { ...claims, exp: (now + 60) * 1000 }))).keys.includes('milliseconds'))

  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`
  const { pretty = '' } = readJson(`{"aud":${deep}}`) ?? {}
  t.equal(pretty.match(/\[/g)?.length, 5000)
  t.ok(pretty.length < 500_000, 'indentation is limited')
  const token = readToken(`${head}.${encode(`{"iss":${deep.slice(2000, 8000)},"aud":1}`)}.${seal}`)
  t.equal(token.kind, 'jws')
  if (token.kind === 'jws') await judge(token, { issuer, findKeys: async () => keySet }, now)
})

t.test('JSON is shown as it was written', async (t) => {
  const shown = (text: string) => readJson(text)?.pretty
  t.equal(
    shown('{"a":[1,{"b":"c"}],"d":{},"e":[]}'),
    '{\n  "a": [\n    1,\n    {\n      "b": "c"\n    }\n  ],\n  "d": {},\n  "e": []\n}',
  )
  t.equal(shown('[12345678901234567890,1E400,-0]'), '[\n  12345678901234567890,\n  1E400,\n  -0\n]')
  t.equal(shown('{"a":1,"a":2}'), '{\n  "a": 1,\n  "a": 2\n}', 'both of two')
  t.equal(shown('"\\u202Eabc\\u200b{"'), '"\\u202eabc\\u200b{"')
  t.equal(shown('{'), undefined)
  t.same(
    ['{"a":1,"b":{"a":1}}', '{"a":[{"a":1},{"a":1}]}', '{"a":1,"\\u0061":2}', '{"x":"a","y":["a","a"]}'].map(
      (text) => readJson(text)?.twice,
    ),
    [undefined, undefined, 'a', undefined],
  )
  t.equal(visible('a b\u00a0c\u200dd\u2028é😀'), 'a b\\u00a0c\\u200dd\\u2028é😀')
})

t.test('a time is shown as a date and in words', async (t) => {
  const words = (seconds: number, locale = 'en') => timeInWords(now + seconds, now, locale)?.words
  t.same(
    [-720, 180, 0, -89, 3 * 3600, -40 * 86_400].map((seconds) => words(seconds)),
    ['12 minutes ago', 'in 3 minutes', 'now', '89 seconds ago', 'in 3 hours', '40 days ago'],
  )
  t.equal(words(0.4), 'now')
  t.equal(words(-0.4), 'now')
  t.equal(words(-720, 'de'), 'vor 12 Minuten')
  t.match(timeInWords(now, now, 'en'), { iso: '2027-01-15T08:00:00.000Z', date: /2027/ })
})

t.test('whoever can verify with a shared secret can also sign with it; with a public key they cannot', async (t) => {
  const secret = await importSecret('known-to-both')
  const minted = await sign('HS256', secret, { admin: true })
  t.equal(await check('HS256', secret, minted), true)
  t.equal(await check('HS256', await importSecret('another'), minted), false)
  const pair = await makePair()
  t.equal(await check('ES256', pair.publicKey, await sign('ES256', pair.privateKey, { sub: 'ada' })), true)
  await t.rejects(sign('ES256', pair.publicKey, { admin: true }), { name: 'InvalidAccessError' })
  t.equal(
    await check('ES256', pair.publicKey, await sign('ES256', (await makePair()).privateKey, { admin: true })),
    false,
  )
})

t.test(
  'each finding of the tests above has a sentence with a value for every placeholder, and there are no others',
  async (t) => {
    const { good: _, bad: __, note: ___, ...sentences } = en.inspectFindings
    t.same([...seen.keys()].sort(), Object.keys(sentences).sort())
    for (const [key, sentence] of Object.entries(sentences))
      for (const [, place = ''] of sentence.matchAll(/\{([a-z]+)\}/g))
        t.ok(seen.get(key)?.has(place), `${key}: ${place}`)
    for (const verdict of verdicts) if (verdict !== 'empty') t.ok(Object.hasOwn(en.inspectVerdicts, verdict), verdict)
  },
)

/** Encodes the same bytes with a last character whose unused bits are set. */
function respelled(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(signature.at(-1) ?? '') + 1] ?? ''
}
