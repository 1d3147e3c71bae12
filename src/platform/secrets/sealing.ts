import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const nonceBytes = 12
const tagBytes = 16

/**
 * Seals with AES-256-GCM: nonce ‖ ciphertext ‖ tag (NIST SP 800-38D, a random 96-bit nonce).
 *
 * @param key 32 bytes
 * @param associated what the value belongs to (additional authenticated data); unsealing it as anything else fails
 */
export function seal(key: Buffer, plain: Buffer, associated: string): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(associated))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** Opens a value made by `seal`. Returns undefined if the key, the associated data or a single bit differs. */
export function unseal(key: Buffer, sealed: Buffer, associated: string): Buffer | undefined {
  if (sealed.length < nonceBytes + tagBytes) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes })
    .setAAD(Buffer.from(associated))
    .setAuthTag(sealed.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
  } catch {
    return undefined
  }
}
