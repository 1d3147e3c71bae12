import { createHash } from 'node:crypto'
import { type PublicJwk, publicMembers } from './sealed-key.ts'

/** The JWK Set (RFC 7517 §5) as it is served. */
export interface JwkSet {
  /** The JSON text, encoded once. */
  readonly body: Buffer
  /** Strong (RFC 9110 §8.8.3): the digest of the body, so equal on every node that serves the same keys. */
  readonly etag: string
}

interface PublishedKey {
  readonly kid: string
  readonly alg: string
  readonly publishedAt: number
  readonly publicJwk: PublicJwk
}

/** The set of these keys, in an order that depends on the keys alone. */
export function jwkSet(published: readonly PublishedKey[]): JwkSet {
  const keys = [...published]
    .sort((a, b) => a.publishedAt - b.publishedAt || (a.kid < b.kid ? -1 : 1))
    .map(({ kid, alg, publicJwk }) => ({ kid, use: 'sig', alg, ...publicMembers(publicJwk) }))
  const body = Buffer.from(JSON.stringify({ keys }))
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` }
}
