import { randomBytes } from 'node:crypto'
import type { Signet } from '../signet.ts'
import type { NewFamily } from '../tokens/refresh-families-store.ts'
import { encodeRefreshToken, familyDigest } from '../tokens/refresh-token.ts'

/** Makes the first refresh token of a grant, and the family that must be inserted with the issue of its first tokens. */
export function newFamily({ settings, secrets }: Pick<Signet, 'settings' | 'secrets'>): {
  readonly family: NewFamily
  readonly refreshToken: string
} {
  const token = { family: randomBytes(32), generation: 0 }
  // Read once for both uses: the secret may be rotated while the row is written.
  const secret = secrets['refresh-mac']
  const secretVersion = secret.current
  const { refreshTokenTtl: sliding, refreshTokenMaxTtl: absolute } = settings
  return {
    family: { digest: familyDigest(token), secretVersion, sliding, absolute },
    refreshToken: encodeRefreshToken(secret, secretVersion, token),
  }
}
