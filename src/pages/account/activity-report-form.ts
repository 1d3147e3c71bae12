import { browserDigestOf, forgetSession } from '../../interaction/browser-session.ts'
import { sealOwnPage } from '../../interaction/continue-value.ts'
import { requireFreshProof } from '../../interaction/fresh-proof.ts'
import { mailReportLink, reportActivity } from '../../operations/report-activity.ts'
import { listCredentials } from '../../records/accounts/account-credentials-store.ts'
import { kindsOf } from '../../records/accounts/factors.ts'
import { type Activity, findActivity } from '../../records/events/activity-store.ts'
import type { Signet } from '../../signet.ts'
import { actorOf, type Outcome, type Submission } from './account-form.ts'
import { isReportable, reportableDays } from './activity-words.ts'
import { readEventHandle } from './event-handle.ts'

/**
 * Takes the account away from everybody, and leads to a new password. Whoever has only the session must first prove the strongest factor of the account:
 * a stolen session must not evict its owner.
 */
export async function submitReport(signet: Signet, submission: Submission): Promise<Outcome> {
  const { request, reply, session, values } = submission
  const { issuer } = signet.settings
  const event = await chosenEvent(signet, submission)
  if (!event) return { outcome: 'done', path: '/account/activity', notice: 'not-reportable' }
  const kinds = kindsOf(await listCredentials(signet.database, session.account.sub))
  const continueTo = sealOwnPage(signet.secrets['request-sealing'], 'not-me', undefined, values.get('event'))
  if (!requireFreshProof(signet, reply, session, kinds, continueTo)) return { outcome: 'replied' }
  const browserDigest = browserDigestOf(request, reply, issuer)
  const reported = await reportActivity(signet, actorOf(submission), session, event, browserDigest)
  if (reported === 'signed_out') return { outcome: 'signed_out' }
  if (reported === 'stale') return { outcome: 'done', path: '/account/activity' }
  if (reported === 'address_taken')
    return { outcome: 'faulty', faults: new Map([['form', 'previous_address_taken']]), status: 422 }
  forgetSession(reply, signet.settings)
  reply.header('cache-control', 'no-store').redirect(`/recover/password?token=${reported.token}`, 303)
  return { outcome: 'replied' }
}

/**
 * Sends a link to the address of the account, for somebody who cannot prove what the account has now, because a thief has added it.
 *
 * @throws TooManyWaiting
 */
export async function submitReportLink(signet: Signet, submission: Submission): Promise<Outcome> {
  const event = await chosenEvent(signet, submission)
  if (!event) return { outcome: 'done', path: '/account/activity', notice: 'not-reportable' }
  const sent = await mailReportLink(signet, actorOf(submission), submission.session, event)
  if (sent === 'signed_out') return { outcome: 'signed_out' }
  const notice = sent === 'sent' ? 'report-link-sent' : 'not-reportable'
  return { outcome: 'done', path: '/account/activity', notice }
}

/** The event that the form is about; undefined if the person cannot report it, or not any more. */
async function chosenEvent(signet: Signet, { session, values }: Submission): Promise<Activity | undefined> {
  const { sub } = session.account
  const id = await readEventHandle(signet.secrets, sub, values.get('event'))
  const event = id === undefined ? undefined : await findActivity(signet.database, sub, id, reportableDays)
  return event && isReportable(event) ? event : undefined
}
