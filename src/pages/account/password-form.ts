import { renewSessionCookie } from '../../interaction/browser-session.ts'
import { changePassword } from '../../operations/change-password.ts'
import { addOwnPassword, removeOwnPassword } from '../../operations/own-password.ts'
import { digest, randomText } from '../../platform/secrets/digest.ts'
import type { Signet } from '../../signet.ts'
import { actorOf, type Outcome, provingBrowser, refused, type Submission, wrongPassword } from './account-form.ts'
import { provenFactors, securityOutcome } from './factor-form.ts'

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
  if (changed.outcome === 'signed_out' || changed.outcome === 'stale')
    return securityOutcome(signet, submission, changed.outcome, 'password-changed')
  if (changed.outcome === 'wrong_password') return wrongPassword('current-password')
  if (changed.outcome === 'faulty')
    return refused({ 'current-password': changed.faults.current, 'new-password': changed.faults.wanted })
  renewSessionCookie(reply, issuer, cookie, changed.secondsLeft)
  return { outcome: 'done', notice: applications === 'end' ? 'password-changed' : 'password-changed-applications-kept' }
}

/**
 * Sets a password for an account without one.
 *
 * @throws HashQueueFull, TooManyWaiting
 */
export async function submitNewPassword(signet: Signet, submission: Submission): Promise<Outcome> {
  const { session, values } = submission
  if (!(await provenFactors(signet, submission, { page: 'password' }))) return { outcome: 'replied' }
  const { requester } = provingBrowser(submission, signet.settings.issuer)
  const added = await addOwnPassword(signet, actorOf(submission), session, values.get('new-password'), requester)
  if (added.outcome === 'faulty') return refused({ 'new-password': added.fault })
  return securityOutcome(signet, submission, added.outcome, 'password-added')
}

/** @throws TooManyWaiting */
export async function submitPasswordRemoval(signet: Signet, submission: Submission): Promise<Outcome> {
  if (!(await provenFactors(signet, submission, { page: 'password' }))) return { outcome: 'replied' }
  const removed = await removeOwnPassword(signet, actorOf(submission), submission.session)
  return securityOutcome(signet, submission, removed, 'password-removed')
}
