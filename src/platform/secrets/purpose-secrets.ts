import { hash, randomBytes } from 'node:crypto'
import type { MasterKey } from './master-key.ts'
import type { SealedPurposeSecret, StoredPurposeSecret } from './purpose-secrets-store.ts'
import { type Purpose, purposes } from './purposes.ts'

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
