import { rm } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Installation } from '../../installation.ts'
import type { Author } from '../../key-ring/decide.ts'
import type { Resealed } from '../../key-ring/reseal.ts'
import type { Settings } from '../../platform/config/settings.ts'
import { inLockedTransaction, type LockWait } from '../../platform/database/locked-transaction.ts'
import { openMasterKey, presentMasterKey } from '../../platform/secrets/master-key.ts'
import {
  forgetPreviousKey,
  keepPreviousKey,
  masterKeyFile,
  prepareNewKey,
  previousKeyFile,
  putNewKey,
} from '../../platform/secrets/master-key-file.ts'
import { CommandFailed, WrongUsage } from '../failures.ts'
import { json } from '../flags.ts'
import { authorOf, reasonFlag } from '../operator.ts'
import { type Format, printOne } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { changingKeys } from '../with-signet.ts'

interface Flags extends Format {
  readonly newMasterKey?: true
  readonly forgetPrevious?: true
  readonly reason?: string
}

/** `signet keys reseal`: what was sealed is sealed anew under the present master key; nothing else changes. */
export function resealCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('reseal')
    .description('Seal all keys and secrets anew, under the present master key. Nothing else changes.')
    .option('--new-master-key', 'make a new master.key first; the one before it is kept as master.key.previous')
    .option('--forget-previous', 'delete master.key.previous, once everything opens without it')
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (flags: Flags) => {
      if (flags.newMasterKey && flags.forgetPrevious)
        throw new WrongUsage('--new-master-key and --forget-previous are two steps: take one after the other.')
      const author = authorOf(terminal, flags.reason)
      const { resealed, settings } = await changingKeys(terminal, async (_, installation, wait) => ({
        resealed: await resealEverything(installation, flags, author, wait),
        settings: installation.settings,
      }))
      const hasForgotten = flags.forgetPrevious === true && (await forgetPreviousKey(masterKeyFile(settings)))
      const document = {
        signing_keys: resealed.signingKeys,
        purpose_secrets: resealed.purposeSecrets,
        master_key: settings.masterKey ? 'SIGNET_MASTER_KEY' : masterKeyFile(settings),
        previous: previousOf(settings, flags, hasForgotten),
      }
      printOne(terminal, flags, document, [nextStep(settings, flags)])
    })
}

/**
 * All of it under one lock: if two commands made a new master key at the same time, one of the keys would be lost. If this is cut
 * short, `master.key.previous` opens what has not been sealed anew.
 *
 * The new key is written before the lock is taken, because that waits for the disk. It gets its name under the lock, and the folder
 * is synced there: what is sealed under the new key must not be committed before that.
 */
async function resealEverything(
  { database, settings }: Pick<Installation, 'database' | 'settings'>,
  flags: Flags,
  author: Author,
  wait: LockWait,
): Promise<Resealed> {
  const { demandAllOpens, reseal, sealedLock } = await import('../../key-ring/reseal.ts')
  if (settings.masterKey && (flags.newMasterKey || flags.forgetPrevious))
    throw new CommandFailed(
      'The master key comes from SIGNET_MASTER_KEY: give the new one there, and the one before it in SIGNET_MASTER_KEY_PREVIOUS.',
    )
  const file = masterKeyFile(settings)
  const prepared = flags.newMasterKey ? await prepareNewKey(file) : undefined
  try {
    return await inLockedTransaction(database, sealedLock, wait, async (tx) => {
      if (prepared !== undefined) {
        await keepPreviousKey(file)
        await putNewKey(file, prepared)
      }
      const done = await reseal(tx, await openMasterKey(settings, true), author)
      if (flags.forgetPrevious) await demandAllOpens(tx, presentMasterKey(settings))
      return done
    })
  } finally {
    if (prepared !== undefined) await rm(prepared, { force: true })
  }
}

function previousOf(settings: Settings, flags: Flags, hasForgotten: boolean): string | undefined {
  if (flags.newMasterKey) return previousKeyFile(masterKeyFile(settings))
  if (hasForgotten) return 'forgotten'
  return settings.masterKeyPrevious ? 'SIGNET_MASTER_KEY_PREVIOUS' : undefined
}

function nextStep(settings: Settings, flags: Flags): string {
  if (flags.newMasterKey)
    return (
      'Back up the new master.key, and keep the one before it with the backups of the database that it opens. Then: ' +
      'signet keys reseal --forget-previous.'
    )
  if (settings.masterKeyPrevious)
    return 'Once every node has been started with both keys: reseal once more, and take SIGNET_MASTER_KEY_PREVIOUS away.'
  return 'Everything opens with the present master key.'
}
