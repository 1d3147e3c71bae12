import { changePassword } from '../../operations/change-password.ts'
import { cookieAttributes, cookieNames } from '../../platform/http/cookies.ts'
import { digest, randomText } from '../../platform/secrets/digest.ts'
import type { Signet } from '../../signet.ts'
import { actorOf, type Outcome, provingBrowser, refused, type Submission, wrongPassword } from './account-form.ts'

/** The checkbox of the password form: also end access for all applications. */
export const applicationsChoice = 'end-applications'

/**
 * A hidden field that is always in the form. Browsers do not send an unticked checkbox, so this distinguishes a form in which the
 * person cleared it from a form without it.
 */
export const offersApplications = { 'end-applications-offered': '1' } as const

/** Whether to end access for all applications: yes, unless the form had the checkbox and the person cleared it. */
export function wantsApplicationsEnded(values: ReadonlyMap<string, string>): boolean {
  const wasOffered = Object.keys(offersApplications).every((name) => values.has(name))
  return values.has(applicationsChoice) || !wasOffered
}

/**
 * Changes the password, ends all other sessions and, unless the person cleared the checkbox, all grants. This browser gets a new cookie.
 *
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function submitPassword(signet: Signet, submission: Submission): Promise<Outcome> {
  const { reply, session, values } = submission
  const { issuer } = signet.settings
  const cookie = randomText(32)
  const applications = wantsApplicationsEnded(values) ? 'end' : 'keep'
  const browser = () => provingBrowser(submission, issuer)
  const changed = await changePassword(signet, actorOf(submission), session, browser, {
    current: values.get('current-password'),
    wanted: values.get('new-password'),
    sessionDigest: digest(cookie),
    applications,
  })
  if (changed.outcome === 'signed_out') return { outcome: 'signed_out' }
  if (changed.outcome === 'wrong_password') return wrongPassword('current-password')
  if (changed.outcome === 'faulty')
    return refused({ 'current-password': changed.faults.current, 'new-password': changed.faults.wanted })
  reply.setCookie(cookieNames(issuer).session, cookie, { ...cookieAttributes(issuer), maxAge: changed.secondsLeft })
  return { outcome: 'done', notice: applications === 'end' ? 'password-changed' : 'password-changed-applications-kept' }
}
