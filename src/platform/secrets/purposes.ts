import { createHmac } from 'node:crypto'
import { seal, unseal } from './sealing.ts'

/** What a secret is for. Each has its own random, versioned value, so that losing one loses one thing. */
export const purposes = ['refresh-mac', 'request-sealing', 'csrf', 'session-id'] as const
export type Purpose = (typeof purposes)[number]

/** The versions of one purpose's secret: the newest makes, all of them check. */
export interface PurposeSecret {
  readonly newest: number
  readonly versions: ReadonlyMap<number, Buffer>
}

export type PurposeSecrets = Readonly<Record<Purpose, PurposeSecret>>

/** HMAC-SHA-256 under one version of a purpose's secret; undefined where that version does not exist. */
export function mac(secret: PurposeSecret, version: number, data: Buffer | string): Buffer | undefined {
  const key = secret.versions.get(version)
  return key && createHmac('sha256', key).update(data).digest()
}

/** HMAC-SHA-256 under the newest version. */
export function newestMac(secret: PurposeSecret, data: Buffer | string): Buffer {
  return mac(secret, secret.newest, data) as Buffer
}

/**
 * Seals a value that travels through other hands. The first bytes name the secret's version; `associated` ties it to its use.
 *
 * @returns base64url
 */
export function sealText(secret: PurposeSecret, text: string, associated: string): string {
  const version = Buffer.alloc(2)
  version.writeUInt16BE(secret.newest)
  const key = secret.versions.get(secret.newest) as Buffer
  return Buffer.concat([version, seal(key, Buffer.from(text), associated)]).toString('base64url')
}

/** Opens what `sealText` made; undefined for anything else. */
export function unsealText(secret: PurposeSecret, sealed: string, associated: string): string | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(sealed)) return undefined
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.length < 2) return undefined
  const key = secret.versions.get(bytes.readUInt16BE(0))
  return key && unseal(key, bytes.subarray(2), associated)?.toString('utf8')
}
