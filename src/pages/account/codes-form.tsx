import { renewSessionCookie } from '../../interaction/browser-session.ts'
import { removeOwnTotp } from '../../operations/own-factors.ts'
import { confirmTotpSetup } from '../../operations/set-up-totp.ts'
import { digest, randomText } from '../../platform/secrets/digest.ts'
import type { Signet } from '../../signet.ts'
import { actorOf, type Outcome, refused, type Submission } from './account-form.ts'
import { provenFactors, securityOutcome, staleOutcome, whereNext } from './factor-form.ts'
import { shownCodes } from './shown-codes.tsx'

/**
 * Completes the set-up of one-time codes with the first code.
 *
 * @throws TooManyWaiting; OAuthError if Signet did not seal the `continue` value
 */
export async function submitNewCodes(signet: Signet, submission: Submission): Promise<Outcome> {
  const { reply, session, values } = submission
  const next = values.get('continue')
  const href = await whereNext(signet, next)
  const page = { page: 'new-codes', next } as const
  if (!(await provenFactors(signet, submission, page))) return { outcome: 'replied' }
  const cookie = randomText(32)
  const setup = { sealed: values.get('set-up'), code: values.get('code'), sessionDigest: digest(cookie) }
  const confirmed = await confirmTotpSetup(signet, actorOf(submission), session, setup)
  switch (confirmed.outcome) {
    case 'wrong_code':
      return refused({ code: 'code_wrong' })
    case 'expired':
      return refused({ form: 'set_up_expired' })
    case 'changed':
      return refused({ form: 'set_up_overtaken' })
    case 'stale':
      return staleOutcome(signet, submission, page)
    case 'signed_out':
      return { outcome: 'signed_out' }
  }
  renewSessionCookie(reply, signet.settings.issuer, cookie, confirmed.secondsLeft)
  if (confirmed.recoveryCodes)
    return shownCodes(signet, submission, { codes: confirmed.recoveryCodes, notice: 'codes-added', href })
  return href === undefined
    ? { outcome: 'done', path: '/account/security', notice: 'codes-added' }
    : { outcome: 'done', path: href }
}

/** @throws TooManyWaiting */
export async function submitCodesRemoval(signet: Signet, submission: Submission): Promise<Outcome> {
  if (!(await provenFactors(signet, submission, { page: 'security' }))) return { outcome: 'replied' }
  const removed = await removeOwnTotp(signet, actorOf(submission), submission.session)
  return securityOutcome(signet, submission, removed, 'codes-removed')
}
