import { composeMail } from '../html/mails/compose-mail.tsx'
import type { RunningJob } from '../platform/jobs/job-worker.ts'
import { MailFailure } from '../platform/mail/mail-failure.ts'
import { openTransport } from '../platform/mail/transport.ts'
import { secretFor, unsealText } from '../platform/secrets/purpose-secrets.ts'
import type { Signet } from '../signet.ts'
import { mailPayload, type QueuedMail } from './queue-mail.ts'

/** The task `send_mail`: composes and sends a mail that `queueMail` has queued. */
export async function sendMail(signet: Signet, payload: unknown, job: RunningJob): Promise<void> {
  const { settings, brand, log } = signet
  const { sealed } = payload as { readonly sealed: string }
  const opened = unsealText(await secretFor(signet.secrets, 'mail-sealing', sealed), sealed, mailPayload)
  if (opened === undefined) return
  const { to, locale, mail, goodUntil } = JSON.parse(opened) as QueuedMail
  if (goodUntil !== undefined && goodUntil <= Date.now()) return
  const composed = composeMail(mail, { brand, issuer: settings.issuer, locale, to })
  const message = { to, kind: mail.kind, ...composed }
  try {
    const { file } = await openTransport(settings.mail, brand.name).deliver(message, job.signal)
    log.info({ kind: mail.kind, ...(file !== undefined && { file }) }, 'A mail was sent.')
  } catch (error) {
    if (!(error instanceof MailFailure)) throw error
    log.warn(
      { kind: mail.kind, attempt: job.attempt, fault: error.fault },
      `A mail could not be sent: ${error.message}.`,
    )
    if (!error.isPermanent) throw error
  }
}
