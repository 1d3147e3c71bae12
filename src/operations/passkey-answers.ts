import { hash } from 'node:crypto'
import { parseJsonObject } from '#verify/strict-json'

/*
 * What browsers send after they have used or created a passkey, as JSON in a form (Web Authentication Level 3 §5.1.7, `toJSON`). Anybody can send anything, so
 * every part is checked before it is used.
 */

/** Why an answer was not accepted, for the operator. The person is told the same for all of them. */
export type PasskeyRefusal =
  | 'malformed'
  | 'challenge'
  | 'origin'
  | 'unknown'
  | 'other_account'
  | 'user_handle'
  | 'rp_id'
  | 'user_verification'
  | 'backup_eligibility'
  | 'signature'
  | 'replayed'
  | 'counter'
  | 'removed'
  | 'disabled'

/** An answer that has the right form. Nothing in it has been checked against anything. */
export interface PasskeyAnswer {
  /** As JSON, for the library that verifies signatures. */
  readonly json: Readonly<Record<string, unknown>> & { readonly response: Readonly<Record<string, unknown>> }
  readonly credentialId: Buffer
  readonly clientData: ClientData
}

/** Web Authentication Level 3 §5.8.1. */
interface ClientData {
  readonly type: unknown
  readonly challenge: string
  readonly origin: unknown
  readonly crossOrigin: unknown
}

/** Characters. An answer has some hundred; that of a creation with the largest keys a few thousand. */
const maxLength = 16_384

/** Bytes (Web Authentication Level 3 §4, "Credential ID"). */
const maxCredentialId = 1023

/** @returns undefined if the text does not have the form of an answer */
export function readPasskeyAnswer(text: string | undefined): PasskeyAnswer | undefined {
  if (text === undefined || text.length > maxLength) return undefined
  const json = objectIn(text)
  const { id, rawId, type, response } = json ?? {}
  if (!json || !isBase64url(id) || rawId !== id || type !== 'public-key' || !isObject(response)) return undefined
  const credentialId = Buffer.from(id, 'base64url')
  if (credentialId.length > maxCredentialId || !isBase64url(response['clientDataJSON'])) return undefined
  const clientData = objectIn(Buffer.from(response['clientDataJSON'], 'base64url').toString('utf8'))
  const { type: ceremony, challenge, origin, crossOrigin } = clientData ?? {}
  if (typeof challenge !== 'string') return undefined
  return {
    json: { ...json, response },
    credentialId,
    clientData: { type: ceremony, challenge, origin, crossOrigin },
  }
}

/**
 * Whether the answer was given on a page of ours. A page of ours in a frame of another site does not count (Web Authentication Level 3 §7.1 steps 9
 * and 10, §7.2 steps 12 and 13), although no browser shows one: `frame-ancestors` forbids it.
 */
export function isFromOurPage({ origin, crossOrigin }: ClientData, issuer: string): boolean {
  return origin === issuer && (crossOrigin === undefined || crossOrigin === false)
}

/** The beginning of the authenticator data (Web Authentication Level 3 §6.1). */
interface AuthenticatorFlags {
  readonly isOurs: boolean
  /** Whether the person was present, and the authenticator has verified who they are: by a PIN, a fingerprint, a face. */
  readonly isVerified: boolean
  readonly isBackupEligible: boolean
  readonly isBackedUp: boolean
}

/**
 * @param authenticatorData base64url
 * @param rpId the RP ID that the passkey must be for
 * @returns undefined if there is no such data
 */
export function readAuthenticatorFlags(authenticatorData: unknown, rpId: string): AuthenticatorFlags | undefined {
  if (!isBase64url(authenticatorData)) return undefined
  const bytes = Buffer.from(authenticatorData, 'base64url')
  const flags = bytes[32]
  if (flags === undefined) return undefined
  const [present, verified, backupEligible, backedUp] = [0x01, 0x04, 0x08, 0x10]
  return {
    isOurs: bytes.subarray(0, 32).equals(hash('sha256', rpId, 'buffer')),
    isVerified: (flags & present) !== 0 && (flags & verified) !== 0,
    isBackupEligible: (flags & backupEligible) !== 0,
    isBackedUp: (flags & backedUp) !== 0,
  }
}

/** Transports that are stored (Web Authentication Level 3 §5.8.4). Browsers ignore those that they do not know, and so does Signet. */
const knownTransports = ['ble', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb']

/** The transports that the browser reports for a new passkey. */
export function readTransports(transports: unknown): readonly string[] {
  return Array.isArray(transports) ? knownTransports.filter((known) => transports.includes(known)) : []
}

export function isBase64url(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]+$/.test(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    return parseJsonObject(text)
  } catch {
    return undefined
  }
}
