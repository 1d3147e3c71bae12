import type { KeyObject } from 'node:crypto'
import { signWithSecret } from '../platform/jwt/sign.ts'
import { randomText } from '../platform/secrets/digest.ts'
import type { Client } from '../records/clients/client.ts'
import type { Sid, Subject } from '../records/ids.ts'
import type { Signet } from '../signet.ts'

/** Seconds. OpenID Connect Back-Channel Logout §4: preferably not more than two minutes. */
export const logoutTokenTtl = 120

/** Explicit typing (Back-Channel Logout §2.4, RFC 8725 §3.11): nothing that expects an ID token or an access token takes it for one, and the other way round. */
const logoutTokenType = 'logout+jwt'

/** What happened (Back-Channel Logout §2.4): the name of the member says it, and its value is empty. */
const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }

export interface LogoutTokenContent {
  readonly client: Client
  /** Both are those of the client's ID tokens of the session. A token with a `sid` ends that session only, and not all sessions of the person. */
  readonly sub: Subject
  readonly sid: Sid
  /** Needed for HS256. */
  readonly hmacKey: KeyObject | undefined
}

/**
 * Issues a logout token (OpenID Connect Back-Channel Logout §2.4), signed like the ID tokens of the client. It never has a `nonce`.
 *
 * An application verifies it like an ID token, with these differences (§2.6): `typ` is `logout+jwt`; `events` has the member
 * `http://schemas.openid.net/event/backchannel-logout`; there is no `nonce`; and a `jti` that has been used before is refused. Then it ends the session that it
 * started with the ID token with this `sid`.
 *
 * @returns undefined if the client uses HS256 and has no secret that can be a key
 * @throws KeysUnavailable
 */
export async function issueLogoutToken(
  { settings, keyRing, clock }: Signet,
  { client, sub, sid, hmacKey }: LogoutTokenContent,
): Promise<string | undefined> {
  const alg = client.id_token_signed_response_alg
  const iat = clock.seconds()
  const { client_id: aud } = client
  const exp = iat + logoutTokenTtl
  const claims = { iss: settings.issuer, aud, iat, exp, jti: randomText(16), events, sub, sid }
  if (alg === 'HS256') return hmacKey && signWithSecret(logoutTokenType, claims, hmacKey)
  await keyRing.extendRetention(logoutTokenTtl)
  return keyRing.sign(alg, logoutTokenType, claims, logoutTokenTtl)
}
