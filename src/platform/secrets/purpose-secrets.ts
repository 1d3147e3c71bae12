import { randomBytes } from 'node:crypto'
import type { Queryable } from '../database/queryable.ts'
import type { MasterKey } from './master-key.ts'
import { insertPurposeSecret, loadPurposeSecrets, type SealedPurposeSecret } from './purpose-secrets-store.ts'
import { type Purpose, type PurposeSecret, type PurposeSecrets, purposes } from './purposes.ts'

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

/**
 * Opens the secrets of all purposes.
 *
 * @returns undefined if there are purposes that have no secret yet
 * @throws MasterKeyError when the master key does not fit
 */
export function openPurposeSecrets(
  stored: readonly SealedPurposeSecret[],
  masterKey: Pick<MasterKey, 'unwrap'>,
): PurposeSecrets | undefined {
  const opened = purposes.map((purpose): [Purpose, PurposeSecret] => {
    const own = stored.filter((secret) => secret.purpose === purpose)
    const versions = new Map(own.map((secret) => [secret.version, openPurposeSecret(secret, masterKey)]))
    return [purpose, { newest: Math.max(...versions.keys()), versions }]
  })
  if (opened.some(([, { versions }]) => versions.size === 0)) return undefined
  return Object.fromEntries(opened) as unknown as PurposeSecrets
}

/**
 * Creates the secrets of purposes that have none, and opens all. To be called in a transaction that holds the lock of the
 * installation: whoever replaces the master key must see every secret that is sealed under the one before.
 *
 * @throws MasterKeyError when the master key does not open those that exist; then nothing must be kept
 */
export async function createPurposeSecrets(tx: Queryable, masterKey: MasterKey): Promise<PurposeSecrets> {
  const stored = await loadPurposeSecrets(tx)
  openPurposeSecrets(stored, masterKey)
  const missing = purposes.filter((purpose) => !stored.some((secret) => secret.purpose === purpose))
  const created = missing.map((purpose) => {
    const sealed = masterKey.wrap(randomBytes(32), associated(purpose, 1))
    return { purpose, version: 1, sealed }
  })
  for (const secret of created) await insertPurposeSecret(tx, secret)
  return openPurposeSecrets([...stored, ...created], masterKey) as PurposeSecrets
}
