import { randomUUID } from 'node:crypto'
import type { Mail } from '../html/mails/mail.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { addJob } from '../platform/jobs/jobs-store.ts'
import { sealText } from '../platform/secrets/purpose-secrets.ts'
import type { Signet } from '../signet.ts'

export interface QueuedMail {
  /** A canonical e-mail address. */
  readonly to: string
  /** BCP 47 tags, separated by spaces, in order of preference (`mailLocale`). Undefined: English. */
  readonly locale: string | undefined
  readonly mail: Mail
  /** Milliseconds since 1970. After that it is not sent any more, because its link has expired. */
  readonly goodUntil?: number
  /** For the event if it cannot be sent. */
  readonly sub?: string
  /** The IANA name of the person's time zone. */
  readonly timeZone?: string
  /** The request that caused the event that the mail reports. */
  readonly from?: { readonly network: string; readonly userAgent?: string | undefined }
  /** The link "This was not me", and when it expires, in milliseconds since 1970. */
  readonly notMe?: { readonly link: string; readonly until: number }
}

/**
 * The languages of a mail to a person: that of the profile, otherwise that of the page of the request.
 *
 * @returns for `QueuedMail.locale`
 */
export function mailLocale(ofProfile: string | undefined, ofPage: string | undefined): string | undefined {
  return [ofProfile, ofPage].filter((one) => one !== undefined).join(' ') || undefined
}

/** A mail in the queue. */
export interface WaitingMail extends QueuedMail {
  /** Of its Message-ID, the same for each attempt to send it. */
  readonly id: string
}

/** The mails that somebody waits for, in front of the page that asked for them. */
const awaited: readonly Mail['kind'][] = ['verification', 'address-in-use', 'recovery']

/** What a sealed mail is bound to. */
export const mailInQueue = 'a mail in the queue'

/**
 * Adds a job that sends a mail, in the caller's transaction: `send-mail.ts` does it once that is committed. Links and codes are secrets, so the
 * whole mail is sealed. A thousand invitations delay no mail that somebody waits for. Without a way to send mails, nothing is added; the pages then
 * offer nothing that needs one.
 */
export async function queueMail(
  tx: Queryable,
  { settings, secrets }: Pick<Signet, 'settings' | 'secrets'>,
  mail: QueuedMail,
): Promise<void> {
  if (settings.mail.delivery === 'none') return
  const waiting: WaitingMail = { ...mail, id: randomUUID() }
  const sealed = sealText(secrets['mail-sealing'], JSON.stringify(waiting), mailInQueue)
  await addJob(tx, 'deliver_mail', { sealed }, { canWait: !awaited.includes(mail.mail.kind) })
}
