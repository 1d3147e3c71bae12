import { createHash } from 'node:crypto'
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
  /** The access token that is issued with it, for `at_hash`. */
  readonly accessToken: string
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
    at_hash: accessTokenHash(content.accessToken),
    ...(content.nonce === undefined ? {} : { nonce: content.nonce }),
  }
  const alg = client.id_token_signed_response_alg
  if (alg === 'HS256') throw new Error('ID tokens cannot be signed with HS256 yet.')
  return keyRing.sign(alg, 'JWT', claims, settings.idTokenTtl)
}

/** `at_hash` (OpenID Connect Core §3.1.3.6): the left half of a hash, by the hash function of the signing algorithm: SHA-256 for ES256 and RS256. */
export function accessTokenHash(accessToken: string): string {
  return createHash('sha256').update(accessToken, 'ascii').digest().subarray(0, 16).toString('base64url')
}
