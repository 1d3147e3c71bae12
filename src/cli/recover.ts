import type { Command } from 'commander'
import type { Installation } from '../installation.ts'
import type { KeyRing } from '../key-ring/key-ring.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { longestAccessTokenTtl } from '../records/resources/resources-store.ts'
import { signEverybodyOut } from '../records/sessions/everybody-store.ts'
import { json } from './flags.ts'
import { authorOf, reasonFlag } from './operator.ts'
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
      const author = authorOf(terminal, flags.reason)
      const { keys, ended } = await changingKeys(terminal, async ({ keyRing }, installation, wait) => {
        const { database } = installation
        // Opening them revokes again what the keys directory remembers, as it does for the keys.
        const { openSecrets } = await import('../installation-keys.ts')
        const { secrets } = await openSecrets(installation, wait)
        secrets.stop()
        await keyRing.cover(await longestLifetime(installation))
        const ended = flags.signEveryoneOut ? await signEverybodyOut(database, author) : undefined
        await recordEvent(database, {
          ...{ type: 'installation_recovered', by: author.by },
          detail: {
            ...(author.reason !== undefined && { reason: author.reason }),
            ...(ended && { sessions: ended.sessions, grants: ended.grants }),
          },
        })
        return { keys: judgeKeys(keyRing), ended }
      })
      const document = {
        ...keys,
        sessions_ended: ended?.sessions,
        grants_ended: ended?.grants,
      }
      printOne(terminal, flags, document, notes(keys, ended !== undefined))
    })
}

/** Seconds: of everything that can be signed under the settings and resources as they are now. */
async function longestLifetime({ settings, database }: Installation): Promise<number> {
  return Math.max(settings.accessTokenTtl, settings.idTokenTtl, (await longestAccessTokenTtl(database)) ?? 0)
}

/** What the keys directory knows, beside what the database has now that the ring was opened, and told what it had forgotten. */
function judgeKeys(keyRing: Pick<KeyRing, 'keys' | 'ledger'>) {
  const { activatedAt, revokedAt, revokedSecrets } = keyRing.ledger
  const states = new Map([...keyRing.keys()].map(([{ kid }, state]) => [kid, state]))
  const active = [...states].filter(([, state]) => state === 'active').map(([kid]) => kid)
  return {
    active_keys: active,
    revoked_keys: [...states].filter(([, state]) => state === 'revoked').map(([kid]) => kid),
    /** They signed, and are not in the database: made after the backup. */
    lost_keys: [...activatedAt.keys()].filter((kid) => !states.has(kid) && !revokedAt.has(kid)),
    revoked_secrets: revokedSecrets.size,
    ledger_facts: activatedAt.size + revokedAt.size + revokedSecrets.size,
  }
}

function notes({ lost_keys: lost, ledger_facts: facts }: ReturnType<typeof judgeKeys>, signedOut: boolean): string[] {
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
