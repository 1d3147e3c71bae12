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

/** How many were sealed anew. */
export interface Resealed {
  readonly signingKeys: number
  readonly purposeSecrets: number
}

/** No other node creates, replaces or seals anything while this is held: it is the lock of the installation and that of the ring. */
export const sealedLock: Lock = {
  purpose: 'setting up this installation, or changing its keys',
  tryLock: async (tx) => (await installationLock.tryLock(tx)) && ringLock.tryLock(tx),
}

/**
 * Seals everything anew under the present master key, and changes nothing else. To be called under `sealedLock`.
 *
 * @throws MasterKeyError when something opens under neither master key
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
 * Opens everything, and drops what it has opened. To be called under `sealedLock`.
 *
 * @throws MasterKeyError when the key does not open all
 */
export async function demandAllOpens(tx: Queryable, masterKey: Pick<MasterKey, 'unwrap'>): Promise<void> {
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
      `The signing key ${kid} does not open: it was sealed under another master key, or changed. Nothing was sealed anew. ` +
        `Put that master key back, or give the key up: signet keys revoke ${kid}.`,
    )
  }
}
