import { createHash } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import type { ClientMetadata } from '../../src/records/clients/client.ts'
import { basic, type Idp, type Reply, type TestClient } from './idp.ts'

/** A key of a client: the metadata with its public half, and what it signs. */
export interface ClientKey {
  readonly jwks: NonNullable<ClientMetadata['jwks']>
  readonly publicJwk: Readonly<Record<string, unknown> & { kty: string }>
  /** A JWT with these claims. A member of the header that is undefined is left out. */
  readonly sign: (claims: JWTPayload, header?: Record<string, unknown>) => Promise<string>
}

export async function clientKey(alg: 'ES256' | 'RS256' | 'PS256' | 'EdDSA' = 'ES256', kid = 'one'): Promise<ClientKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const { kty = '', ...jwk } = await exportJWK(publicKey)
  const publicJwk = { ...jwk, kty, kid, alg }
  return {
    jwks: { keys: [publicJwk] },
    publicJwk,
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'oauth-authz-req+jwt', ...header }).sign(privateKey),
  }
}

/** POST /par with these parameters, authenticated with the client's registered method, if that is a secret or none. */
export async function push(idp: Idp, client: TestClient, parameters: Record<string, string>): Promise<Reply> {
  const headers: Record<string, string> = {}
  if (client.secret !== undefined) headers['authorization'] = basic(client.client_id, client.secret)
  const body = new URLSearchParams({ client_id: client.client_id, ...parameters })
  const response = await fetch(`${idp.issuer}/par`, { method: 'POST', headers, body })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** The address that a client sends the browser to with a pushed request. */
export function withRequestUri(client: TestClient, requestUri: string, more: Record<string, string> = {}): string {
  return `/authorize?${new URLSearchParams({ client_id: client.client_id, request_uri: requestUri, ...more })}`
}

/** The digest under which a pushed request is stored. */
export function digestOf(requestUri: string): Buffer {
  return createHash('sha256').update(requestUri.slice('urn:ietf:params:oauth:request_uri:'.length)).digest()
}
