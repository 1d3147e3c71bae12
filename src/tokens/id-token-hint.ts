import { VerificationError } from '#verify'
import { verifySignedJwt } from '#verify/signed-jwt'
import { signingAlgorithms } from '../platform/jwt/algorithms.ts'
import type { ClientId, Sid, Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'

export interface IdTokenHint {
  readonly sub: Sub
  readonly clientId: ClientId
  readonly sid: Sid | undefined
}

/**
 * Reads an `id_token_hint`: an ID token that Signet issued, which may have expired, under a key that may have retired (OpenID
 * Connect Core §3.1.2.1, RP-Initiated Logout §4). Undefined for anything else, an access token among it.
 */
export async function readIdTokenHint({ keyRing, settings }: Signet, text: string): Promise<IdTokenHint | undefined> {
  try {
    const { iss, sub, aud, sid } = await verifySignedJwt(text, {
      typ: 'JWT',
      algorithms: signingAlgorithms,
      keys: ({ kid }) => keyRing.verificationKey(kid, 'ever'),
      maxTokenLength: 4096,
    })
    if (iss !== settings.issuer || typeof sub !== 'string' || typeof aud !== 'string') return undefined
    // Signed by us as an ID token, it has the ids that we gave it.
    return { sub: sub as Sub, clientId: aud as ClientId, sid: typeof sid === 'string' ? (sid as Sid) : undefined }
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}
