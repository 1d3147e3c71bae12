import { composeMail } from '../html/mails/compose-mail.tsx'
import { deviceReader } from '../platform/http/device.ts'
import type { RunningJob } from '../platform/jobs/running-job.ts'
import { MailFailure, type MailFault } from '../platform/mail/mail-failure.ts'
import { openTransport } from '../platform/mail/transport.ts'
import { secretFor, unsealText } from '../platform/secrets/purpose-secrets.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { mailInQueue, type WaitingMail } from './queue-mail.ts'

/**
 * Why a mail is not sent any more, in addition to the faults of a transport. `expired`: its link has expired. `interrupted`: the node was killed
 * during the last attempt, or it met an error that the log has. `unreadable`: the secret that it was sealed with was revoked.
 */
type Reason = MailFault | 'expired' | 'interrupted' | 'unreadable'

/**
 * The task `deliver_mail`: composes and sends a mail that `queueMail` has queued.
 *
 * A mail is sent at least once, and usually exactly once. It is sent again if the server accepts it and the node is killed before it has deleted the
 * job, or if the connection is lost between the end of the mail and the server's answer (RFC 1047; RFC 5321 §4.5.3.2.6). All attempts have the same
 * Message-ID, by which many mail systems drop the second copy. A link or code in it works once, however often it arrives.
 *
 * The end of all attempts is an event. No log line and no event contains the address.
 */
export async function sendMail(signet: Signet, payload: unknown, job: RunningJob): Promise<void> {
  const { settings, brand, clock, log, metrics, mailFailures } = signet
  const waiting = await openMail(signet, payload)
  if (waiting === undefined) return giveUp(signet, {}, 'unreadable')
  const { to, locale, timeZone, mail, goodUntil, sub, id, notMe } = waiting
  const about = { kind: mail.kind, sub }
  if (job.isOver) return giveUp(signet, about, 'interrupted')
  if (goodUntil !== undefined && goodUntil <= clock.now()) return giveUp(signet, about, 'expired')
  try {
    const from = await requestOf(waiting)
    const composed = composeMail(mail, { brand, issuer: settings.issuer, locale, to, timeZone, from, notMe })
    const message = { to, kind: mail.kind, id, ...composed }
    const { file } = await openTransport(settings.mail, brand.name).deliver(message, job.signal)
    metrics.count('signet_mails_total', { outcome: 'sent' })
    if (file === undefined) log.info({ kind: mail.kind }, 'An e-mail was handed to the mail server.')
    else log.info({ kind: mail.kind, file }, 'An e-mail was written to a file.')
  } catch (error) {
    // The node stops, and another one continues.
    if (!(error instanceof MailFailure) || job.signal.aborted) throw error
    const { fault, isPermanent, message } = error
    if (isPermanent || job.isLast) return giveUp(signet, about, fault, `${message}.`)
    metrics.count('signet_mails_total', { outcome: 'failed' })
    const attempt = { kind: mail.kind, attempt: job.attempt, fault }
    mailFailures.failed(attempt, `An e-mail could not be sent and will be tried again: ${message}.`)
    throw error
  }
}

/** @returns undefined if it was not sealed by `queueMail`, or with a secret that was revoked */
async function openMail({ secrets }: Signet, payload: unknown): Promise<WaitingMail | undefined> {
  const { sealed } = (payload ?? {}) as { readonly sealed?: string }
  if (sealed === undefined) return undefined
  const opened = unsealText(await secretFor(secrets, 'mail-sealing', sealed), sealed, mailInQueue)
  return opened === undefined ? undefined : (JSON.parse(opened) as WaitingMail)
}

/** Where the request came from that caused what a mail tells. */
async function requestOf({ from }: WaitingMail) {
  return from && { network: from.network, device: (await deviceReader())(from.userAgent) }
}

/** Records that a mail is not sent any more. If that fails, the job is tried again, and a second event is possible. */
async function giveUp(
  { database, log, metrics }: Signet,
  { kind = 'unknown', sub }: { readonly kind?: string; readonly sub?: string | undefined },
  reason: Reason,
  message = '',
): Promise<void> {
  await recordEvent(database, { type: 'mail_failed', by: 'schedule', sub, detail: { kind, reason } })
  metrics.count('signet_mails_total', { outcome: 'given_up' })
  log.warn({ kind, reason }, `An e-mail was not sent, and will not be tried again. ${message}`.trim())
}
