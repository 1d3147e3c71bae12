import { createHash } from 'node:crypto'
import type { Client } from '../records/clients/client.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Authentication, authTimeClaim } from './authentication.ts'

/** What an ID token says, apart from times. */
export interface IdTokenContent {
  readonly client: Client
  readonly sub: Sub
  readonly nonce: string | undefined
  readonly authentication: Authentication
  /** The access token that goes out with it, for `at_hash`. */
  readonly accessToken: string
}

/**
 * Issues an ID token (OpenID Connect Core §2). It tells who signed in, when and how; what else the scopes allow is had from
 * userinfo (§5.4), so that a token which passes through a browser carries as little as it can.
 *
 * @throws KeysUnavailable
 */
export async function issueIdToken({ settings, keyRing, clock }: Signet, content: IdTokenContent): Promise<string> {
  const { client, authentication } = content
  const issuedAt = clock.seconds()
  const claims = {
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
  return keyRing.sign(client.id_token_signed_response_alg, 'JWT', claims, settings.idTokenTtl)
}

/** `at_hash` (OpenID Connect Core §3.1.3.6): the left half of the hash that the signature's algorithm uses, SHA-256 for both of ours. */
export function accessTokenHash(accessToken: string): string {
  return createHash('sha256').update(accessToken, 'ascii').digest().subarray(0, 16).toString('base64url')
}
