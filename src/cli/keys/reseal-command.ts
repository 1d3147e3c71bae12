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
          'The master key comes from SIGNET_MASTER_KEY: give the new one there, and the one before it in SIGNET_MASTER_KEY_PREVIOUS.',
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
      'Back up the new master.key, and keep the one before it with the backups of the database that it opens. Then: ' +
      'signet keys reseal --forget-previous.'
    )
  if (settings.masterKeyPrevious)
    return 'Once every node has been started with both keys: reseal once more, and take SIGNET_MASTER_KEY_PREVIOUS away.'
  return 'Everything opens with the present master key.'
}
