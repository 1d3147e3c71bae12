import { randomText } from '../../platform/secrets/digest.ts'

/*
 * The secret in the link of a mail. Whoever has it can read mail at the address, so it is stored as a digest, expires, and works once.
 */

/** A new token: 256 random bits in base64url. */
export function newLinkToken(): string {
  return randomText(32)
}

/**
 * Reads the token of a link.
 *
 * @returns undefined for anything that `newLinkToken` does not return, such as a truncated one: there is nothing to look up
 */
export function readLinkToken(sent: string | undefined): string | undefined {
  return sent !== undefined && /^[\w-]{43}$/.test(sent) ? sent : undefined
}
