import type { Command } from 'commander'
import { readSettings, type Settings } from '../platform/config/settings.ts'
import { canonicalEmail } from '../records/accounts/canonical-names.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { json, mailLocale } from './flags.ts'
import { type Format, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'

/** `signet mail`: what operators need to set up the sending of mails. */
export function mailCommand(program: Command, terminal: Terminal): void {
  const mail = program.command('mail').description('Test the sending of e-mail.')

  mail
    .command('test')
    .description(
      'Send a test e-mail with the settings of the server, and print the answer of the mail server. Needs no database.',
    )
    .argument('<address>', 'e-mail address to send it to')
    .addOption(mailLocale())
    .addOption(json())
    .action(async (typed: string, format: Format & { readonly locale?: string }) => {
      const to = canonicalEmail(typed.trim())
      if (to === undefined) throw new WrongUsage('This is not an e-mail address.')
      const settings = readSettings(terminal.environment, terminal.folder)
      const { answer, file } = await sendTest(settings, to, format.locale)
      printOne(terminal, format, { to, via: await wayInWords(settings), answer, file }, [
        file === undefined
          ? 'The mail server has accepted the e-mail. If it does not arrive, look in the spam folder, and check SPF and DKIM of the sender.'
          : 'E-mails are written to files instead of being sent, because the issuer is on this machine and SIGNET_SMTP_URL is not set.',
      ])
    })
}

/** @throws CommandFailed, which says what to do */
async function sendTest(settings: Settings, to: string, locale: string | undefined) {
  const [{ createBrand }, { composeMail }, { openTransport }] = await Promise.all([
    import('../html/brand.ts'),
    import('../html/mails/compose-mail.tsx'),
    import('../platform/mail/transport.ts'),
  ])
  const brand = createBrand(settings)
  const composed = composeMail({ kind: 'test' }, { brand, issuer: settings.issuer, locale, to })
  try {
    return await openTransport(settings.mail, brand.name).deliver({ to, kind: 'test', ...composed })
  } catch (error) {
    throw new CommandFailed(await explained(settings, error))
  }
}

async function explained(settings: Settings, error: unknown): Promise<string> {
  const [{ MailFailure }, { faultAdvice }] = await Promise.all([
    import('../platform/mail/mail-failure.ts'),
    import('../platform/mail/mail-server.ts'),
  ])
  if (!(error instanceof MailFailure)) throw error
  return `The e-mail was not sent by ${await wayInWords(settings)}: ${error.message}. ${faultAdvice[error.fault]}`
}

async function wayInWords({ mail }: Settings): Promise<string> {
  if (mail.delivery === 'none') return 'this installation'
  if (mail.delivery === 'files') return `files in ${mail.folder}`
  const { mailServerInWords } = await import('../platform/mail/mail-server.ts')
  return mailServerInWords(mail)
}
