import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createVerifier, type SignatureAlgorithm } from 'signet-idp/verify'
import t from 'tap'
import { audience, codeOf, issuer, jsonAnswer, serve } from './issuer.ts'

t.test('tokens and a JWK Set made by another library are accepted, and its ID tokens rejected', async (t) => {
  const signers = await Promise.all(
    (['ES256', 'RS256'] as const).map(async (alg: SignatureAlgorithm) => {
      const { privateKey, publicKey } = await generateKeyPair(alg)
      return { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid: `${alg}-1`, alg, use: 'sig' } }
    }),
  )
  const others = await Promise.all(
    ['EdDSA', 'ES384', 'PS256'].map(async (alg) => {
      const { publicKey } = await generateKeyPair(alg)
      return { ...(await exportJWK(publicKey)), kid: `${alg}-1`, alg, use: 'sig' }
    }),
  )
  const server = await serve(t, jsonAnswer({ keys: [...others, ...signers.map(({ jwk }) => jwk)] }))
  const verifier = createVerifier({ issuer, audience, jwksUri: `${server.origin}/jwks` })

  for (const { alg, privateKey, jwk } of signers) {
    const token = (typ: string, audience: string) =>
      new SignJWT({ client_id: 'notes', scope: 'invoices:read' })
        .setProtectedHeader({ alg, kid: jwk.kid, typ })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject('person')
        .setJti('1')
        .setIssuedAt()
        .setExpirationTime('15m')
        .sign(privateKey)
    t.equal(await codeOf(token('JWT', 'notes').then((idToken) => verifier.verify(idToken))), 'wrong_type', alg)
    t.match(
      await verifier.verify(await token('at+jwt', audience), { requiredScopes: ['invoices:read'] }),
      { sub: 'person', client_id: 'notes' },
      alg,
    )
  }
  t.equal(server.requests.length, 1)
})
