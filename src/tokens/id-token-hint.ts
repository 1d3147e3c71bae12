import { VerificationError } from '#verify'
import { verifySignedJwt } from '#verify/signed-jwt'
import { signingAlgorithms } from '../platform/jwt/algorithms.ts'
import type { ClientId, Sid, Subject } from '../records/ids.ts'
import type { Signet } from '../signet.ts'

export interface IdTokenHint {
  /** The person as the client knows them, to be compared with `subjectFor`. */
  readonly sub: Subject
  readonly clientId: ClientId
  readonly sid: Sid | undefined
}

/**
 * Reads an `id_token_hint`: an ID token that Signet issued (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §4). The token may have expired,
 * and its key may have retired. Returns undefined for anything else, including access tokens.
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
    // An ID token with our signature contains the IDs that we put into it.
    return { sub: sub as Subject, clientId: aud as ClientId, sid: typeof sid === 'string' ? (sid as Sid) : undefined }
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}
