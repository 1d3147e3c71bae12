import { createHash, type KeyObject } from 'node:crypto'
import type { IdTokenAlgorithm } from '../platform/jwt/algorithms.ts'
import { signWithSecret } from '../platform/jwt/sign.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import type { Client } from '../records/clients/client.ts'
import type { Subject } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Authentication, authTimeClaim } from './authentication.ts'

/** The content of an ID token, without its times. */
export interface IdTokenContent {
  readonly client: Client
  readonly sub: Subject
  readonly nonce: string | undefined
  readonly authentication: Authentication
  /** The access token that is issued with it, for `at_hash`. There is none with the response types `id_token` and `code id_token`. */
  readonly accessToken: string | undefined
  /** The code that the browser carries beside it, for `c_hash`. */
  readonly code?: string | undefined
  /** The secret with which the client authenticated this request, so a rotation of secrets breaks nobody. Needed for HS256. */
  readonly hmacKey: KeyObject | undefined
  /** Claims about the person. Empty for a token that passes through a browser, which may end up in logs and in the history. */
  readonly personal: Readonly<Record<string, unknown>>
}

/**
 * Issues an ID token (OpenID Connect Core §2). It says who signed in, when and how. It can also contain what userinfo returns (§5.4), because most
 * applications look for names and addresses in the ID token only.
 *
 * @throws KeysUnavailable
 */
export async function issueIdToken({ settings, keyRing, clock }: Signet, content: IdTokenContent): Promise<string> {
  const { client, authentication } = content
  const alg = client.id_token_signed_response_alg
  const issuedAt = clock.seconds()
  const claims = {
    // First, so that they cannot replace any of the claims below.
    ...content.personal,
    iss: settings.issuer,
    sub: content.sub,
    aud: client.client_id,
    iat: issuedAt,
    exp: issuedAt + settings.idTokenTtl,
    auth_time: authTimeClaim(authentication),
    acr: authentication.acr,
    amr: authentication.amr,
    sid: authentication.sid,
    ...(content.accessToken === undefined ? {} : { at_hash: halfHash(content.accessToken, alg) }),
    ...(content.code === undefined ? {} : { c_hash: halfHash(content.code, alg) }),
    ...(content.nonce === undefined ? {} : { nonce: content.nonce }),
  }
  // OpenID Connect Core §10.1.
  if (alg === 'HS256') {
    if (!content.hmacKey) throw new OAuthError('client_secret_too_short', { detail: `client ${client.client_id}` })
    return signWithSecret('JWT', claims, content.hmacKey)
  }
  return keyRing.sign(alg, 'JWT', claims, settings.idTokenTtl)
}

/**
 * `at_hash` and `c_hash` (OpenID Connect Core §3.1.3.6, §3.2.2.10, §3.3.2.11): the left half of a hash, by the hash function of the signing algorithm. The
 * name of an algorithm has its size; EdDSA names none, and with Ed25519 it is SHA-512 (RFC 8032 §5.1), as libraries compute it too.
 */
function halfHash(text: string, alg: IdTokenAlgorithm): string {
  const hash = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
    .update(text, 'ascii')
    .digest()
  return hash.subarray(0, hash.length / 2).toString('base64url')
}
