import { randomBytes } from 'node:crypto'
import type { Queryable } from '../platform/database/queryable.ts'
import type { GrantId, Sid } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { insertFamily } from '../tokens/refresh-families-store.ts'
import { encodeRefreshToken, familyDigest } from '../tokens/refresh-token.ts'

/** Starts the refresh family of a grant, in the transaction that issues its first tokens. Returns the first refresh token. */
export async function startFamily(
  { settings, secrets }: Pick<Signet, 'settings' | 'secrets'>,
  tx: Queryable,
  { grant, sid }: { readonly grant: { readonly id: GrantId }; readonly sid: Sid },
): Promise<string> {
  const token = { family: randomBytes(32), generation: 0 }
  // Read once for both uses: the secret may be rotated while the row is written.
  const secret = secrets['refresh-mac']
  const secretVersion = secret.current
  await insertFamily(
    tx,
    { digest: familyDigest(token), grantId: grant.id, secretVersion, sid },
    { sliding: settings.refreshTokenTtl, absolute: settings.refreshTokenMaxTtl },
  )
  return encodeRefreshToken(secret, secretVersion, token)
}
