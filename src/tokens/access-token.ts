import { randomUUID } from 'node:crypto'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { Client } from '../records/clients/client.ts'
import type { GrantId, Subject } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import type { Target } from './access-token-target.ts'
import { type Authentication, authTimeClaim } from './authentication.ts'

/** The claim `aud` (RFC 7519 §4.1.3): one, or an API and the issuer. */
export type Audience = string | readonly string[]

/** The content of an access token, without its times and ID. */
export interface AccessTokenContent {
  readonly client: Pick<Client, 'client_id'>
  /** The person. Undefined if the client acts for itself and is the subject (RFC 9068 §2.2). */
  readonly sub: Subject | undefined
  readonly target: Target
  readonly scopes: readonly string[]
  readonly grantId: GrantId
  /** When and how the person signed in; undefined if there is no person. */
  readonly authentication?: Pick<Authentication, 'authTime' | 'acr' | 'sid'> | undefined
  /** The claims `groups` and `roles` (RFC 9068 §2.2.3.1), as far as the API and the request ask for them. */
  readonly groups?: Readonly<Record<string, unknown>>
}

export interface IssuedAccessToken {
  readonly token: string
  /** Seconds. */
  readonly expiresIn: number
  readonly audience: Audience
  readonly jti: string
  readonly alg: SigningAlgorithm
}

/**
 * Issues an access token, a JWT in the format of RFC 9068. Extra claims such as `gty` are left out, because everything in a token can be read
 * by anyone who has it. `grant_id` is the ID of the grant, so that Signet can check whether the grant has ended.
 *
 * @throws KeysUnavailable
 */
export async function issueAccessToken(signet: Signet, content: AccessTokenContent): Promise<IssuedAccessToken> {
  const { settings, keyRing, clock } = signet
  const { audience, ttl, alg } = termsOf(content.target, settings)
  const issuedAt = clock.seconds()
  const jti = randomUUID()
  const claims = {
    ...content.groups,
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
  const audience = target.alsoIssuer ? [identifier, settings.issuer] : identifier
  return { audience, ttl: accessTokenTtl ?? settings.accessTokenTtl, alg: accessTokenSigningAlg }
}

/** The longest lifetime, in seconds, of any token that this client can get. */
export function longestLifetime({ allowed }: Pick<Client, 'allowed'>, settings: Signet['settings']): number {
  const ofResources = allowed.map(({ accessTokenTtl }) => accessTokenTtl ?? 0)
  return Math.max(settings.accessTokenTtl, settings.idTokenTtl, ...ofResources)
}
