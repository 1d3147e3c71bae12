import { randomInt } from 'node:crypto'
import { equalInConstantTime } from '../../platform/secrets/digest.ts'
import { currentMac, mac, type PurposeSecret } from '../../platform/secrets/purpose-secrets.ts'

/*
 * The six-digit code of a mail, for somebody who reads the mail on another device. It confirms an address, like the codes of NIST SP 800-63B-4
 * §4.2.1.2: six digits, random, and limited guesses. It is no authentication, for which e-mail must not be used (§3.1.3.1). A code is short, so it
 * works only in the browser that asked for the mail, and only for five guesses.
 */

/** How often a wrong code may be entered before all codes that wait in this browser are void. The links in the mails still work. */
export const maxWrongCodes = 5

/** What a code is bound to. */
export interface CodePlace {
  /** The digest of the secret in the link of the same mail. */
  readonly digest: Buffer
  /** The digest of the cookie of the browser that asked. */
  readonly browserDigest: Buffer
}

/** Six random digits. `randomInt` has no bias. */
export function newCode(): string {
  return String(randomInt(1_000_000)).padStart(6, '0')
}

/**
 * Reads a code as people type or paste it.
 *
 * @returns six digits; undefined for anything else, which does not count as a guess
 */
export function readCode(typed: string | undefined): string | undefined {
  const code = (typed ?? '')
    .slice(0, 40)
    .normalize('NFKC')
    .replaceAll(/[\s\p{Pd}]/gu, '')
  return /^[0-9]{6}$/.test(code) ? code : undefined
}

const macInput = ({ digest, browserDigest }: CodePlace, code: string) =>
  `email-code:${digest.toString('hex')}:${browserDigest.toString('hex')}:${code}`

/** The MAC under which a code is stored, with the current version of the secret. */
export function codeMac(secret: PurposeSecret, place: CodePlace, code: string): Buffer {
  return currentMac(secret, macInput(place, code))
}

/** Whether a code is the one of a mail, compared in constant time. False if the version of the secret is gone: it was replaced after a leak. */
export function isCodeOf(
  secret: PurposeSecret,
  stored: CodePlace & { readonly codeMac: Buffer; readonly codeVersion: number },
  code: string,
): boolean {
  const expected = mac(secret, stored.codeVersion, macInput(stored, code))
  return expected !== undefined && equalInConstantTime(expected, stored.codeMac)
}
