import type { Command } from 'commander'
import { type Recovery, recoverInstallation } from '../operations/recover-installation.ts'
import { json } from './flags.ts'
import { operator, readReason, reasonFlag } from './operator.ts'
import { type Format, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'
import { changingKeys } from './with-signet.ts'

interface Flags extends Format {
  readonly signEveryoneOut?: true
  readonly reason?: string
}

/** `signet recover`: after the database was restored from a backup. Doing it twice, or without need, does no harm. */
export function recoverCommand(program: Command, terminal: Terminal): void {
  program
    .command('recover')
    .description(
      'After the database was restored from a backup: tell it what it has forgotten about keys, and look around.',
    )
    .option(
      '--sign-everyone-out',
      'end all sessions and grants of people: some had ended since the backup, and live again',
    )
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (flags: Flags) => {
      const reason = readReason(flags.reason)
      const signEveryoneOut = flags.signEveryoneOut === true
      const recovery = await changingKeys(terminal, async ({ keyRing }, installation, wait) => {
        // Opening them revokes again what the keys directory remembers, as it does for the keys.
        const { openSecrets } = await import('../installation-keys.ts')
        const { secrets } = await openSecrets(installation, wait)
        secrets.stop()
        return recoverInstallation({ ...installation, keyRing }, operator(terminal), { signEveryoneOut, reason })
      })
      const document = {
        active_keys: recovery.activeKeys,
        revoked_keys: recovery.revokedKeys,
        lost_keys: recovery.lostKeys,
        revoked_secrets: recovery.revokedSecrets,
        ledger_facts: recovery.ledgerFacts,
        sessions_ended: recovery.ended?.sessions,
        grants_ended: recovery.ended?.grants,
      }
      printOne(terminal, flags, document, notes(recovery))
    })
}

function notes({ lostKeys: lost, ledgerFacts: facts, ended }: Recovery): string[] {
  const signedOut = ended !== undefined
  return [
    facts === 0
      ? 'The keys directory remembers no keys or secrets, so nothing was compared with the database.'
      : 'The database agrees with the keys directory: keys and secrets that were revoked stay revoked, and the key that took over last signs.',
    ...(signedOut ? ['Every session and every grant of a person has ended. Everybody signs in again.'] : []),
    ...(lost.length > 0
      ? [
          'The database does not have the lost keys: they are newer than the backup that was restored. What they signed is refused until it ' +
            'expires; applications get new tokens.',
        ]
      : []),
    'If you restored a backup:',
    ...(facts === 0
      ? ['- A key or secret that was revoked since the backup is in use again. Revoke it once more.']
      : []),
    ...(signedOut
      ? []
      : [
          '- Sessions and grants that ended since the backup are alive again. End all of them with --sign-everyone-out.',
        ]),
    '- Clients, resources, accounts and passwords are as they were when the backup was made.',
    '- Run signet doctor, and signet keys rotate if anybody else has read the backup.',
  ]
}
