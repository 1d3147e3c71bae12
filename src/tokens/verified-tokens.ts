import { hash, type KeyObject } from 'node:crypto'
import { verifySignedJwt } from '#verify/signed-jwt'
import type { JsonObject } from '#verify/strict-json'
import { signatureHolds } from '#verify/verification-key'
import type { KeyRing } from '../key-ring/key-ring.ts'
import { type AccessTokenAlgorithm, accessTokenAlgorithms } from '../platform/jwt/algorithms.ts'

/** Reads access tokens that come back to Signet. */
export interface VerifiedTokens {
  /**
   * The claims of a JWT of type `at+jwt` that is signed with a published key of Signet. They are not checked here: whether the token is still good,
   * for this issuer and this audience, has to be checked at every request.
   *
   * @throws VerificationError
   */
  claimsOf(token: string): Promise<Readonly<JsonObject>>
}

interface Remembered {
  readonly kid: string
  readonly alg: AccessTokenAlgorithm
  readonly key: KeyObject
  readonly claims: Readonly<JsonObject>
  /** Characters of the token. The claims need about four times as many bytes. */
  readonly size: number
}

/** In characters. */
const maxTokenLength = 16_384

/** Characters of all remembered tokens together: some 5,000 usual ones. */
const maxRemembered = 4_000_000

/**
 * Verifies access tokens, and remembers those that were verified. A signature over the same bytes by the same key is as valid the second time,
 * and checking it takes longer than everything else in an introspection or a request for userinfo.
 *
 * - Only claims of tokens with a valid signature are remembered, by the SHA-256 of the whole token: header, claims and signature. So nothing that can
 *   be presented as a token stays in memory.
 * - They are used only while the key ring has the same key under the same `kid` for access tokens. A revoked key ends that at once.
 * - The memory is bounded. Those used least recently are forgotten, and then verified again.
 */
export function createVerifiedTokens(
  keyRing: Pick<KeyRing, 'accessTokenKey'>,
  limit: number = maxRemembered,
): VerifiedTokens {
  // A Map is in the order of insertion: those used least recently come first.
  const remembered = new Map<string, Remembered>()
  let size = 0

  const forget = (digest: string, one: Remembered) => {
    remembered.delete(digest)
    size -= one.size
  }
  const remember = (digest: string, one: Remembered) => {
    const same = remembered.get(digest)
    if (same) forget(digest, same)
    remembered.set(digest, one)
    size += one.size
    for (const [oldest, other] of remembered) {
      if (size <= limit) break
      forget(oldest, other)
    }
  }

  return {
    claimsOf: async (token) => {
      const digest = hash('sha256', token, 'base64url')
      const known = remembered.get(digest)
      if (known && isAccepted(keyRing, known)) {
        remembered.delete(digest)
        remembered.set(digest, known)
        return known.claims
      }
      let used: Pick<Remembered, 'kid' | 'alg' | 'key'> | undefined
      const claims = await verifySignedJwt(token, {
        typ: 'at+jwt',
        algorithms: accessTokenAlgorithms,
        keys: ({ kid }) => {
          const found = keyRing.accessTokenKey(kid)
          used = found && { kid, ...found }
          return found
        },
        maxTokenLength,
        signatureHolds,
      })
      if (used) remember(digest, { ...used, claims: Object.freeze(claims), size: token.length })
      return claims
    },
  }
}

/** Whether the key that verified a token is still the one of this name, for the same algorithm. */
function isAccepted(keyRing: Pick<KeyRing, 'accessTokenKey'>, { kid, alg, key }: Remembered): boolean {
  const accepted = keyRing.accessTokenKey(kid)
  return accepted?.key === key && accepted.alg === alg
}
