import { sealOwnPage } from '../../interaction/continue-value.ts'
import { requireFreshProof } from '../../interaction/fresh-proof.ts'
import { changeSignInNames, proofForNames } from '../../operations/change-sign-in-names.ts'
import { cancelEmailChange } from '../../operations/request-email-change.ts'
import { mailVerificationAgain } from '../../operations/request-verification.ts'
import type { Signet } from '../../signet.ts'
import { actorOf, type Outcome, provingBrowser, refused, type Submission, wrongPassword } from './account-form.ts'

/**
 * Changes the user name and the e-mail address.
 *
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function submitSignInNames(signet: Signet, submission: Submission): Promise<Outcome> {
  const { reply, session, values } = submission
  const browser = () => provingBrowser(submission, signet.settings.issuer)
  const changed = await changeSignInNames(signet, actorOf(submission), session, browser, {
    username: values.get('username')?.trim(),
    email: values.get('email')?.trim(),
    password: values.get('confirm-password'),
    continueTo: toSignInPage(signet),
  })
  if (changed.outcome === 'stale') {
    const { kinds } = await proofForNames(signet, session.account.sub)
    // If the proof is fresh now after all, the page is shown again.
    return requireFreshProof(signet, reply, session, kinds, toSignInPage(signet))
      ? { outcome: 'done' }
      : { outcome: 'replied' }
  }
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
  const asking = { browserDigest, continueTo: toSignInPage(signet) }
  const sent = await mailVerificationAgain(signet, actorOf(submission), submission.session, asking)
  if (sent === 'signed_out') return { outcome: 'signed_out' }
  return { outcome: sent === 'sent' ? 'mailed' : 'done' }
}

/** Cancels the change of address that waits to be confirmed. */
export async function submitEmailCancellation(signet: Signet, submission: Submission): Promise<Outcome> {
  const outcome = await cancelEmailChange(signet, actorOf(submission), submission.session)
  return outcome === 'done' ? { outcome, notice: 'email-change-cancelled' } : { outcome }
}

/** Somebody who confirms an address comes back to the page that shows it. */
const toSignInPage = ({ secrets }: Signet) => sealOwnPage(secrets['request-sealing'], 'account-sign-in')
