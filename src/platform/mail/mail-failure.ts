/**
 * Why a mail could not be sent. These words are in events and metrics.
 *
 * - `unreachable`: no connection to the mail server, or it was lost
 * - `timeout`: the mail server did not answer in time
 * - `tls`: no encryption, or not with this certificate
 * - `credentials`: the mail server refused user and password
 * - `rejected`: the mail server refused the mail
 * - `address`: the mail server refused the address, or it cannot be used in a mail
 * - `storage`: the file could not be written
 */
export type MailFault = 'unreachable' | 'timeout' | 'tls' | 'credentials' | 'rejected' | 'address' | 'storage'

/** A mail could not be sent. The message is for the operator: it can contain the server's answer, but no password. */
export class MailFailure extends Error {
  readonly fault: MailFault
  /** Whether another attempt would fail in the same way (RFC 5321 §4.2.1: a code of 5yz). */
  readonly isPermanent: boolean
  constructor(fault: MailFault, isPermanent: boolean, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MailFailure'
    this.fault = fault
    this.isPermanent = isPermanent
  }
}

/** What nodemailer tells of an error. */
interface SmtpError extends Error {
  readonly code?: string
  readonly command?: string
  readonly response?: string
  readonly responseCode?: number
  readonly originalCode?: string
}

/** For `catch`. @throws MailFailure */
export function asMailFailure(error: unknown): never {
  if (error instanceof MailFailure) throw error
  const { code, command = '', response, responseCode, message } = error as SmtpError
  const isPermanent = responseCode !== undefined && responseCode >= 500 && responseCode !== 503
  const answer = response === undefined ? message : `it answered: ${response}`
  // A wrong password can be corrected, and then the mail can be sent.
  if (code === 'EAUTH' || code === 'ENOAUTH') throw new MailFailure('credentials', false, answer)
  if (code === 'ETLS' || isCertificateFault(error)) throw new MailFailure('tls', false, message)
  if (code === 'ETIMEDOUT' || code === 'EABORT') throw new MailFailure('timeout', false, message)
  if (command === 'RCPT TO' || code === 'EENVELOPE') throw new MailFailure('address', isPermanent, answer)
  if (responseCode !== undefined) throw new MailFailure('rejected', isPermanent, answer)
  throw new MailFailure('unreachable', false, message)
}

function isCertificateFault(error: unknown): boolean {
  const { originalCode, code } = error as SmtpError
  return /CERT|SSL|TLS|UNABLE_TO_|SELF_SIGNED/.test(originalCode ?? code ?? '')
}
