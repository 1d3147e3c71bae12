import { installationLock } from '../platform/database/installation-store.ts'
import type { Lock } from '../platform/database/locked-transaction.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { type MasterKey, MasterKeyError } from '../platform/secrets/master-key.ts'
import { openPurposeSecret, resealPurposeSecret } from '../platform/secrets/purpose-secrets.ts'
import { loadPurposeSecrets, replacePurposeSeal } from '../platform/secrets/purpose-secrets-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Author } from './decide.ts'
import { loadRing, ringLock } from './key-ring-store.ts'
import { openSealedKey, resealKey } from './sealed-key.ts'
import { replaceSeal } from './signing-keys-store.ts'

/** How many were resealed. */
export interface Resealed {
  readonly signingKeys: number
  readonly purposeSecrets: number
}

/** The lock of the installation together with that of the ring. While it is held, no other node creates, replaces or seals anything. */
export const sealedLock: Lock = {
  purpose: 'setting up this installation, or changing its keys',
  tryLock: async (tx) => (await installationLock.tryLock(tx)) && ringLock.tryLock(tx),
}

/**
 * Reseals everything with the current master key, and changes nothing else. Call it under `sealedLock`.
 *
 * @throws MasterKeyError if there is a secret that neither the current nor the previous master key can open
 */
export async function reseal(tx: Queryable, masterKey: MasterKey, author: Author): Promise<Resealed> {
  const { signingKeys, purposeSecrets } = await loadSealed(tx)
  for (const secret of purposeSecrets) await replacePurposeSeal(tx, resealPurposeSecret(secret, masterKey))
  for (const { kid, sealedPrivateJwk } of signingKeys)
    await replaceSeal(
      tx,
      kid,
      ofKey(kid, () => resealKey(kid, sealedPrivateJwk, masterKey)),
    )
  const resealed = { signingKeys: signingKeys.length, purposeSecrets: purposeSecrets.length }
  await recordEvent(tx, {
    type: 'keys_resealed',
    by: author.by,
    detail: {
      ...(author.reason !== undefined && { reason: author.reason }),
      signing_keys: resealed.signingKeys,
      purpose_secrets: resealed.purposeSecrets,
    },
  })
  return resealed
}

/**
 * Checks that the master key can open everything. Call it under `sealedLock`.
 *
 * @throws MasterKeyError if it cannot open one of the secrets
 */
export async function assertAllOpen(tx: Queryable, masterKey: Pick<MasterKey, 'unwrap'>): Promise<void> {
  const { signingKeys, purposeSecrets } = await loadSealed(tx)
  for (const secret of purposeSecrets) openPurposeSecret(secret, masterKey)
  for (const { kid, sealedPrivateJwk } of signingKeys) ofKey(kid, () => openSealedKey(kid, sealedPrivateJwk, masterKey))
}

async function loadSealed(tx: Queryable) {
  const { keys } = await loadRing(tx)
  return {
    signingKeys: keys.flatMap(({ kid, sealedPrivateJwk }) => (sealedPrivateJwk ? [{ kid, sealedPrivateJwk }] : [])),
    purposeSecrets: await loadPurposeSecrets(tx),
  }
}

function ofKey<T>(kid: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (!(error instanceof MasterKeyError)) throw error
    throw new MasterKeyError(
      `The signing key ${kid} cannot be opened: it was sealed with another master key, or changed. Nothing was resealed. ` +
        `Restore that master key, or revoke the signing key: signet keys revoke ${kid}.`,
    )
  }
}
