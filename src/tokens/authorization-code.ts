import { createHash } from 'node:crypto'
import { equalInConstantTime } from '../platform/secrets/digest.ts'

/** Seconds. FAPI 2.0 Security Profile §5.3.2.1 allows 60 at the most. */
export const authorizationCodeTtl = 60

/** A stored code, with the grant it belongs to. Times in milliseconds since 1970. */
export interface StoredCode {
  readonly grantId: string
  readonly clientId: string
  readonly sub: string
  readonly redirectUri: string
  readonly codeChallenge: string | undefined
  readonly nonce: string | undefined
  readonly sid: string
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  readonly authTime: number
  readonly acr: string
  readonly amr: readonly string[]
  readonly expired: boolean
  readonly grantEnded: boolean
  /** Seconds since the code was spent; undefined: it was not. */
  readonly spentAgo: number | undefined
}

export interface Redemption {
  readonly clientId: string
  readonly redirectUri: string | undefined
  readonly codeVerifier: string | undefined
}

export type CodeVerdict =
  | { readonly verdict: 'good' }
  /** Nothing is spent and nothing revoked: whoever merely saw a code must not be able to burn it. */
  | { readonly verdict: 'refused'; readonly description: string }
  /** All bindings hold, but the code was spent before (RFC 6749 §4.1.2, §10.5). */
  | { readonly verdict: 'replayed'; readonly secondsAgo: number }

const unknownCode = 'The code is unknown or expired, or was issued to another client.'

/** Whether a code may be redeemed. Every binding is checked before whether it was spent. */
export function judgeCode(code: StoredCode | undefined, redemption: Redemption): CodeVerdict {
  const refused = (description: string): CodeVerdict => ({ verdict: 'refused', description })
  if (!code || code.clientId !== redemption.clientId) return refused(unknownCode)
  // RFC 6749 §4.1.3: required and identical where the authorization request had one, and Signet's always has.
  if (redemption.redirectUri !== code.redirectUri)
    return refused('The redirect_uri is not the one of the authorization request.')
  if (code.codeChallenge === undefined) {
    // RFC 9700 §2.1.1: a verifier without a challenge is a downgrade.
    if (redemption.codeVerifier !== undefined)
      return refused('A code_verifier is sent, but the request had no code_challenge.')
  } else if (redemption.codeVerifier === undefined) return refused('The code_verifier is missing.')
  else if (!provesChallenge(redemption.codeVerifier, code.codeChallenge))
    return refused('The code_verifier does not match the code_challenge of the authorization request.')
  if (code.spentAgo !== undefined) return { verdict: 'replayed', secondsAgo: code.spentAgo }
  if (code.expired || code.grantEnded) return refused(unknownCode)
  return { verdict: 'good' }
}

/** RFC 7636 §4.6, S256. */
function provesChallenge(verifier: string, challenge: string): boolean {
  const computed = createHash('sha256').update(verifier, 'ascii').digest()
  return equalInConstantTime(computed, Buffer.from(challenge, 'base64url'))
}
