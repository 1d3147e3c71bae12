import type { MailSettings } from '../config/mail-settings.ts'
import type { MailFault } from './mail-failure.ts'

/** The mail server of these settings, for messages: `smtp.example.com:587`, without the user. */
export function mailServerInWords(settings: Extract<MailSettings, { delivery: 'smtp' }>): string {
  const { hostname, port, protocol } = new URL(settings.url)
  return `${hostname}:${port || (protocol === 'smtps:' ? 465 : 587)}`
}

/** What an operator can do about a fault. */
export const faultAdvice: Readonly<Record<MailFault, string>> = {
  unconfigured: 'Set SIGNET_SMTP_URL (smtp://user@host:port or smtps://user@host:port) and SIGNET_MAIL_FROM.',
  unreachable:
    'Check host and port in SIGNET_SMTP_URL, and that a firewall lets this machine connect to it. Many networks block port 25.',
  timeout:
    'Check host and port in SIGNET_SMTP_URL, and whether the server expects TLS from the start (smtps:, usually port 465) or STARTTLS (smtp:, usually port 587).',
  tls:
    'A server that expects TLS from the start needs smtps: (usually port 465), one that offers STARTTLS needs smtp: (usually port 587). ' +
    'The certificate must be for the host in SIGNET_SMTP_URL; for a certificate authority of your own set NODE_EXTRA_CA_CERTS.',
  credentials:
    'Check the user in SIGNET_SMTP_URL, which must be percent-encoded (%40 for @), and SIGNET_SMTP_PASSWORD. Many providers need a password made for this purpose.',
  deferred:
    'The server does not accept the e-mail at the moment. Signet repeats e-mails to users for a day, but not this test.',
  address: 'Check the address. If it is right, the server may send only to known addresses or domains.',
  rejected:
    'Usually the server does not let this user send as SIGNET_MAIL_FROM, or the domain of the sender is not set up there.',
  storage: 'Check that Signet may write to the folder (SIGNET_DATA_DIR).',
}
