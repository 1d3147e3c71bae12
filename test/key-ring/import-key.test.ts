import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { isKid, readPrivateKey } from '../../src/key-ring/import-key.ts'

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey
const rsa = (modulusLength: number, publicExponent = 65_537) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey
const pem = (key: KeyObject, type: 'pkcs8' | 'sec1' | 'pkcs1' = 'pkcs8') => String(key.export({ format: 'pem', type }))
const [one, two] = [ec('P-256'), ec('P-256')]
const [jwk, otherJwk] = [one.export({ format: 'jwk' }), two.export({ format: 'jwk' })]
const rsaKey = rsa(2048)
const rsaJwk = rsaKey.export({ format: 'jwk' })
const ed = () => generateKeyPairSync('ed25519').privateKey
const edJwk = ed().export({ format: 'jwk' })
const json = (...members: object[]) => JSON.stringify(Object.assign({}, ...members))

t.test('an invalid, weak or unsuitable key is rejected, and no message contains any part of it', async (t) => {
  const encrypted = one.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey
  const cases: Record<string, [string, RegExp]> = {
    nothing: ['', /neither a PEM nor a JWK/],
    'a password': ['correct horse battery staple', /neither a PEM nor a JWK/],
    'half a JSON text': [json(jwk).slice(0, -5), /not JSON/],
    'a set': [json({ keys: [jwk] }), /JWK Set; provide a single key/],
    'a public JWK': [json(jwk, { d: undefined }), /no private half/],
    'a symmetric JWK': [json({ kty: 'oct', k: 'c2VjcmV0' }), /no private half/],
    'a JWK of numbers': [json(jwk, { d: 1 }), /no private half/],
    'a JWK with invalid values': [json(jwk, { x: 'AA' }), /not a JWK of a private key/],
    'a JWK of two keys': [json(jwk, { x: otherJwk.x, y: otherJwk.y }), /do not match|not a JWK/],
    'a JWK with another private half': [json(jwk, { d: otherJwk.d }), /do not match|not a JWK/],
    'an RSA JWK of two keys': [json(rsaJwk, { n: rsa(2048).export({ format: 'jwk' }).n }), /do not match|not a JWK/],
    'a JWK for encryption': [json(jwk, { use: 'enc' }), /not for signatures/],
    'a JWK for key agreement': [json(jwk, { key_ops: ['deriveBits'] }), /not for signing/],
    'a JWK for verifying only': [json(jwk, { key_ops: ['verify'] }), /not for signing/],
    'key_ops that is not a list': [json(jwk, { key_ops: 'sign' }), /not for signing/],
    'a JWK for another algorithm': [json(jwk, { alg: 'RS256' }), /"alg" of the JWK does not match/],
    'a JWK for HMAC': [json(rsaJwk, { alg: 'HS256' }), /"alg" of the JWK does not match/],
    'a kid with a line feed': [
      json(jwk, { kid: 'a\nrevoked b 2020-01-01' }),
      /printable ASCII characters without spaces/,
    ],
    'a kid that is not a string': [json(jwk, { kid: 1 }), /printable ASCII characters without spaces/],
    'an endless kid': [json(jwk, { kid: 'k'.repeat(256) }), /printable ASCII characters without spaces/],
    'a public PEM': [
      String(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'pem', type: 'spki' })),
      /PKCS #8/,
    ],
    'SEC 1': [pem(one, 'sec1'), /openssl pkcs8/],
    'PKCS #1': [pem(rsaKey, 'pkcs1'), /openssl pkcs8/],
    'a PEM with a passphrase': [String(encrypted), /without a passphrase/],
    'a truncated PEM': [pem(one).slice(0, 90), /cannot be read/],
    'P-384': [pem(ec('P-384')), /This key is none of these/],
    secp256k1: [pem(ec('secp256k1')), /This key is none of these/],
    Ed448: [pem(generateKeyPairSync('ed448').privateKey), /This key is none of these/],
    X25519: [pem(generateKeyPairSync('x25519').privateKey), /This key is none of these/],
    'an Ed25519 JWK of two keys': [json(edJwk, { x: ed().export({ format: 'jwk' }).x }), /do not match|not a JWK/],
    'an Ed25519 JWK for ES256': [json(edJwk, { alg: 'ES256' }), /"alg" of the JWK does not match/],
    'RSA of 1024 bits': [pem(rsa(1024)), /This key is none of these/],
    'RSA with exponent 3': [pem(rsa(2048, 3)), /exponent is too small/],
    'RSA for PSS only': [pem(pss), /This key is none of these/],
  }
  const parts = [jwk.d, otherJwk.d, rsaJwk.d, pem(one).slice(60)].map((part) => String(part).slice(0, 12))
  for (const [name, [text, message]] of Object.entries(cases)) {
    t.throws(() => readPrivateKey(text), { name: 'UnusableKey', message }, name)
    try {
      readPrivateKey(text)
    } catch (error) {
      for (const part of parts) t.notOk(String(error).includes(part))
    }
  }
})

t.test('a JWK keeps its name; a PEM has none', async (t) => {
  t.match(readPrivateKey(` \n${json(jwk, { kid: 'ours', alg: 'ES256', use: 'sig', key_ops: ['sign'] })}`), {
    alg: 'ES256',
    kid: 'ours',
  })
  t.match(readPrivateKey(pem(one)), { alg: 'ES256', kid: undefined })
  t.match(readPrivateKey(`# a comment\n${pem(rsaKey)}`), { alg: 'RS256', kid: undefined })
  const { privateKey } = readPrivateKey(json(rsaJwk))
  t.ok(privateKey.equals(rsaKey))
})

t.test('an RSA key is for RS256 unless the JWK or the caller says PS256, and for one of them only', async (t) => {
  t.match(readPrivateKey(json(rsaJwk, { alg: 'PS256' })), { alg: 'PS256' })
  t.match(readPrivateKey(pem(rsaKey), 'PS256'), { alg: 'PS256' })
  t.match(readPrivateKey(pem(ed())), { alg: 'EdDSA' })
  for (const [text, wanted, message] of [
    [json(rsaJwk, { alg: 'PS256' }), 'RS256', /is for PS256, not for RS256/],
    [json(rsaJwk, { alg: 'RS256' }), 'PS256', /is for RS256, not for PS256/],
    [pem(one), 'PS256', /is for ES256, not for PS256/],
    [pem(rsaKey), 'EdDSA', /is for RS256 or PS256, not for EdDSA/],
  ] as const)
    t.throws(() => readPrivateKey(text, wanted), { name: 'UnusableKey', message })
})

t.test('a kid is printable, without blanks and limited in length: the ledger stores it as a word', async (t) => {
  for (const kid of ['k', '2024-01', 'a/b+c=', 'x'.repeat(255)]) t.ok(isKid(kid), kid)
  for (const kid of ['', ' ', 'a b', 'ä', '\u0000', 'x'.repeat(256), undefined, 1])
    t.notOk(isKid(kid), JSON.stringify(kid) ?? 'undefined')
})
