import { newestMac, type PurposeSecret } from '../platform/secrets/purposes.ts'

/** How and when a person signed in, as tokens tell it. */
export interface Authentication {
  /** Seconds since 1970 (OpenID Connect Core §2). */
  readonly authTime: number
  readonly acr: string
  readonly amr: readonly string[]
  readonly sid: string
}

/** The one Authentication Context Class there is: a single factor, as NIST SP 800-63B's AAL1 has it. */
export const singleFactor = 'aal1'

/**
 * The session's id as one client sees it (OpenID Connect Front-Channel Logout §3). It is not the cookie and differs per client:
 * two clients that compare notes cannot tell by it that they serve the same person.
 */
export function sessionIdFor(secret: PurposeSecret, sessionId: number, clientId: string): string {
  return newestMac(secret, `${sessionId}:${clientId}`).subarray(0, 16).toString('base64url')
}
