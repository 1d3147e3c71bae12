import assert from 'node:assert/strict'
import { createRemoteJWKSet, jwtVerify } from 'jose'

/**
 * Verifies a token as a resource or a client would.
 *
 * @param {import('./scenario.js').Target} target
 * @param {unknown} token
 * @param {{ alg: string, audience: string }} expected
 */
export async function verifiedToken({ metadata, issuer }, token, { alg, audience }) {
  assert.equal(typeof token, 'string', 'the answer has no token')
  const keys = createRemoteJWKSet(new URL(metadata['jwks_uri'] ?? ''))
  return jwtVerify(String(token), keys, { issuer, audience, algorithms: [alg], requiredClaims: ['exp', 'iat'] })
}
