import { randomUUID } from 'node:crypto'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { Client } from '../records/clients/client.ts'
import type { GrantId, Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import type { Target } from './access-token-target.ts'
import { type Authentication, authTimeClaim } from './authentication.ts'

/** What an access token says, apart from times and id. */
export interface AccessTokenContent {
  readonly client: Pick<Client, 'client_id'>
  /** The person; undefined: the client acts for itself, and is the subject (RFC 9068 §2.2). */
  readonly sub: Sub | undefined
  readonly target: Target
  readonly scopes: readonly string[]
  readonly grantId: GrantId
  /** When and how the person signed in; undefined where there is no person. */
  readonly authentication?: Pick<Authentication, 'authTime' | 'acr' | 'sid'> | undefined
}

export interface IssuedAccessToken {
  readonly token: string
  /** Seconds. */
  readonly expiresIn: number
  readonly audience: string
  readonly jti: string
  readonly alg: SigningAlgorithm
}

/**
 * Issues an access token, a JWT as RFC 9068 has it. `gty`-like extras are left out: everything in a token can be read by whoever
 * holds it. The grant's id travels as `grant_id`, so that Signet can tell whether the grant has ended.
 *
 * @throws KeysUnavailable
 */
export async function issueAccessToken(signet: Signet, content: AccessTokenContent): Promise<IssuedAccessToken> {
  const { settings, keyRing, clock } = signet
  const { audience, ttl, alg } = termsOf(content.target, settings)
  const issuedAt = clock.seconds()
  const jti = randomUUID()
  const claims = {
    iss: settings.issuer,
    sub: content.sub ?? content.client.client_id,
    aud: audience,
    client_id: content.client.client_id,
    scope: content.scopes.join(' '),
    iat: issuedAt,
    exp: issuedAt + ttl,
    jti,
    grant_id: content.grantId,
    ...(content.authentication && {
      auth_time: authTimeClaim(content.authentication),
      acr: content.authentication.acr,
      sid: content.authentication.sid,
    }),
  }
  return { token: await keyRing.sign(alg, 'at+jwt', claims, ttl), expiresIn: ttl, audience, jti, alg }
}

function termsOf(target: Target, settings: Signet['settings']) {
  if (target.kind === 'issuer')
    return { audience: settings.issuer, ttl: settings.accessTokenTtl, alg: 'ES256' as const }
  const { identifier, accessTokenTtl, accessTokenSigningAlg } = target.resource
  return { audience: identifier, ttl: accessTokenTtl ?? settings.accessTokenTtl, alg: accessTokenSigningAlg }
}
