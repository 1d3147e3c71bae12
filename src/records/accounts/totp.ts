import { randomBytes } from 'node:crypto'
import {
  type LiveSecrets,
  type PurposeSecret,
  sealText,
  secretFor,
  unsealText,
} from '../../platform/secrets/purpose-secrets.ts'
import type { Sub } from '../ids.ts'

/*
 * One-time codes from an authenticator app (TOTP, RFC 6238). All apps support SHA-1, six digits and 30 seconds, and some ignore what else a QR code asks
 * for. HMAC-SHA-1 does not depend on the resistance to collisions that SHA-1 has lost (RFC 4226 §B.1).
 */

const digits = 6
/** Seconds for which an app shows a code. */
const period = 30
/** How many steps the clock of a phone may be off, in both directions (RFC 6238 §5.2 and §6). */
const drift = 1

/** A new secret of 160 bits, as RFC 4226 §4 (R6) recommends. */
export function newTotpSecret(): Buffer {
  return randomBytes(20)
}

/** What a QR code or a link gives to an authenticator app. `key` is the secret in base32, for somebody who types it. */
export interface TotpSetUp {
  readonly uri: string
  readonly key: string
}

/**
 * @param labels how the app names the code: the name of this installation, and that of the person
 */
export async function totpSetUp(
  secret: Buffer,
  labels: { readonly issuer: string; readonly person: string },
): Promise<TotpSetUp> {
  const { Secret, TOTP } = await import('otpauth')
  const own = new Secret({ buffer: arrayBufferOf(secret) })
  // A colon separates the two names in the label, even if it is encoded.
  const issuer = labels.issuer.replaceAll(':', ' ')
  const totp = new TOTP({ secret: own, issuer, label: labels.person, algorithm: 'SHA1', digits, period })
  return { uri: totp.toString(), key: own.base32 }
}

/**
 * Reads a one-time code as people type or paste it.
 *
 * @returns six digits; undefined for anything else, which does not count as a guess
 */
export function readOneTimeCode(typed: string | undefined): string | undefined {
  const code = (typed ?? '')
    .slice(0, 40)
    .normalize('NFKC')
    .replaceAll(/[\s\p{Pd}]/gu, '')
  return /^[0-9]{6}$/.test(code) ? code : undefined
}

/**
 * The time step whose code somebody entered. It must be stored (`useTotp`), because no code is accepted twice (RFC 6238 §5.2).
 *
 * @param code six digits
 * @param now milliseconds since 1970
 * @param lastStep the step of the newest code that was accepted. Codes up to that one are refused, also if the clock has gone back
 * @returns undefined if the code is wrong
 */
export async function acceptedStep(
  secret: Buffer,
  code: string,
  now: number,
  lastStep: number,
): Promise<number | undefined> {
  const { Secret, TOTP } = await import('otpauth')
  const own = new Secret({ buffer: arrayBufferOf(secret) })
  const current = Math.floor(now / 1000 / period)
  let accepted: number | undefined
  // All of them are compared. If two steps have the same code, the later one counts, so that the same digits are not accepted again.
  for (let step = current - drift; step <= current + drift; step++) {
    const timestamp = step * period * 1000
    const options = { secret: own, algorithm: 'SHA1', digits, period, timestamp, window: 0 }
    if (TOTP.validate({ ...options, token: code }) === 0 && step > lastStep) accepted = step
  }
  return accepted
}

/** A secret as it is stored. */
export interface SealedTotp {
  readonly sealed: string
  /** The version of the purpose secret `totp-sealing`. */
  readonly version: number
}

/** Seals the secret of an account, so that a copy of the database is not enough to compute its codes. */
export function sealTotp(secret: PurposeSecret, sub: Sub, totpSecret: Buffer): SealedTotp {
  return { sealed: sealText(secret, totpSecret.toString('base64url'), associated(sub)), version: secret.current }
}

/**
 * Opens the secret of an account.
 *
 * @returns undefined if the secret it was sealed with has been revoked after a leak. The person needs another factor, and sets up the app again
 * @throws what reloading the secrets throws
 */
export async function unsealTotp(
  secrets: LiveSecrets,
  sub: Sub,
  { sealed }: Pick<SealedTotp, 'sealed'>,
): Promise<Buffer | undefined> {
  const opened = unsealText(await secretFor(secrets, 'totp-sealing', sealed), sealed, associated(sub))
  return opened === undefined ? undefined : Buffer.from(opened, 'base64url')
}

const associated = (sub: Sub) => `totp-secret:${sub}`

/** A copy, because a buffer of Node can be part of a larger one. */
function arrayBufferOf(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer
}
