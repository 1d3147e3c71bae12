import type { Settings } from '../../platform/config/settings.ts'
import { MailFailure } from '../../platform/mail/mail-failure.ts'
import { faultAdvice, mailServerInWords } from '../../platform/mail/mail-server.ts'
import { noMailWarning, openTransport } from '../../platform/mail/transport.ts'
import { bad, type Finding, good, warning } from './finding.ts'

/** Milliseconds. No step of the doctor takes longer. */
const limits = { connect: 4_000, greeting: 4_000, silence: 4_000, whole: 5_000 }

/** How mails leave this installation. Connects to the mail server and signs in there, but sends nothing. */
export async function checkMail({ mail, name }: Pick<Settings, 'mail' | 'name'>): Promise<Finding> {
  if (mail.delivery === 'none') return warning('mail', noMailWarning, faultAdvice.unconfigured)
  if (mail.delivery === 'files')
    return good('mail', `Mails are written to files in ${mail.folder}, because the issuer is on this machine.`)
  const server = mailServerInWords(mail)
  try {
    await openTransport(mail, name, limits).verify()
  } catch (error) {
    if (!(error instanceof MailFailure)) throw error
    return bad('mail', `${server} cannot be used: ${error.message}.`, faultAdvice[error.fault])
  }
  const [, domain = ''] = mail.from.address.split('@')
  if (!domain.includes('.') || /\.(?:invalid|test|example|localhost)$/.test(domain))
    return warning(
      'mail',
      `${server} accepts connections, but the sender's domain ${domain} does not exist on the internet.`,
      'Set SIGNET_MAIL_FROM to an address of a domain of yours; other mail servers refuse mail from a domain that does not exist.',
    )
  return good('mail', `${server} accepts connections from here. To test that mails arrive: signet mail test ADDRESS.`)
}
