import { createHmac, hash, randomBytes } from 'node:crypto'
import { equalInConstantTime } from './digest.ts'
import type { MasterKey } from './master-key.ts'
import { seal, unseal } from './sealing.ts'

/** What a secret is for. Each has its own random, versioned value, so that losing one loses one thing. */
export const purposes = ['refresh-mac', 'request-sealing', 'csrf', 'session-id'] as const
export type Purpose = (typeof purposes)[number]

/** Purposes whose secrets only guard pages and forms that are open, and addresses that lead to them. */
export const pagePurposes: readonly Purpose[] = ['request-sealing', 'csrf']

/** Days for which a superseded version of these is accepted. No page is open for longer than a sign-in lasts; by default that is as long. */
export const pageDays = 30

/** The versions of one purpose's secret: the current one makes, all of them check. */
export interface PurposeSecret {
  readonly current: number
  readonly versions: ReadonlyMap<number, Buffer>
}

export type PurposeSecrets = Readonly<Record<Purpose, PurposeSecret>>

/** The secrets of a running node, as they are at the moment at which a member is read. */
export interface LiveSecrets extends PurposeSecrets {
  /**
   * Reads the versions again, because something was presented that none of them fits: another node may have learned of a new version
   * a moment earlier. How often this asks the database is bounded, so that forgeries do not cost a query each.
   */
  readAgain(): Promise<void>
}

/** HMAC-SHA-256 under one version of a purpose's secret; undefined where that version does not exist. */
export function mac(secret: PurposeSecret, version: number, data: Buffer | string): Buffer | undefined {
  const key = secret.versions.get(version)
  return key && createHmac('sha256', key).update(data).digest()
}

/** HMAC-SHA-256 under the current version. */
export function currentMac(secret: PurposeSecret, data: Buffer | string): Buffer {
  return mac(secret, secret.current, data) as Buffer
}

/** Whether a MAC was made under one of the versions; each comparison takes constant time. */
export function isMacOf(secret: PurposeSecret, data: Buffer | string, presented: Buffer): boolean {
  return [...secret.versions.keys()].some((version) =>
    equalInConstantTime(mac(secret, version, data) as Buffer, presented),
  )
}

/** Sealed text names its version in two bytes. */
export const maxVersion = 0xffff

/**
 * Seals a value that travels through other hands. The first bytes name the secret's version; `associated` ties it to its use.
 *
 * @returns base64url
 */
export function sealText(secret: PurposeSecret, text: string, associated: string): string {
  const version = Buffer.alloc(2)
  version.writeUInt16BE(secret.current)
  const key = secret.versions.get(secret.current) as Buffer
  return Buffer.concat([version, seal(key, Buffer.from(text), associated)]).toString('base64url')
}

/** Opens what `sealText` made; undefined for anything else. */
export function unsealText(secret: PurposeSecret, sealed: string, associated: string): string | undefined {
  const parts = partsOf(sealed)
  const key = parts && secret.versions.get(parts.version)
  return key && unseal(key, parts.body, associated)?.toString('utf8')
}

/**
 * The secret that a sealed text is to be opened with: read again where the text names a version that this node does not know.
 *
 * @throws what reading throws: a text that might be good is not refused because the database is away
 */
export async function secretFor(
  secrets: LiveSecrets,
  purpose: Purpose,
  sealed: string | undefined,
): Promise<PurposeSecret> {
  const parts = sealed === undefined ? undefined : partsOf(sealed)
  if (parts && !secrets[purpose].versions.has(parts.version)) await secrets.readAgain()
  return secrets[purpose]
}

function partsOf(sealed: string): { readonly version: number; readonly body: Buffer } | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(sealed)) return undefined
  const bytes = Buffer.from(sealed, 'base64url')
  return bytes.length < 2 ? undefined : { version: bytes.readUInt16BE(0), body: bytes.subarray(2) }
}

/** A version as it is sealed under the master key. */
export interface SealedPurposeSecret {
  readonly purpose: string
  readonly version: number
  readonly sealed: Buffer
}

/** A version as the database has it. Milliseconds since 1970; the first version of a release that had no others: -Infinity. */
export interface StoredPurposeSecret extends SealedPurposeSecret {
  readonly publishedAt: number
  readonly activatesAt: number
}

/** One version of a purpose's secret, opened. Milliseconds since 1970. */
export interface SecretVersion {
  readonly purpose: Purpose
  readonly version: number
  readonly secret: Buffer
  /** Tells this value from any other of the same number, and nothing about it: 128 bits of a digest of 256 random ones. */
  readonly fingerprint: string
  readonly publishedAt: number
  readonly activatesAt: number
}

const associated = (purpose: string, version: number) => `purpose-secret:${purpose}:${version}`

/** @throws MasterKeyError when the master key does not fit */
export function openPurposeSecret(
  { purpose, version, sealed }: SealedPurposeSecret,
  masterKey: Pick<MasterKey, 'unwrap'>,
): Buffer {
  return masterKey.unwrap(sealed, associated(purpose, version))
}

/**
 * The same secret under the present master key.
 *
 * @throws MasterKeyError when neither master key fits
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
 * Opens versions. What belongs to a purpose that this release does not know is left out: a later release has been here.
 *
 * @throws MasterKeyError when the master key does not fit
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
