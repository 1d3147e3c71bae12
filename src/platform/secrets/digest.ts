import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A new random value of `bytes` bytes, in base64url. */
export function randomText(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}

/**
 * SHA-256 of a random secret, the form in which the database stores it. A slow hash is not needed, because 256 random bits cannot be
 * guessed, and this runs with every request. Passwords are hashed with argon2id instead.
 */
export function digest(secret: string | Buffer): Buffer {
  // A character for each byte. Node needs twice as long to return a buffer with memory of its own.
  return Buffer.from(hash('sha256', secret, 'binary'), 'binary')
}

/** Compares two values in a time that does not depend on where they differ. It may reveal their lengths, which are public. */
export function equalInConstantTime(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
