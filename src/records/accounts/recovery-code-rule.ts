import { randomInt } from 'node:crypto'
import { equalInConstantTime } from '../../platform/secrets/digest.ts'
import { currentMac, mac, type PurposeSecret } from '../../platform/secrets/purpose-secrets.ts'
import type { Sub } from '../ids.ts'

/*
 * Codes for somebody who has lost the other factors: the look-up secrets of NIST SP 800-63B-4 §3.1.2. They have more than the 64 bits from which on guesses
 * need no limit (§3.1.2.2). A MAC is enough to store them, as a slow hash is needed only for what can be guessed.
 */

/** How many codes a set has. */
export const recoveryCodeCount = 10

/** Crockford's base32: without I, L, O and U, which are easily mistaken for others. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const groups = 3
const groupLength = 5

/** Ten different codes of 75 bits, such as `7K3MP-9QXDA-40ZTW`. */
export function newRecoveryCodes(): readonly string[] {
  const codes = new Set<string>()
  while (codes.size < recoveryCodeCount) codes.add(newCode())
  return [...codes]
}

/** `randomInt` has no bias. */
function newCode(): string {
  const group = () => Array.from({ length: groupLength }, () => alphabet[randomInt(alphabet.length)]).join('')
  return Array.from({ length: groups }, group).join('-')
}

/**
 * Reads a recovery code as people type or paste it: with or without separators, in upper or lower case, and with letters for the digits that look like
 * them.
 *
 * @returns its characters without separators; undefined for anything else, which does not count as a guess
 */
export function readRecoveryCode(typed: string | undefined): string | undefined {
  const code = (typed ?? '')
    .slice(0, 80)
    .normalize('NFKC')
    .replaceAll(/[\s\p{Pd}._]/gu, '')
    .toUpperCase()
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
  return code.length === groups * groupLength && [...code].every((character) => alphabet.includes(character))
    ? code
    : undefined
}

/** A recovery code as it is stored. */
export interface StoredRecoveryCode {
  readonly mac: Buffer
  /** The version of the purpose secret `recovery-codes`. */
  readonly version: number
}

const macInput = (sub: Sub, code: string) => `recovery-code:${sub}:${code}`

/** @param code as `newRecoveryCodes` returns it */
export function storedRecoveryCode(secret: PurposeSecret, sub: Sub, code: string): StoredRecoveryCode {
  return { mac: currentMac(secret, macInput(sub, readRecoveryCode(code) as string)), version: secret.current }
}

/**
 * The stored code that somebody entered. Each has its own version of the secret, and each is compared in constant time.
 *
 * @param code as `readRecoveryCode` returns it
 * @returns undefined if there is none. A code whose version is gone matches nothing: the secret was revoked after a leak
 */
export function matchingRecoveryCode(
  secret: PurposeSecret,
  sub: Sub,
  stored: readonly StoredRecoveryCode[],
  code: string,
): StoredRecoveryCode | undefined {
  const input = macInput(sub, code)
  return stored.filter((one) => {
    const expected = mac(secret, one.version, input)
    return expected !== undefined && equalInConstantTime(expected, one.mac)
  })[0]
}

/** The codes that still work: a version that was revoked is gone. */
export function usableRecoveryCodes(
  secret: PurposeSecret,
  stored: readonly StoredRecoveryCode[],
): readonly StoredRecoveryCode[] {
  return stored.filter(({ version }) => secret.versions.has(version))
}
