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

/** `signet recover`: for use after the database was restored from a backup. Running it twice, or without need, does no harm. */
export function recoverCommand(program: Command, terminal: Terminal): void {
  program
    .command('recover')
    .description(
      'After restoring the database from a backup: reapply key changes and revocations from the keys directory, and list what else to do.',
    )
    .option(
      '--sign-everyone-out',
      'end all sessions and grants of users, because some that have ended since the backup are valid again',
    )
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (flags: Flags) => {
      const reason = readReason(flags.reason)
      const signEveryoneOut = flags.signEveryoneOut === true
      const recovery = await changingKeys(terminal, async ({ keyRing }, installation, wait) => {
        // Opening the secrets revokes those that the keys directory has on record as revoked. Opening the keys does the same.
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
      ? 'The keys directory has no record of keys or secrets, so nothing was compared with the database.'
      : 'The database now agrees with the keys directory: keys and secrets that were revoked stay revoked, and the key that took over last signs.',
    ...(signedOut ? ['All sessions and all grants of users have ended. Everyone must sign in again.'] : []),
    ...(lost.length > 0
      ? [
          'The database does not have the lost keys: they are newer than the backup that was restored. Tokens that they signed are refused; ' +
            'applications get new ones.',
        ]
      : []),
    'If you restored a backup:',
    ...(facts === 0
      ? ['- Keys and secrets that were revoked since the backup are in use again. Revoke them again.']
      : []),
    ...(signedOut
      ? []
      : [
          '- Sessions and grants that ended since the backup are valid again. To end all of them, use --sign-everyone-out.',
        ]),
    '- Clients, resources, accounts and passwords are as they were when the backup was made.',
    '- Run signet doctor. If somebody else may have read the backup, run signet keys rotate too.',
  ]
}
