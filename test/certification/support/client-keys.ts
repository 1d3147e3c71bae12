import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

/** A key pair of one of the suite's clients. */
export interface ClientKeys {
  /** The public key as a JWK Set. */
  readonly jwks: { readonly keys: readonly JWK[] }
  readonly sign: (claims: Record<string, unknown>) => Promise<string>
}

/**
 * RSA keys. The suite registers them for every client, without a `kid` (GenerateRS256ClientJWKs); only those that are fetched have one
 * (GenerateRS256ClientJWKsWithKeyID).
 */
export async function newClientKeys({ withKid = false } = {}): Promise<ClientKeys> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const kid = withKid ? { kid: randomUUID() } : {}
  return {
    jwks: { keys: [{ ...(await exportJWK(publicKey)), ...kid, use: 'sig', alg: 'RS256' }] },
    sign: (claims) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', ...kid }).sign(privateKey),
  }
}
