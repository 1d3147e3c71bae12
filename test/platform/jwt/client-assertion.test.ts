import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import t from 'tap'
import { verifyClientAssertion } from '../../../src/platform/jwt/client-assertion.ts'

const issuer = 'https://id.example'
const now = 1_800_000_000
const { privateKey, publicKey } = await generateKeyPair('ES256')
const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] }

async function verdict(audiences: string[], more: JWTPayload): Promise<string> {
  const claims = { iss: 'client', sub: 'client', jti: 'once', iat: now, exp: now + 60, ...more }
  const assertion = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(privateKey)
  const rules = { clientId: 'client', audiences, jwks, algorithm: undefined, now, clockSkew: 60 }
  const verified = await verifyClientAssertion(assertion, rules)
  return 'fault' in verified ? verified.fault : `until ${verified.forgetAt - now}`
}

t.test('the audience is one string of those that the server goes by', async (t) => {
  const both = [issuer, `${issuer}/token`]
  for (const aud of both) t.equal(await verdict(both, { aud }), 'until 120', aud)
  const wrong = 'aud is not the one string it must be'
  t.equal(await verdict([issuer], { aud: `${issuer}/token` }), wrong, 'the issuer alone')
  for (const aud of [both, [issuer], [], `${issuer}/`, `${issuer}/revoke`, '', 'https://other.example'])
    t.equal(await verdict(both, { aud }), wrong, JSON.stringify(aud))
  t.equal(await verdict(both, {}), wrong, 'none')
})

t.test('it lives ten minutes at the most, by the clock skew more', async (t) => {
  const aud = issuer
  t.equal(await verdict([issuer], { aud, exp: now + 660 }), 'until 720')
  t.equal(await verdict([issuer], { aud, exp: now + 661 }), 'it lives longer than ten minutes')
  t.equal(await verdict([issuer], { aud, exp: now - 59 }), 'until 1', 'remembered for as long as it is good')
  t.match(await verdict([issuer], { aud, exp: now - 61 }), /exp/)
  t.equal(await verdict([issuer], { aud, iat: now + 61 }), 'iat is in the future')
})
