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
      /** Whether there was a previous key file, which has now been deleted. */
      readonly hasForgotten: boolean
    } & Resealed)
  /** The master key comes from SIGNET_MASTER_KEY, so only the operator can replace it there. */
  | { readonly outcome: 'master_key_is_setting' }

/**
 * Seals all keys and secrets again under the current master key. Nothing else changes. All of this happens under one lock: if two commands
 * created a new master key at the same time, one of the keys would be lost. If this is interrupted, `master.key.previous` still opens what has
 * not been resealed.
 *
 * A new key is written to disk before the lock is taken, because that is slow. It is renamed, and the folder is synced, under the lock, because
 * nothing that is sealed under the new key may be committed before that.
 *
 * @param masterKey `new`: create another `master.key` first, and keep the old one as `master.key.previous`. `current only`: delete
 *   `master.key.previous` once everything opens without it
 * @param wait how to wait while another node changes keys
 * @throws MasterKeyError if something opens under neither master key; whatever `inLockedTransaction` throws
 */
export async function resealEverything(
  { database, settings }: Pick<Signet, 'database' | 'settings'>,
  actor: Operator,
  {
    masterKey,
    reason,
  }: { readonly masterKey: 'current' | 'new' | 'current only'; readonly reason: string | undefined },
  wait: LockWait,
): Promise<ResealOutcome> {
  if (settings.masterKey && masterKey !== 'current') return { outcome: 'master_key_is_setting' }
  const file = masterKeyFile(settings)
  const prepared = masterKey === 'new' ? await prepareNewKey(file) : undefined
  try {
    const resealed = await inLockedTransaction(database, sealedLock, wait, async (tx) => {
      if (prepared !== undefined) {
        await keepPreviousKey(file)
        await activateNewKey(file, prepared)
      }
      const done = await reseal(tx, await openMasterKey(settings, true), authorOf(actor, reason))
      if (masterKey === 'current only') await assertAllOpen(tx, currentMasterKey(settings))
      return done
    })
    const hasForgotten = masterKey === 'current only' && (await forgetPreviousKey(file))
    return { outcome: 'resealed', hasForgotten, ...resealed }
  } finally {
    if (prepared !== undefined) await rm(prepared, { force: true })
  }
}
