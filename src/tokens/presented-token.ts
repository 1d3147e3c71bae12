import { VerificationError } from '#verify'
import { verifySignedJwt } from '#verify/signed-jwt'
import { signingAlgorithms } from '../platform/jwt/algorithms.ts'
import type { ClientId, GrantId } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { familyDigest, readRefreshToken } from './refresh-token.ts'

/** A token of Signet's own making, recognised. Whether it is still good is another question. */
export type PresentedToken =
  | {
      readonly kind: 'access_token'
      readonly grantId: GrantId
      readonly clientId: ClientId
      readonly claims: AccessTokenClaims
    }
  | { readonly kind: 'refresh_token'; readonly familyDigest: Buffer; readonly generation: number }

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
 * Recognises a token by what it is; a `token_type_hint` is not needed (RFC 7009 §2.1, RFC 7662 §2.1). Undefined for what Signet did
 * not make, an ID token or a logout token among it, and for an access token that has expired.
 */
export async function recogniseToken(signet: Signet, text: string): Promise<PresentedToken | undefined> {
  const refresh = await readRefreshToken(signet.secrets, text)
  if (refresh) return { kind: 'refresh_token', familyDigest: familyDigest(refresh), generation: refresh.generation }
  const claims = await readAccessToken(signet, text)
  if (!claims || claims.exp <= signet.clock.seconds()) return undefined
  const { grant_id: grantId, client_id: clientId, ...rest } = claims
  return { kind: 'access_token', grantId, clientId, claims: rest }
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
      ? (claims as unknown as AccessTokenClaims & { grant_id: GrantId; client_id: ClientId })
      : undefined
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}
