import { createHmac, sign } from 'node:crypto'
import fc from 'fast-check'
import { createVerifier, importVerificationKey, VerificationError, type VerificationErrorCode } from 'signet-idp/verify'
import t from 'tap'
import { audience, base64url, codeOf, goodClaims, issuer, type Json, mint, signingKey, stoppedClock } from './issuer.ts'

const ec = signingKey('ec-1')
const rsa = signingKey('rsa-1', 'RS256')
const otherKey = signingKey('ec-1')
const keys = new Map([ec, rsa].map((key) => [key.kid, importVerificationKey(key.jwk)]))
const verifier = createVerifier({ issuer, audience, keys: ({ kid }) => keys.get(kid), clock: stoppedClock() })

const good = mint(ec)
const [header = '', payload = '', seal = ''] = good.split('.')

function unsigned(alg: string, tail = ''): string {
  return `${base64url(JSON.stringify({ alg, typ: 'at+jwt', kid: 'ec-1' }))}.${payload}.${tail}`
}

function hmac(secret: string | Buffer, alg = 'HS256'): string {
  const input = `${base64url(JSON.stringify({ alg, typ: 'at+jwt', kid: 'ec-1' }))}.${payload}`
  return `${input}.${base64url(createHmac('sha256', secret).update(input).digest())}`
}

function withHeader(changes: Json | string): string {
  return mint(ec, goodClaims(), changes)
}

function withSignature(bytes: Buffer): string {
  return `${header}.${payload}.${base64url(bytes)}`
}

/** Sets an unused low bit in the last character, which a lenient decoder ignores. */
function respelt(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return part.slice(0, -1) + alphabet[alphabet.indexOf(part.slice(-1)) + 1]
}

const sealBytes = Buffer.from(seal, 'base64url')
const [rsaHeader, rsaPayload, rsaSeal = ''] = mint(rsa).split('.')
const rsaBytes = Buffer.from(rsaSeal, 'base64url')

function withRsaSignature(bytes: Buffer): string {
  return `${rsaHeader}.${rsaPayload}.${base64url(bytes)}`
}

const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
const der = sign('sha256', Buffer.from(`${header}.${payload}`), ec.privateKey)
const spki = ec.publicKey.export({ format: 'pem', type: 'spki' })
const rsaPem = rsa.publicKey.export({ format: 'pem', type: 'spki' })

const hostile: [what: string, token: string, code: VerificationErrorCode][] = [
  ['alg none', unsigned('none'), 'unsupported_algorithm'],
  ['alg None', unsigned('None'), 'unsupported_algorithm'],
  ['alg NONE', unsigned('NONE'), 'unsupported_algorithm'],
  ['alg nOnE and the old signature', unsigned('nOnE', seal), 'unsupported_algorithm'],
  ['alg none with a space', unsigned('none '), 'unsupported_algorithm'],
  ['an empty alg', unsigned(''), 'unsupported_algorithm'],
  ['an alg in lower case', unsigned('es256', seal), 'unsupported_algorithm'],
  ['an alg with a null character', unsigned('ES256\0', seal), 'unsupported_algorithm'],
  ['no alg', withHeader({ alg: undefined }), 'unsupported_algorithm'],
  ['alg as a list', withHeader({ alg: ['ES256'] }), 'unsupported_algorithm'],
  ['alg as a number', withHeader({ alg: 256 }), 'unsupported_algorithm'],
  ['alg constructor', unsigned('constructor', seal), 'unsupported_algorithm'],
  ['alg __proto__', unsigned('__proto__', seal), 'unsupported_algorithm'],
  ['ES256 announced, no signature', unsigned('ES256'), 'bad_signature'],
  ['HS256 with the public key as the secret', hmac(spki), 'unsupported_algorithm'],
  ['HS256 with the RSA public key as the secret', hmac(rsaPem), 'unsupported_algorithm'],
  ['HS256 with the JWK as the secret', hmac(JSON.stringify(ec.jwk)), 'unsupported_algorithm'],
  ['HS256 with no secret', hmac(''), 'unsupported_algorithm'],
  ['an HMAC that says it is ES256', hmac(spki, 'ES256'), 'bad_signature'],
  ['RS256 announced for the EC key', withHeader({ alg: 'RS256' }), 'algorithm_mismatch'],
  ['ES256 announced for the RSA key', mint(rsa, goodClaims(), { alg: 'ES256' }), 'algorithm_mismatch'],
  ['PS256', withHeader({ alg: 'PS256' }), 'unsupported_algorithm'],
  ['another key under the kid', mint(otherKey), 'bad_signature'],
  ['a kid that is a path', withHeader({ kid: '../../../../dev/null' }), 'unknown_key'],
  ['a kid that is SQL', withHeader({ kid: "ec-1' OR '1'='1" }), 'unknown_key'],
  ['a kid that is a command', withHeader({ kid: 'ec-1|sleep 9' }), 'unknown_key'],
  ['a kid that is an inherited property', withHeader({ kid: 'constructor' }), 'unknown_key'],
  ['the kid __proto__', withHeader({ kid: '__proto__' }), 'unknown_key'],
  ['a kid with a line break', withHeader({ kid: 'ec-1\r\nset-cookie: a=b' }), 'unknown_key'],
  ['a kid with a space', withHeader({ kid: 'ec-1 ' }), 'unknown_key'],
  ['no kid', withHeader({ kid: undefined }), 'malformed_token'],
  ['an empty kid', withHeader({ kid: '' }), 'malformed_token'],
  ['a kid that is a list', withHeader({ kid: ['ec-1'] }), 'malformed_token'],
  ['a kid that is null', withHeader({ kid: null }), 'malformed_token'],
  ['crit', withHeader({ crit: ['exp'], exp: 1 }), 'unsupported_header'],
  ['an empty crit', withHeader({ crit: [] }), 'unsupported_header'],
  ['crit null', withHeader({ crit: null }), 'unsupported_header'],
  ['b64', withHeader({ b64: false }), 'unsupported_header'],
  ['its own key in jwk', mint(otherKey, goodClaims(), { jwk: otherKey.jwk }), 'unsupported_header'],
  ['its own set in jku', mint(otherKey, goodClaims(), { jku: 'https://attacker.example/jwks' }), 'unsupported_header'],
  ['a certificate in x5c', withHeader({ x5c: ['MIIB'] }), 'unsupported_header'],
  ['a certificate in x5u', withHeader({ x5u: 'https://attacker.example/cert' }), 'unsupported_header'],
  ['an ID token', withHeader({ typ: 'JWT' }), 'wrong_type'],
  ['no typ', withHeader({ typ: undefined }), 'wrong_type'],
  ['a logout token', withHeader({ typ: 'logout+jwt' }), 'wrong_type'],
  ['a status list', withHeader({ typ: 'statuslist+jwt' }), 'wrong_type'],
  ['a typ that ends with ours', withHeader({ typ: 'not-at+jwt' }), 'wrong_type'],
  ['a typ of another media type', withHeader({ typ: 'text/at+jwt' }), 'wrong_type'],
  ['typ as a list', withHeader({ typ: ['at+jwt'] }), 'wrong_type'],
  [
    'a replaced payload',
    `${header}.${base64url(JSON.stringify(goodClaims({ sub: 'admin' })))}.${seal}`,
    'bad_signature',
  ],
  ['a signature of zeros', withSignature(Buffer.alloc(64)), 'bad_signature'],
  ['r = 0', withSignature(Buffer.concat([Buffer.alloc(32), sealBytes.subarray(32)])), 'bad_signature'],
  ['s = 0', withSignature(Buffer.concat([sealBytes.subarray(0, 32), Buffer.alloc(32)])), 'bad_signature'],
  ['r = n', withSignature(Buffer.concat([order, sealBytes.subarray(32)])), 'bad_signature'],
  ['r = s = n', withSignature(Buffer.concat([order, order])), 'bad_signature'],
  ['a signature of 0xff', withSignature(Buffer.alloc(64, 255)), 'bad_signature'],
  ['a signature in DER', withSignature(der), 'bad_signature'],
  ['a truncated signature', withSignature(sealBytes.subarray(0, 63)), 'bad_signature'],
  ['a signature with an additional byte', withSignature(Buffer.concat([sealBytes, Buffer.alloc(1)])), 'bad_signature'],
  [
    'a signature with a zero before each half',
    withSignature(Buffer.concat([Buffer.alloc(1), sealBytes.subarray(0, 32), Buffer.alloc(1), sealBytes.subarray(32)])),
    'bad_signature',
  ],
  ['half a signature', withSignature(sealBytes.subarray(0, 32)), 'bad_signature'],
  ['no signature', `${header}.${payload}.`, 'bad_signature'],
  ['a truncated RSA signature', withRsaSignature(rsaBytes.subarray(0, 255)), 'bad_signature'],
  ['an empty RSA signature', withRsaSignature(Buffer.alloc(0)), 'bad_signature'],
  [
    'an RSA signature with a zero before it',
    withRsaSignature(Buffer.concat([Buffer.alloc(1), rsaBytes])),
    'bad_signature',
  ],
  ['an RSA signature of 1', withRsaSignature(Buffer.concat([Buffer.alloc(255), Buffer.from([1])])), 'bad_signature'],
  ['an empty string', '', 'malformed_token'],
  ['two parts', `${header}.${payload}`, 'malformed_token'],
  ['four parts', `${good}.${seal}`, 'malformed_token'],
  ['five parts, as an encrypted token has', `${good}.a.b`, 'malformed_token'],
  ['a dot at the end', `${good}.`, 'malformed_token'],
  ['three dots', '...', 'malformed_token'],
  ['two dots', '..', 'malformed_token'],
  ['a leading space', ` ${good}`, 'malformed_token'],
  ['a trailing line break', `${good}\n`, 'malformed_token'],
  ['a space in the signature', `${header}.${payload}.${seal.slice(0, 9)} ${seal.slice(9)}`, 'malformed_token'],
  ['padding', `${good}==`, 'malformed_token'],
  [
    'a header with padding',
    `${base64url(`{"alg":"ES256","typ":"at+jwt","kid":"ec-1" }`)}=.${payload}.${seal}`,
    'malformed_token',
  ],
  ['plain base64 characters', `${header}.${payload}.${'+/'.repeat(43)}`, 'malformed_token'],
  ['another encoding of the last character', `${header}.${payload}.${respelt(seal)}`, 'malformed_token'],
  ['one character too many', `${good}AAA`, 'malformed_token'],
  [
    'characters that look like ASCII to a lenient decoder',
    `${header}.${payload}.${'ŁłŁł'.repeat(20)}`,
    'malformed_token',
  ],
  ['a header that is not JSON', withHeader('{'), 'malformed_token'],
  ['a header that is a list', withHeader('["ES256"]'), 'malformed_token'],
  ['a header that is null', withHeader('null'), 'malformed_token'],
  [
    'a header with alg twice',
    withHeader('{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"ec-1"}'),
    'malformed_token',
  ],
  [
    'a header with alg twice, once escaped',
    withHeader('{"\\u0061lg":"none","alg":"ES256","typ":"at+jwt","kid":"ec-1"}'),
    'malformed_token',
  ],
  [
    'a header with a byte order mark',
    withHeader('\ufeff{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}'),
    'malformed_token',
  ],
  [
    'a header with __proto__',
    withHeader('{"__proto__":{"crit":[]},"alg":"ES256","typ":"at+jwt","kid":"ec-1"}'),
    'malformed_token',
  ],
  [
    'a header nested so deeply that recursion would crash the process',
    withHeader(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`),
    'token_too_large',
  ],
  ['a huge token', `${header}.${'A'.repeat(20_000)}.${seal}`, 'token_too_large'],
  ['a huge token of dots', '.'.repeat(1_000_000), 'token_too_large'],
  ['a payload that is not JSON', mint(ec, 'sub=admin'), 'malformed_token'],
  ['a payload that is a list', mint(ec, '[]'), 'malformed_token'],
  ['a payload that is a string', mint(ec, '"admin"'), 'malformed_token'],
  ['an empty payload', mint(ec, ''), 'malformed_token'],
  [
    'a payload that is not UTF-8',
    mint(ec, Buffer.concat([Buffer.from('{"sub":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])),
    'malformed_token',
  ],
  [
    'a payload with sub twice',
    mint(ec, JSON.stringify(goodClaims()).replace('{', '{"sub":"admin",')),
    'malformed_token',
  ],
  [
    'a payload with a duplicate nested member',
    mint(ec, JSON.stringify(goodClaims()).replace('{', '{"act":{"sub":"a","sub":"b"},')),
    'malformed_token',
  ],
  [
    'a payload with a duplicate member in a list',
    mint(ec, JSON.stringify(goodClaims()).replace('{', '{"act":[[{"sub":"a","sub":"b"}]],')),
    'malformed_token',
  ],
  [
    'a payload with __proto__',
    mint(ec, JSON.stringify(goodClaims()).replace('{', '{"__proto__":{"admin":true},')),
    'malformed_token',
  ],
  [
    'a payload with nested __proto__',
    mint(ec, JSON.stringify(goodClaims()).replace('{', '{"act":{"__proto__":{"admin":true}},')),
    'malformed_token',
  ],
  ['a payload of NaN', mint(ec, '{"exp":NaN}'), 'malformed_token'],
]

t.test('a hostile token is rejected with its code, and the message contains no part of it', async (t) => {
  for (const [what, token, code] of hostile) {
    const error = await verifier.verify(token).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (!(error instanceof VerificationError)) {
      t.fail(`${what} was ${error === undefined ? 'accepted' : `answered by ${error}`}`)
      continue
    }
    t.equal(error.code, code, what)
    t.match(error.message, /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,300}$/, `${what}: the message fits into a header`)
    for (const part of token.split('.'))
      if (part.length > 20)
        t.notOk(error.message.includes(part.slice(0, 20)), `${what}: the message contains a part of the token`)
  }
})

t.test('a value that is not a string is rejected and does not crash', async (t) => {
  for (const value of [undefined, null, 42, {}, [good], Buffer.from(good), { toString: () => good, length: 3 }])
    t.equal(await codeOf(verifier.verify(value as string)), 'malformed_token')
})

t.test('a token with any one character replaced is rejected', async (t) => {
  for (let index = 0; index < good.length; index++)
    for (const character of ['A', '_', '.', '=', '\0']) {
      if (good[index] === character) continue
      const code = await codeOf(verifier.verify(good.slice(0, index) + character + good.slice(index + 1)))
      if (typeof code === 'object') t.fail(`accepted with ${JSON.stringify(character)} at ${index}`)
    }
  t.equal(typeof (await codeOf(verifier.verify(good))), 'object', 'the unaltered token is accepted')
})

t.test('for any input, nothing but a VerificationError is thrown', async () => {
  const part = fc.oneof(
    fc.base64String().map((text) => text.replaceAll('=', '')),
    fc.json().map(base64url),
    fc
      .dictionary(fc.constantFrom('alg', 'kid', 'typ', 'crit'), fc.jsonValue())
      .map((json) => base64url(JSON.stringify(json))),
    fc.constantFrom(header, payload, seal),
  )
  const token = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(part, { minLength: 2, maxLength: 4 }).map((parts) => parts.join('.')),
  )
  await fc.assert(
    fc.asyncProperty(token, async (token) => {
      if (token === good) return
      const error: unknown = await verifier.verify(token).catch((error: unknown) => error)
      return error instanceof VerificationError
    }),
    { numRuns: 2000 },
  )
})

t.test('an algorithm that the service does not accept is rejected, even if the issuer has a key for it', async (t) => {
  const onlyEc = createVerifier({
    issuer,
    audience,
    algorithms: ['ES256'],
    keys: ({ kid }) => keys.get(kid),
    clock: stoppedClock(),
  })
  t.equal(await codeOf(onlyEc.verify(mint(rsa))), 'unsupported_algorithm')
  t.match(await onlyEc.verify(mint(ec)), { client_id: 'notes' })
})

t.test('if the key source fails, the token is neither trusted nor called invalid', async (t) => {
  const cause = new Error('the database is unavailable')
  const failing = createVerifier({ issuer, audience, keys: () => Promise.reject(cause) })
  await t.rejects(failing.verify(good), { code: 'keys_unavailable', cause })
  const throwing = createVerifier({
    issuer,
    audience,
    keys: () => {
      throw cause
    },
  })
  await t.rejects(throwing.verify(good), { code: 'keys_unavailable', cause })
})

t.test(
  'a key source that returns a JWK, a PEM or a bare key is reported as the fault, and no token is judged by it',
  async (t) => {
    for (const returned of [ec.jwk, ec.publicKey, 'PEM', null]) {
      const verifier = createVerifier({ issuer, audience, keys: () => returned as never })
      await t.rejects(verifier.verify(good), { code: 'keys_unavailable', message: /importVerificationKey/ })
    }
  },
)

t.test('a valid token is accepted with both spellings of its type and both algorithms', async (t) => {
  for (const key of [ec, rsa])
    for (const typ of ['at+jwt', 'application/at+jwt', 'AT+JWT', 'Application/AT+jwt'])
      t.strictSame(await verifier.verify(mint(key, goodClaims(), { typ })), goodClaims())
})

t.test('header parameters without effect are ignored, as RFC 7515 requires', async (t) => {
  t.match(await verifier.verify(withHeader({ x5t: 'abc', cty: 'json', 'https://example.com/x': [1, { a: 1 }] })), {
    jti: 'b4b1c9d2',
  })
})

t.test('a payload with colons, quotes and braces in strings has no duplicate member', async (t) => {
  const note = 'a "quoted": {"b":1}, \\ and \\" : é 漢 \u2028 \0 \ud83d\ude00'
  t.match(
    await verifier.verify(
      mint(ec, goodClaims({ note, nested: [{ note }, { note: { note } }], '': 1, ':': 2, '"': 3 })),
    ),
    { note },
  )
})

t.test('a token longer than usual is accepted if the service allows it', async (t) => {
  const long = mint(ec, goodClaims({ permissions: 'x'.repeat(30_000) }))
  t.equal(await codeOf(verifier.verify(long)), 'token_too_large')
  const patient = createVerifier({
    issuer,
    audience,
    maxTokenLength: 65_536,
    keys: ({ kid }) => keys.get(kid),
    clock: stoppedClock(),
  })
  t.match(await patient.verify(long), { client_id: 'notes' })
})
