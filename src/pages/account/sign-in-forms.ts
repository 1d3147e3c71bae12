import { sealOwnPage } from '../../interaction/continue-value.ts'
import { changePassword } from '../../operations/change-password.ts'
import { changeSignInNames } from '../../operations/change-sign-in-names.ts'
import { cancelEmailChange } from '../../operations/request-email-change.ts'
import { mailVerificationAgain } from '../../operations/request-verification.ts'
import { cookieAttributes, cookieNames } from '../../platform/http/cookies.ts'
import { digest, randomText } from '../../platform/secrets/digest.ts'
import type { Signet } from '../../signet.ts'
import { type AccountFault, actorOf, type Outcome, provingBrowser, type Submission } from './account-form.ts'

/**
 * Changes the user name and the e-mail address.
 *
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function submitSignInNames(signet: Signet, submission: Submission): Promise<Outcome> {
  const { session, values } = submission
  const browser = () => provingBrowser(submission, signet.settings.issuer)
  const changed = await changeSignInNames(signet, actorOf(submission), session, browser, {
    username: values.get('username')?.trim(),
    email: values.get('email')?.trim(),
    password: values.get('confirm-password'),
    continueTo: toAccount(signet),
  })
  if (changed.outcome === 'signed_out') return { outcome: 'signed_out' }
  if (changed.outcome === 'wrong_password') return wrongPassword('confirm-password')
  if (changed.outcome === 'changed')
    return changed.isWaiting ? { outcome: 'mailed' } : { outcome: 'done', notice: 'sign-in-saved' }
  const { username, email, password } = changed.faults
  return refused({ username, email, 'confirm-password': password })
}

/**
 * Sends another mail to the address that waits to be confirmed: the new one, or else the account's own.
 *
 * @throws LimitExceeded, TooManyWaiting
 */
export async function submitEmailMail(signet: Signet, submission: Submission): Promise<Outcome> {
  const { browserDigest } = provingBrowser(submission, signet.settings.issuer)
  const asking = { browserDigest, continueTo: toAccount(signet) }
  const sent = await mailVerificationAgain(signet, actorOf(submission), submission.session, asking)
  if (sent === 'signed_out') return { outcome: 'signed_out' }
  return { outcome: sent === 'sent' ? 'mailed' : 'done' }
}

/** Cancels the change of address that waits to be confirmed. */
export async function submitEmailCancellation(signet: Signet, submission: Submission): Promise<Outcome> {
  const outcome = await cancelEmailChange(signet, actorOf(submission), submission.session)
  return outcome === 'done' ? { outcome, notice: 'email-change-cancelled' } : { outcome }
}

/** Somebody who confirms an address comes back to the account page. */
const toAccount = ({ secrets }: Signet) => sealOwnPage(secrets['request-sealing'], 'account')

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

function wrongPassword(field: string): Outcome {
  return { outcome: 'faulty', faults: new Map([[field, 'current_password_wrong']]), status: 403 }
}

/** @param faults by field, in the order of the page */
function refused(faults: Readonly<Record<string, AccountFault | undefined>>): Outcome {
  const found = Object.entries(faults).flatMap(([field, fault]): [string, AccountFault][] =>
    fault === undefined ? [] : [[field, fault]],
  )
  return { outcome: 'faulty', faults: new Map(found), status: 422 }
}
