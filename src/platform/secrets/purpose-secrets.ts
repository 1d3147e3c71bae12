import { createHmac, hash, randomBytes } from 'node:crypto'
import { equalInConstantTime } from './digest.ts'
import type { MasterKey } from './master-key.ts'
import { seal, unseal } from './sealing.ts'

/** What a secret is used for. Each purpose has its own random, versioned secret, so that a leaked one affects a single use. */
export const purposes = [
  'refresh-mac',
  'request-sealing',
  'csrf',
  'session-id',
  'mail-sealing',
  'email-codes',
  'totp-sealing',
  'recovery-codes',
  'client-secrets',
] as const
export type Purpose = (typeof purposes)[number]

/** Purposes whose secrets protect only open pages and forms and links to them, mails that wait to be sent, and codes in recent mails. */
export const pagePurposes: readonly Purpose[] = ['request-sealing', 'csrf', 'mail-sealing', 'email-codes']

/** Days for which a superseded version of these is accepted: as long as a sign-in lasts by default. Pages are not open for longer. */
export const pageSecretDays = 30

/** The versions of one purpose's secret. The current one creates MACs and sealed texts; all of them are accepted. */
export interface PurposeSecret {
  readonly current: number
  readonly versions: ReadonlyMap<number, Buffer>
}

export type PurposeSecrets = Readonly<Record<Purpose, PurposeSecret>>

/** The secrets of a running node. Each member is current at the moment when it is read. */
export interface LiveSecrets extends PurposeSecrets {
  /**
   * Reloads the versions, because a value was presented that none of them matches: another node may have learned of a new version a moment
   * earlier. How often this queries the database is limited, so that forgeries do not cost a query each.
   */
  reload(): Promise<void>
}

/** HMAC-SHA-256 with one version of a purpose's secret; undefined if that version does not exist. */
export function mac(secret: PurposeSecret, version: number, data: Buffer | string): Buffer | undefined {
  const key = secret.versions.get(version)
  return key && createHmac('sha256', key).update(data).digest()
}

/** HMAC-SHA-256 with the current version. */
export function currentMac(secret: PurposeSecret, data: Buffer | string): Buffer {
  return mac(secret, secret.current, data) as Buffer
}

/** Whether a MAC was made with one of the versions. Each comparison takes constant time. */
export function isMacOf(secret: PurposeSecret, data: Buffer | string, presented: Buffer): boolean {
  return [...secret.versions.keys()].some((version) =>
    equalInConstantTime(mac(secret, version, data) as Buffer, presented),
  )
}

/** The version in a sealed text has two bytes. */
export const maxVersion = 0xffff

/**
 * Seals a value that others will store or transmit. The first bytes are the secret's version; `associated` binds the value to its use.
 *
 * @returns base64url
 */
export function sealText(secret: PurposeSecret, text: string, associated: string): string {
  const version = Buffer.alloc(2)
  version.writeUInt16BE(secret.current)
  const key = secret.versions.get(secret.current) as Buffer
  return Buffer.concat([version, seal(key, Buffer.from(text), associated)]).toString('base64url')
}

/** Opens a value made by `sealText`; undefined for anything else. */
export function unsealText(secret: PurposeSecret, sealed: string, associated: string): string | undefined {
  const parts = partsOf(sealed)
  const key = parts && secret.versions.get(parts.version)
  return key && unseal(key, parts.body, associated)?.toString('utf8')
}

/**
 * The secret to open a sealed text with. Reloads the secrets if the text has a version that this node does not know.
 *
 * @throws what reloading throws: a text that may be valid is not rejected because the database is unavailable
 */
export async function secretFor(
  secrets: LiveSecrets,
  purpose: Purpose,
  sealed: string | undefined,
): Promise<PurposeSecret> {
  const parts = sealed === undefined ? undefined : partsOf(sealed)
  if (parts && !secrets[purpose].versions.has(parts.version)) await secrets.reload()
  return secrets[purpose]
}

function partsOf(sealed: string): { readonly version: number; readonly body: Buffer } | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(sealed)) return undefined
  const bytes = Buffer.from(sealed, 'base64url')
  return bytes.length < 2 ? undefined : { version: bytes.readUInt16BE(0), body: bytes.subarray(2) }
}

/** A version, sealed with the master key. */
export interface SealedPurposeSecret {
  readonly purpose: string
  readonly version: number
  readonly sealed: Buffer
}

/** A version as stored in the database. */
export interface StoredPurposeSecret extends SealedPurposeSecret {
  /** Milliseconds since 1970. */
  readonly publishedAt: number
  /** Milliseconds since 1970; -Infinity for the only version of a release that did not have several. */
  readonly activatesAt: number
}

/** One version of a purpose's secret, opened. Milliseconds since 1970. */
export interface SecretVersion {
  readonly purpose: Purpose
  readonly version: number
  readonly secret: Buffer
  /** Identifies this value among others of the same number, without revealing it: 128 bits of a digest of 256 random bits. */
  readonly fingerprint: string
  readonly publishedAt: number
  readonly activatesAt: number
}

const associated = (purpose: string, version: number) => `purpose-secret:${purpose}:${version}`

/** @throws MasterKeyError if the master key cannot open it */
export function openPurposeSecret(
  { purpose, version, sealed }: SealedPurposeSecret,
  masterKey: Pick<MasterKey, 'unwrap'>,
): Buffer {
  return masterKey.unwrap(sealed, associated(purpose, version))
}

/**
 * Reseals a secret with the current master key.
 *
 * @throws MasterKeyError if neither the current nor the previous master key can open it
 */
export function resealPurposeSecret(secret: SealedPurposeSecret, masterKey: MasterKey): SealedPurposeSecret {
  const { purpose, version } = secret
  return {
    purpose,
    version,
    sealed: masterKey.wrap(openPurposeSecret(secret, masterKey), associated(purpose, version)),
  }
}

/** A new random secret, sealed. */
export function sealNewSecret(purpose: Purpose, version: number, masterKey: MasterKey): SealedPurposeSecret {
  return { purpose, version, sealed: masterKey.wrap(randomBytes(32), associated(purpose, version)) }
}

/**
 * Opens versions. Those of purposes that this release does not know are left out: a later release created them.
 *
 * @throws MasterKeyError if the master key cannot open one
 */
export function openVersions(
  stored: readonly StoredPurposeSecret[],
  masterKey: Pick<MasterKey, 'unwrap'>,
): SecretVersion[] {
  return stored.flatMap((row) => {
    const purpose = purposes.find((known) => known === row.purpose)
    if (!purpose) return []
    const { version, publishedAt, activatesAt } = row
    const secret = openPurposeSecret(row, masterKey)
    return [{ purpose, version, secret, fingerprint: fingerprintOf(purpose, secret), publishedAt, activatesAt }]
  })
}

function fingerprintOf(purpose: Purpose, secret: Buffer): string {
  return hash('sha256', Buffer.concat([Buffer.from(`signet purpose secret ${purpose} `), secret]), 'buffer')
    .subarray(0, 16)
    .toString('base64url')
}
