import { VerificationError } from '#verify'
import { verifySignedJwt } from '#verify/signed-jwt'
import { signingAlgorithms } from '../platform/jwt/algorithms.ts'
import type { GrantId } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { familyDigest, readRefreshToken } from './refresh-token.ts'
import {
  accessTokenStatus,
  type RefreshTokenStatus,
  refreshTokenStatus,
  type TokenStatus,
} from './token-status-store.ts'

/** A token of Signet's own making, with what is on record about it. `status.alive` says whether it is still good. */
export type PresentedToken =
  | { readonly kind: 'access_token'; readonly claims: AccessTokenClaims; readonly status: TokenStatus }
  | { readonly kind: 'refresh_token'; readonly generation: number; readonly status: RefreshTokenStatus }

/** What introspection repeats of an access token. */
export interface AccessTokenClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: string
  readonly scope: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
}

/**
 * Recognises a token by what it is and looks up its status; a `token_type_hint` is not needed (RFC 7009 §2.1, RFC 7662 §2.1). The
 * status takes one round trip.
 *
 * @returns undefined for what Signet did not make, an ID token or a logout token among it; for an access token that has expired; and where
 *   nothing is on record any more
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
  const status = await accessTokenStatus(signet.database, grantId, claims.aud)
  return status && { kind: 'access_token', claims, status }
}

async function readAccessToken({ keyRing, settings }: Signet, text: string) {
  try {
    const claims = await verifySignedJwt(text, {
      typ: 'at+jwt',
      algorithms: signingAlgorithms,
      keys: ({ kid }) => keyRing.verificationKey(kid, 'published'),
      maxTokenLength: 16_384,
    })
    // Signed by us as an access token, it has the members that we give one.
    return claims['iss'] === settings.issuer
      ? (claims as unknown as AccessTokenClaims & { grant_id: GrantId })
      : undefined
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}
