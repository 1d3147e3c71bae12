import { generateKeyPairSync, sign } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import t from 'tap'
import { verifyClientAssertion } from '../../src/protocol/client-assertion.ts'

const issuer = 'https://id.example'
const now = 1_800_000_000
const { privateKey, publicKey } = await generateKeyPair('ES256')
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] }

const ours = {
  clientId: 'client',
  issuer,
  otherAudiences: [`${issuer}/token`],
  now,
  clockSkew: 60,
}
const lax = { ...ours, requireIssuerAudience: false }
const pinned = { ...ours, requireIssuerAudience: true }

async function verdict(rules: typeof lax, more: JWTPayload, header: object = {}): Promise<string> {
  const claims = { iss: 'client', sub: 'client', jti: 'once', iat: now, exp: now + 60, ...more }
  const head = { alg: 'ES256', kid: 'one', ...header }
  const assertion = await new SignJWT(claims).setProtectedHeader(head).sign(privateKey)
  const verified = await verifyClientAssertion(assertion, rules, { keys: async () => jwks, algorithm: undefined })
  return 'fault' in verified ? verified.fault : `until ${verified.forgetAt - now}`
}

const strange = [[], '', `${issuer}/`, `${issuer}/revoke`, issuer.toUpperCase(), 'https://other.example', 7, null, {}]

t.test('every member of the audience must be the issuer or the token endpoint', async (t) => {
  const wrong = 'aud does not name this issuer or its token endpoint, or also names another server'
  const tokenEndpoint = `${issuer}/token`
  for (const aud of [
    ...strange,
    ...[
      [issuer, 'https://other.example'],
      ['https://other.example', tokenEndpoint],
      [issuer, ''],
      [issuer, `${issuer}/`],
    ],
    ...[[issuer, null], [issuer, [issuer]], [[issuer]], { 0: issuer, length: 1 }],
  ])
    t.equal(await verdict(lax, { aud } as JWTPayload), wrong, JSON.stringify(aud))
  t.equal(await verdict(lax, {}), wrong, 'none')
  for (const aud of [issuer, tokenEndpoint, [issuer], [tokenEndpoint], [issuer, tokenEndpoint], [issuer, issuer]])
    t.equal(await verdict(lax, { aud }), 'until 120', JSON.stringify(aud))
})

t.test('a client that is pinned to the issuer needs exactly that string', async (t) => {
  const wrong = 'aud is not the issuer as a single string'
  for (const aud of [...strange, `${issuer}/token`, [issuer], [issuer, `${issuer}/token`]])
    t.equal(await verdict(pinned, { aud } as JWTPayload), wrong, JSON.stringify(aud))
  t.equal(await verdict(pinned, {}), wrong, 'none')
  t.equal(await verdict(pinned, { aud: issuer }), 'until 120')
})

t.test('an assertion is valid for at most ten minutes plus the clock skew', async (t) => {
  const aud = issuer
  t.equal(await verdict(lax, { aud, exp: now + 660 }), 'until 720')
  t.equal(await verdict(lax, { aud, exp: now + 661 }), 'exp is more than ten minutes away')
  t.equal(await verdict(lax, { aud, exp: now - 59 }), 'until 1', 'remembered for as long as it is valid')
  t.match(await verdict(lax, { aud, exp: now - 61 }), /exp/)
  t.equal(await verdict(lax, { aud, iat: now + 61 }), 'iat is in the future')
})

t.test('a JWT of another kind is not an assertion, even if the client has signed it', async (t) => {
  const typed = (typ: unknown) => verdict(lax, { aud: issuer }, { typ })
  for (const typ of [
    ...['at+jwt', 'dpop+jwt', 'logout+jwt', 'oauth-authz-req+jwt', 'secevent+jwt', 'token-introspection+jwt'],
    ...['application/at+jwt', 'text/jwt', 'JWS', 'JOSE', 'application/application/jwt', 'jwt ', 'JWT\0', ''],
    ...[null, 0, true, ['JWT'], { JWT: 1 }],
  ])
    t.match(await typed(typ), /^its type \(typ\) is /, JSON.stringify(typ))
  for (const typ of [
    ...[undefined, 'JWT', 'jwt', 'application/jwt'],
    ...['client-authentication+jwt', 'application/client-authentication+jwt', 'Client-Authentication+JWT'],
  ])
    t.equal(await typed(typ), 'until 120', String(typ))
})

t.test('an assertion has no critical parameter, and no b64 (RFC 7797)', async (t) => {
  const { privateKey: key } = pair
  const signed = (header: object) => {
    const claims = { iss: 'client', sub: 'client', aud: issuer, jti: 'once', iat: now, exp: now + 60 }
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const input = `${part({ alg: 'ES256', kid: 'two', ...header })}.${part(claims)}`
    const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
  const judged = async (header: object) => {
    const set = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'two', alg: 'ES256' }] } as never
    const verified = await verifyClientAssertion(signed(header), lax, { keys: async () => set, algorithm: undefined })
    return 'fault' in verified ? verified.fault : 'good'
  }
  t.equal(await judged({}), 'good')
  t.equal(await judged({ x5t: 'abc', cty: 'x', 'https://example.com/x': 1 }), 'good', 'others are ignored')
  for (const b64 of [true, false, null, 'false', 0]) {
    t.match(await judged({ b64 }), /b64/, `b64 ${b64}`)
    t.match(await judged({ b64, crit: ['b64'] }), /crit|b64/, `b64 ${b64}, critical`)
  }
  for (const crit of [[], ['exp'], ['b64'], null, 'b64', [['b64']]]) t.match(await judged({ crit, exp: 1 }), /crit/)
})
