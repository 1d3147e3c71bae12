import { rm } from 'node:fs/promises'
import { assertAllOpen, type Resealed, reseal, sealedLock } from '../key-ring/reseal.ts'
import { inLockedTransaction, type LockWait } from '../platform/database/locked-transaction.ts'
import { currentMasterKey, openMasterKey } from '../platform/secrets/master-key.ts'
import {
  activateNewKey,
  forgetPreviousKey,
  keepPreviousKey,
  masterKeyFile,
  prepareNewKey,
} from '../platform/secrets/master-key-file.ts'
import type { Signet } from '../signet.ts'
import { authorOf, type Operator } from './actor.ts'

export type ResealOutcome =
  | ({
      readonly outcome: 'resealed'
      /** Whether there was a previous key file, and it is deleted now. */
      readonly hasForgotten: boolean
    } & Resealed)
  /** The master key is in SIGNET_MASTER_KEY, so only whoever sets that can replace or forget one. */
  | { readonly outcome: 'master_key_is_setting' }

/**
 * Seals all keys and secrets anew under the present master key. Nothing else changes. All of it is under one lock: if two commands made a
 * new master key at the same time, one of the keys would be lost. If this is cut short, `master.key.previous` opens what has not been sealed
 * anew.
 *
 * A new key is written before the lock is taken, because that waits for the disk. It gets its name under the lock, and the folder is synced
 * there: what is sealed under the new key must not be committed before that.
 *
 * @param masterKey `new`: make another `master.key` first, and keep the one before it as `master.key.previous`. `present and no other`: delete
 *   `master.key.previous` once everything opens without it
 * @param wait how to wait while another node changes keys
 * @throws MasterKeyError when something opens under neither master key; what `inLockedTransaction` throws
 */
export async function resealEverything(
  { database, settings }: Pick<Signet, 'database' | 'settings'>,
  actor: Operator,
  {
    masterKey,
    reason,
  }: { readonly masterKey: 'present' | 'new' | 'present and no other'; readonly reason: string | undefined },
  wait: LockWait,
): Promise<ResealOutcome> {
  if (settings.masterKey && masterKey !== 'present') return { outcome: 'master_key_is_setting' }
  const file = masterKeyFile(settings)
  const prepared = masterKey === 'new' ? await prepareNewKey(file) : undefined
  try {
    const resealed = await inLockedTransaction(database, sealedLock, wait, async (tx) => {
      if (prepared !== undefined) {
        await keepPreviousKey(file)
        await activateNewKey(file, prepared)
      }
      const done = await reseal(tx, await openMasterKey(settings, true), authorOf(actor, reason))
      if (masterKey === 'present and no other') await assertAllOpen(tx, currentMasterKey(settings))
      return done
    })
    const hasForgotten = masterKey === 'present and no other' && (await forgetPreviousKey(file))
    return { outcome: 'resealed', hasForgotten, ...resealed }
  } finally {
    if (prepared !== undefined) await rm(prepared, { force: true })
  }
}
