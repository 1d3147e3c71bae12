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
 * Opens the secret of every purpose, and makes those that do not exist yet. To be called under the lock of the start.
 *
 * @throws MasterKeyError
 */
export async function openPurposeSecrets(tx: Queryable, masterKey: MasterKey): Promise<PurposeSecrets> {
  const stored = await loadPurposeSecrets(tx)
  const opened: [Purpose, PurposeSecret][] = []
  for (const purpose of purposes) {
    const versions = new Map(
      stored
        .filter((secret) => secret.purpose === purpose)
        .map((secret) => [secret.version, openPurposeSecret(secret, masterKey)]),
    )
    if (versions.size === 0) {
      const secret = randomBytes(32)
      await insertPurposeSecret(tx, { purpose, version: 1, sealed: masterKey.wrap(secret, associated(purpose, 1)) })
      versions.set(1, secret)
    }
    opened.push([purpose, { newest: Math.max(...versions.keys()), versions }])
  }
  return Object.fromEntries(opened) as unknown as PurposeSecrets
}
