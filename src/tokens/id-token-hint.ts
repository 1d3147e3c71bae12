import { VerificationError } from '#verify'
import { verifySignedJwt } from '#verify/signed-jwt'
import { signingAlgorithms } from '../platform/jwt/algorithms.ts'
import type { Signet } from '../signet.ts'

export interface IdTokenHint {
  readonly sub: string
  readonly clientId: string
  readonly sid: string | undefined
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
    return { sub, clientId: aud, sid: typeof sid === 'string' ? sid : undefined }
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}
