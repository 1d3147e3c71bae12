import { createHash } from 'node:crypto'
import { equalInConstantTime } from '../platform/secrets/digest.ts'
import type { ErrorName } from '../protocol/errors/error-registry.ts'
import type { PersonsGrant } from '../records/grants/grants-store.ts'
import type { Sid } from '../records/ids.ts'
import type { GrantedPerson } from './granted-person-store.ts'

/** Seconds. FAPI 2.0 Security Profile §5.3.2.1 allows at most 60. */
export const authorizationCodeTtl = 60

/** A stored code, with the grant it belongs to. */
export interface StoredCode {
  readonly grant: PersonsGrant
  readonly redirectUri: string
  readonly codeChallenge: string | undefined
  readonly nonce: string | undefined
  readonly sid: Sid
  readonly expired: boolean
  /** Undefined if the grant has ended. */
  readonly person: GrantedPerson | undefined
  /** Seconds since the code was spent; undefined if it was not. */
  readonly spentAgo: number | undefined
  /** Whether the client ID metadata document of the client is not the one that the request was checked with. */
  readonly isDocumentChanged: boolean
}

export interface Redemption {
  readonly clientId: string
  readonly redirectUri: string | undefined
  readonly codeVerifier: string | undefined
}

export type CodeVerdict =
  | { readonly verdict: 'good'; readonly code: StoredCode & { readonly person: GrantedPerson } }
  /** Nothing is spent or revoked: someone who has only seen a code must not be able to invalidate it. */
  | { readonly verdict: 'refused'; readonly error: ErrorName; readonly detail: string }
  /** All bindings match, but the code was already spent (RFC 6749 §4.1.2, §10.5). */
  | { readonly verdict: 'replayed'; readonly code: StoredCode; readonly secondsAgo: number }

/** Decides whether a code may be redeemed. Checks every binding first (client, redirect URI, PKCE), then replay, expiry and the grant. */
export function judgeCode(code: StoredCode | undefined, redemption: Redemption): CodeVerdict {
  const refused = (error: ErrorName, detail: string): CodeVerdict => ({ verdict: 'refused', error, detail })
  if (!code) return refused('code_unknown', 'code: not found')
  const { id: grantId, clientId } = code.grant
  if (clientId !== redemption.clientId)
    return refused('code_unknown', `code: grant ${grantId} belongs to client ${clientId}`)
  // RFC 6749 §4.1.3: required and identical if the authorization request had one. Signet requires one in every request.
  if (redemption.redirectUri !== code.redirectUri)
    return refused('redirect_uri_differs', `redirect_uri: the request of grant ${grantId} had ${code.redirectUri}`)
  if (code.codeChallenge === undefined) {
    // RFC 9700 §2.1.1: a verifier without a challenge is a downgrade.
    if (redemption.codeVerifier !== undefined)
      return refused('code_verifier_unexpected', `code_verifier: the request of grant ${grantId} had no code_challenge`)
  } else if (redemption.codeVerifier === undefined) return refused('code_verifier_missing', `grant ${grantId}`)
  else if (!isPkceVerified(redemption.codeVerifier, code.codeChallenge))
    return refused(
      'code_verifier_wrong',
      `code_verifier: the request of grant ${grantId} had a different code_challenge`,
    )
  if (code.spentAgo !== undefined) return { verdict: 'replayed', code, secondsAgo: code.spentAgo }
  if (code.expired) return refused('code_unknown', `code: grant ${grantId}, older than ${authorizationCodeTtl} seconds`)
  // Whoever controls the document could otherwise redeem what a person allowed another version of the client.
  if (code.isDocumentChanged)
    return refused('client_document_changed', `code: the document of grant ${grantId} has changed since its request`)
  const { person } = code
  if (!person) return refused('code_unknown', `code: grant ${grantId} has ended`)
  return { verdict: 'good', code: { ...code, person } }
}

/** PKCE: whether the code_verifier belongs to the code_challenge. The only supported method is S256 (RFC 7636 §4.6). */
export function isPkceVerified(verifier: string, challenge: string): boolean {
  const computed = createHash('sha256').update(verifier, 'ascii').digest()
  return equalInConstantTime(computed, Buffer.from(challenge, 'base64url'))
}
