/**
 * Why a mail could not be sent. The words are in events (docs/events.md).
 *
 * - `unconfigured`: there is no mail server in the settings
 * - `unreachable`: no connection to the mail server, or it was lost
 * - `timeout`: the mail server did not answer in time
 * - `tls`: no encryption, or the certificate is not valid
 * - `credentials`: the mail server refused the user or the password
 * - `deferred`: the mail server asked to try again later (a code of 4yz)
 * - `address`: the mail server refused the recipient
 * - `rejected`: the mail server refused the sender or the mail
 * - `storage`: the file could not be written
 */
export type MailFault =
  | ('unconfigured' | 'unreachable' | 'timeout' | 'tls' | 'credentials')
  | ('deferred' | 'address' | 'rejected' | 'storage')

/**
 * A mail could not be sent. The message, without a full stop, can contain an answer of the mail server. It contains no password, and no address but
 * the sender's.
 */
export class MailFailure extends Error {
  readonly fault: MailFault
  /** Whether another attempt would fail in the same way. */
  readonly isPermanent: boolean
  /** For the log of the job queue (platform/jobs/job-log.ts). */
  readonly isReported = true
  constructor(fault: MailFault, isPermanent: boolean, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MailFailure'
    this.fault = fault
    this.isPermanent = isPermanent
  }
}

/** What nodemailer's errors have. */
interface SmtpError extends Error {
  readonly code?: string
  /** The code of a system error. */
  readonly originalCode?: string
  /** `CONN` before the first command. */
  readonly command?: string
  /** The server's answer. */
  readonly response?: string
  readonly responseCode?: number
}

/** RFC 4954 §6: authentication is required, too weak, wrong, or needs encryption. */
const authenticationCodes = [530, 534, 535, 538]

/**
 * Classifies an error of nodemailer.
 *
 * A failure is permanent if the server has refused this sender, recipient or content with a code of 5yz (RFC 5321 §4.2.1), except 503, which is about
 * the order of commands. Refusals of the connection or the credentials are not: an operator can correct their cause while the mail waits.
 *
 * @param recipient is removed from what the server answered, and its local part, too
 */
export function mailFailure(error: unknown, recipient?: string): MailFailure {
  if (error instanceof MailFailure) return error
  const { code = '', originalCode = '', command = '', response, responseCode = 0, message } = error as SmtpError
  const said = (what: string) => withoutAddress(response === undefined ? what : `it answered ${response}`, recipient)
  if (code === 'EAUTH' || code === 'ENOAUTH' || authenticationCodes.includes(responseCode))
    return new MailFailure('credentials', false, said(message))
  if (code === 'ETLS' || /CERT|SSL|TLS|SIGNED|EPROTO$|UNABLE_TO/.test(originalCode))
    return new MailFailure('tls', false, said(tlsReason(message)))
  if (code === 'ETIMEDOUT' || code === 'EABORT') return new MailFailure('timeout', false, said(message))
  if (/^(?:MAIL FROM|RCPT TO|DATA)$/.test(command) && responseCode >= 400) {
    if (responseCode < 500 || responseCode === 503) return new MailFailure('deferred', false, said(message))
    return new MailFailure(command === 'RCPT TO' ? 'address' : 'rejected', true, said(message))
  }
  if (code === 'EENVELOPE') return new MailFailure('address', true, said(message))
  return new MailFailure('unreachable', false, said(message))
}

/** OpenSSL's errors are `number:error:code:library:function:reason:file:line:`. The reason is what an operator can use. */
function tlsReason(message: string): string {
  const reason = /error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/i.exec(message)?.[1]
  if (reason === 'wrong version number') return `it did not answer with TLS (${reason})`
  return reason ?? message
}

/** Server answers often repeat the recipient. They end up in logs, in events and in the queue. */
function withoutAddress(text: string, recipient: string | undefined): string {
  const line = text.replace(/\s+/g, ' ').replace(/[.\s]+$/, '')
  const short = line.length > 300 ? `${line.slice(0, 300)}...` : line
  if (recipient === undefined) return short
  const [local = '', domain = ''] = recipient.split('@')
  const escaped = (part: string) => part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  const pattern = `${escaped(local)}@${escaped(domain)}|(?<![\\p{L}\\p{N}])${escaped(local)}(?![\\p{L}\\p{N}])`
  return short.replace(new RegExp(pattern, 'giu'), '(recipient)')
}
