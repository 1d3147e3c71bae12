import { offersPasskeys } from '../records/accounts/factors.ts'
import type { Passkey } from '../records/accounts/passkeys-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { newChallenge, type PasskeyCreationPurpose, type PasskeyPurpose } from './passkey-challenges.ts'

/** COSE algorithms (RFC 9053 §2): EdDSA, ES256 and RS256, which cover all authenticators that exist. */
export const passkeyAlgorithms = [-8, -7, -257]

/** Milliseconds that the browser gives the person. The challenge lives longer. */
const timeout = 300_000

/** The RP ID: the host name of the issuer (Web Authentication Level 3 §5.1.2). All ports of the host share its passkeys; the origin is checked as well. */
export function relyingPartyId({ issuer }: { readonly issuer: string }): string {
  return new URL(issuer).hostname
}

/** What a passkey is asked for. */
export interface PasskeyRequest {
  /** The digest of the browser's cookie. */
  readonly browserDigest: Buffer
  /** The account whose passkey is needed. Undefined at sign-in: the passkey says whose it is. */
  readonly sub?: Sub | undefined
  /** The passkeys of the account, so that a security key that does not list its passkeys works as well. */
  readonly allow?: readonly Passkey[] | undefined
  readonly use: PasskeyPurpose
}

/**
 * What the page of a form gives the browser to ask for a passkey.
 *
 * @returns `PublicKeyCredentialRequestOptionsJSON` as text, for `data-options`; undefined if the issuer cannot have passkeys
 * @throws KeysUnavailable if this node cannot confirm its secrets
 */
export function passkeyRequestOptions(signet: Signet, request: PasskeyRequest): string | undefined {
  const { browserDigest, sub, allow = [], use } = request
  if (!offersPasskeys(signet.settings)) return undefined
  return JSON.stringify({
    challenge: newChallenge(signet, { ceremony: 'get', use, browserDigest, sub }),
    rpId: relyingPartyId(signet.settings),
    allowCredentials: allow.map(descriptorOf),
    userVerification: 'required',
    timeout,
  })
}

/** What a passkey is created for. */
export interface PasskeyCreation {
  /** The digest of the browser's cookie. */
  readonly browserDigest: Buffer
  /** The account, which may be about to be created. */
  readonly sub: Sub
  /** What the person signs in with: the browser shows it in the list of passkeys. A form that asks for it can replace it (`nameFrom` of the button). */
  readonly name: string
  readonly displayName: string
  /** The passkeys of the account: an authenticator that has one of them creates no other. */
  readonly existing: readonly Passkey[]
  readonly use: PasskeyCreationPurpose
}

/**
 * What the page of a form gives the browser to create a passkey. The user handle is the `sub`, which contains nothing personal (Web Authentication
 * Level 3 §14.6.1). No attestation is asked for: what model of authenticator a person has is no concern of Signet.
 *
 * @returns `PublicKeyCredentialCreationOptionsJSON` as text, for `data-options`; undefined if the issuer cannot have passkeys
 * @throws KeysUnavailable if this node cannot confirm its secrets
 */
export function passkeyCreationOptions(signet: Signet, creation: PasskeyCreation): string | undefined {
  const { browserDigest, sub, name, displayName, existing, use } = creation
  const { settings, brand } = signet
  if (!offersPasskeys(settings)) return undefined
  return JSON.stringify({
    challenge: newChallenge(signet, { ceremony: 'create', use, browserDigest, sub }),
    rp: { id: relyingPartyId(settings), name: brand.name },
    user: { id: Buffer.from(sub).toString('base64url'), name, displayName },
    pubKeyCredParams: passkeyAlgorithms.map((alg) => ({ type: 'public-key', alg })),
    excludeCredentials: existing.map(descriptorOf),
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    attestation: 'none',
    timeout,
  })
}

function descriptorOf({ credentialId, transports }: Passkey) {
  return { type: 'public-key', id: credentialId.toString('base64url'), transports }
}
