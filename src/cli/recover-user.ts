import { type Command, Option } from 'commander'
import { type OperatorRecovery, recoverForOperator } from '../operations/request-recovery.ts'
import { recoveryMinutes } from '../records/accounts/recovery-rule.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { findUser } from './find-user.ts'
import { json } from './flags.ts'
import { operator, readReason, reasonFlag } from './operator.ts'
import { type Format, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'
import { changing, withMail } from './with-signet.ts'

interface Flags extends Format {
  readonly printLink?: true
  readonly reason?: string
}

/** `signet users recover`: a link by which a user sets a new password. */
export function recoverUserCommand(users: Command, terminal: Terminal): void {
  users
    .command('recover')
    .description(
      `Send a user a link to set a new password, to their verified e-mail address. It works once, for ${recoveryMinutes} minutes. Until it is used, nothing about the account changes.`,
    )
    .argument('<user>', 'sub, user name or e-mail address')
    .addOption(
      new Option(
        '--print-link',
        'print the link instead, to hand it over yourself. Make sure that it is the right person: the link needs no e-mail address and replaces every other way to sign in. Needs --reason',
      ),
    )
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (identifier: string, flags: Flags) => {
      const reason = readReason(flags.reason)
      if (flags.printLink && reason === undefined)
        throw new WrongUsage('--print-link needs --reason: it is recorded in the event.')
      if (!flags.printLink && reason !== undefined) throw new WrongUsage('--reason goes with --print-link.')
      const { sub, recovery } = await changing(terminal, async (installation, wait) => {
        const { sub, email_verified } = await findUser(installation.database, identifier)
        const recovery = await withMail(terminal, installation, wait, email_verified, (signet) =>
          recoverForOperator(signet, operator(terminal), sub, reason),
        )
        return { sub, recovery }
      })
      switch (recovery.outcome) {
        case 'mailed': {
          const { email } = recovery
          return printOne(terminal, flags, { sub, email, minutes: recoveryMinutes }, [
            `A running server sends the link to ${email}.`,
          ])
        }
        case 'printed': {
          const { link, toldAt: email } = recovery
          return printOne(terminal, flags, { sub, link, email, minutes: recoveryMinutes }, handOver(email))
        }
        default:
          throw refused(recovery, sub)
      }
    })
}

/** @param email where the user is told about the link, if anywhere */
function handOver(email: string | undefined): string[] {
  return [
    'Whoever has the link can get into the account. Give it only to the user, in a way that nobody else can read.',
    email === undefined
      ? 'The user is not told by mail: the account has no verified e-mail address, or this installation sends no mail.'
      : `A running server tells the user at ${email}.`,
  ]
}

function refused(recovery: Exclude<OperatorRecovery, { outcome: 'mailed' | 'printed' }>, sub: string): CommandFailed {
  const byHand = `Hand the link over yourself: signet users recover ${sub} --print-link --reason …`
  switch (recovery.outcome) {
    case 'no_such_account':
      return new CommandFailed(`The user ${sub} has just been deleted.`)
    case 'disabled':
      return new CommandFailed(`The account is disabled. To enable it: signet users enable ${sub}`)
    case 'no_verified_address':
      return new CommandFailed(
        `The user has no verified e-mail address, so nothing was sent: an address proves nothing until it has been verified. ${byHand}`,
      )
    case 'no_mail':
      return new CommandFailed(
        `This installation sends no mail: SIGNET_SMTP_URL is not set, or no server has been started yet. ${byHand}`,
      )
    case 'needs_more':
      return new CommandFailed(
        `The user also signs in with: ${recovery.needs.join(', ')}. An e-mail does not replace that, so nothing was sent. ${byHand}`,
      )
  }
}
