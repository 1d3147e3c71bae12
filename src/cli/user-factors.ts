import type { Command } from 'commander'
import { resetFactors } from '../operations/reset-factors.ts'
import { type Factor, listFactors } from '../records/accounts/factors-store.ts'
import { CommandFailed } from './command-failures.ts'
import { findUser } from './find-user.ts'
import { json } from './flags.ts'
import { operator, readReason, reasonFlag } from './operator.ts'
import { type Document, type Format, printMany, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'
import { updateAndCountEnded } from './update-ended-records.ts'
import { changing, reading, withMail } from './with-signet.ts'

const userArgument = 'sub, user name or e-mail address'

/** `signet users factors` and `signet users reset-factors`: what a user signs in with. */
export function addFactorCommands(users: Command, terminal: Terminal): void {
  users
    .command('factors')
    .description('List what a user signs in with: password, passkeys, one-time codes and recovery codes. No secrets.')
    .argument('<user>', userArgument)
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const factors = await reading(terminal, async ({ database }) => {
        const { sub } = await findUser(database, identifier)
        return listFactors(database, sub)
      })
      printMany(
        terminal,
        format,
        factors.map(documentOf),
        ['kind', 'name', 'synced', 'codes_left', 'created_at', 'used_at'],
        'The user has nothing to sign in with. To give them a link that lets them in: signet users recover',
      )
    })

  users
    .command('reset-factors')
    .description(
      'Remove the passkeys, one-time codes and recovery codes of a user who has lost them. Make sure that it is the right person. The password stays. Signs the user out everywhere and ends all their grants. The user is notified by e-mail, if their address is verified.',
    )
    .argument('<user>', userArgument)
    .addOption(reasonFlag().makeOptionMandatory())
    .addOption(json())
    .action(async (identifier: string, { reason: given, ...format }: Format & { readonly reason: string }) => {
      const reason = readReason(given)
      const done = await changing(terminal, async (installation, wait) => {
        const { sub, email_verified } = await findUser(installation.database, identifier)
        const reset = await withMail(terminal, installation, wait, email_verified, (signet) =>
          resetFactors(signet, operator(terminal), sub, reason),
        )
        if (reset === 'no_such_account') throw new CommandFailed(`The user ${sub} has just been deleted.`)
        if (reset === 'nothing')
          throw new CommandFailed('The user has no passkeys, one-time codes or recovery codes, so nothing was changed.')
        return { sub, reset, ...(await updateAndCountEnded(installation, terminal, reset.ended)) }
      })
      const { sub, reset, ended, notes } = done
      const document = {
        sub,
        removed: reset.removed.map(({ kind }) => kind),
        sessions_ended: ended.sessions,
        grants_ended: ended.grants,
        more: ended.left || undefined,
      }
      printOne(terminal, format, document, [...notes, ...whatNext(sub, reset.password)])
    })
}

/** What the operator should do, if the user cannot sign in now, or only with a password that is too short to be the only factor. */
function whatNext(sub: string, password: Factor | undefined): string[] {
  if (!password)
    return [
      `The user has no password, so nobody can sign in now. Hand over a link: signet users recover ${sub} --print-link --reason …`,
    ]
  if (password.isShort)
    return [
      `The password was chosen to be used with a second factor, and is short. Have the user set a longer one: signet users recover ${sub}`,
    ]
  return []
}

function documentOf({ kind, name, isBackedUp, codesLeft, createdAt, changedAt, usedAt }: Factor): Document {
  return {
    ...{ kind, name, synced: kind === 'passkey' ? isBackedUp : undefined, codes_left: codesLeft },
    ...{ created_at: createdAt, changed_at: kind === 'password' ? changedAt : undefined, used_at: usedAt },
  }
}
