import { hash, randomFillSync, timingSafeEqual } from 'node:crypto'

/** Random bytes for the next values. Requesting 4 KB takes about as long as requesting 32 bytes; Node does the same for UUIDs. */
const reserve = Buffer.alloc(4096)
let taken = reserve.length

/** A new random value of `bytes` bytes, at most 4096. */
export function randomText(bytes: number, encoding: 'base64url' | 'hex' = 'base64url'): string {
  if (taken + bytes > reserve.length) {
    randomFillSync(reserve)
    taken = 0
  }
  const end = taken + bytes
  const text = reserve.toString(encoding, taken, end)
  // No value is kept here, nor given out twice.
  reserve.fill(0, taken, end)
  taken = end
  return text
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
