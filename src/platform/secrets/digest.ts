import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A fresh random value of `bytes` bytes, base64url. */
export function randomText(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}

/**
 * SHA-256 of a random secret, the form in which the database holds it. No slow hash: 256 random bits cannot be guessed, and
 * this runs with every request. Passwords go through argon2id instead.
 */
export function digest(secret: string | Buffer): Buffer {
  return hash('sha256', secret, 'buffer')
}

/** Compares in a time that tells nothing of where two values differ. Only lengths, which are public, may show. */
export function equalInConstantTime(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
