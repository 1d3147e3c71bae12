import type { Command } from 'commander'
import type { Settings } from '../../platform/config/settings.ts'
import { masterKeyFile, previousKeyFile } from '../../platform/secrets/master-key-file.ts'
import { CommandFailed, WrongUsage } from '../command-failures.ts'
import { json } from '../flags.ts'
import { operator, readReason, reasonFlag } from '../operator.ts'
import { type Format, printOne } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { changingKeys } from '../with-signet.ts'

interface Flags extends Format {
  readonly newMasterKey?: true
  readonly forgetPrevious?: true
  readonly reason?: string
}

/** `signet keys reseal`: seals all keys and secrets again with the current master key. */
export function resealCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('reseal')
    .description('Seal all keys and secrets again with the current master key. Nothing else changes.')
    .option('--new-master-key', 'create a new master.key first; the old one is kept as master.key.previous')
    .option('--forget-previous', 'delete master.key.previous, once everything can be opened without it')
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (flags: Flags) => {
      if (flags.newMasterKey && flags.forgetPrevious)
        throw new WrongUsage('--new-master-key and --forget-previous are two steps: run one after the other.')
      const reason = readReason(flags.reason)
      const masterKey = flags.newMasterKey ? 'new' : flags.forgetPrevious ? 'current only' : 'current'
      const { resealed, settings } = await changingKeys(terminal, async (_, installation, wait) => {
        // Loaded here and not above: it needs `jose`.
        const { resealEverything } = await import('../../operations/reseal-everything.ts')
        const resealed = await resealEverything(installation, operator(terminal), { masterKey, reason }, wait)
        return { resealed, settings: installation.settings }
      })
      if (resealed.outcome === 'master_key_is_setting')
        throw new CommandFailed(
          'The master key comes from SIGNET_MASTER_KEY: set the new one there, and the old one in SIGNET_MASTER_KEY_PREVIOUS.',
        )
      const document = {
        signing_keys: resealed.signingKeys,
        purpose_secrets: resealed.purposeSecrets,
        master_key: settings.masterKey ? 'SIGNET_MASTER_KEY' : masterKeyFile(settings),
        previous: previousOf(settings, flags, resealed.hasForgotten),
      }
      printOne(terminal, flags, document, [nextStep(settings, flags)])
    })
}

function previousOf(settings: Settings, flags: Flags, hasForgotten: boolean): string | undefined {
  if (flags.newMasterKey) return previousKeyFile(masterKeyFile(settings))
  if (hasForgotten) return 'forgotten'
  return settings.masterKeyPrevious ? 'SIGNET_MASTER_KEY_PREVIOUS' : undefined
}

function nextStep(settings: Settings, flags: Flags): string {
  if (flags.newMasterKey)
    return (
      'Back up the new master.key, and keep the old one with the database backups that it opens. Then: ' +
      'signet keys reseal --forget-previous'
    )
  if (settings.masterKeyPrevious)
    return 'Once every node has been started with both keys, reseal once more and remove SIGNET_MASTER_KEY_PREVIOUS.'
  return 'Everything opens with the current master key.'
}
