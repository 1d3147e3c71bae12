import { VerificationError } from '#verify'
import type { GrantId } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import type { Audience } from './access-token.ts'
import { familyDigest, readRefreshToken } from './refresh-token.ts'
import { type RefreshTokenStatus, refreshTokenStatus, type TokenStatus } from './token-status-store.ts'

/** A token that Signet issued, with its status from the database. `status.alive` says whether its grant is alive and, for a refresh token, its family has not expired. */
export type PresentedToken =
  | { readonly kind: 'access_token'; readonly claims: AccessTokenClaims; readonly status: TokenStatus }
  | { readonly kind: 'refresh_token'; readonly generation: number; readonly status: RefreshTokenStatus }

/** The claims of an access token that introspection returns. */
export interface AccessTokenClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: Audience
  readonly scope: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
  /** These two are absent if the client acts for itself. */
  readonly acr?: string
  readonly auth_time?: number
}

/**
 * Recognises a token by its form and looks up its status, which takes one round trip. A `token_type_hint` is not needed (RFC 7009 §2.1,
 * RFC 7662 §2.1).
 *
 * @returns undefined for anything but an access or refresh token that Signet issued, for an access token that has expired, and if the database
 *   has no record any more
 */
export async function findPresentedToken(signet: Signet, text: string): Promise<PresentedToken | undefined> {
  const refresh = await readRefreshToken(signet.secrets, text)
  if (refresh) {
    const status = await refreshTokenStatus(signet.database, familyDigest(refresh))
    return status && { kind: 'refresh_token', generation: refresh.generation, status }
  }
  const access = await readAccessToken(signet, text)
  if (!access || access.exp <= signet.clock.seconds()) return undefined
  const { grant_id: grantId, ...claims } = access
  const { issuer } = signet.settings
  // A token is for one API, and perhaps for the issuer.
  const api = [claims.aud].flat().find((audience) => audience !== issuer)
  const status = await signet.tokenReads.accessTokenStatus({ grantId, api })
  return status && { kind: 'access_token', claims, status }
}

async function readAccessToken({ verifiedTokens, settings }: Signet, text: string) {
  try {
    const claims = await verifiedTokens.claimsOf(text)
    // An access token with our signature has the claims that we put into it.
    return claims['iss'] === settings.issuer
      ? (claims as unknown as AccessTokenClaims & { grant_id: GrantId })
      : undefined
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}
