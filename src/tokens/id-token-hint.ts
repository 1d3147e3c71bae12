import { VerificationError } from '#verify'
import { verifySignedJwt } from '#verify/signed-jwt'
import type { JsonObject } from '#verify/strict-json'
import { signingAlgorithms } from '../platform/jwt/algorithms.ts'
import { signatureHolds } from '../platform/jwt/verify.ts'
import type { ClientId, Sid, Subject } from '../records/ids.ts'
import type { Signet } from '../signet.ts'

export interface IdTokenHint {
  /** The person as the client knows them, to be compared with `subjectFor`. */
  readonly sub: Subject
  readonly clientId: ClientId
  readonly sid: Sid | undefined
}

/** In characters. */
const maxLength = 4096

/**
 * Reads an `id_token_hint`: an ID token that Signet issued (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §4). The token may have expired,
 * and its key may have retired. Returns undefined for anything else, including access tokens and signed userinfo responses.
 */
export async function readIdTokenHint(signet: Signet, text: string): Promise<IdTokenHint | undefined> {
  try {
    const { iss, sub, aud, sid, exp, iat } = await verified(signet, text)
    // A signed userinfo response has the type, the audience and the keys of an ID token, but no times (RFC 8725 §3.12).
    if (typeof exp !== 'number' || typeof iat !== 'number') return undefined
    if (iss !== signet.settings.issuer || typeof sub !== 'string' || typeof aud !== 'string') return undefined
    // An ID token with our signature contains the IDs that we put into it.
    return { sub: sub as Subject, clientId: aud as ClientId, sid: typeof sid === 'string' ? (sid as Sid) : undefined }
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}

/** @throws VerificationError */
function verified({ keyRing }: Signet, text: string): Promise<JsonObject> {
  return verifySignedJwt(text, {
    ...{ typ: 'JWT', algorithms: signingAlgorithms, maxTokenLength: maxLength, signatureHolds },
    keys: ({ kid }) => keyRing.verificationKey(kid, 'ever'),
  })
}
