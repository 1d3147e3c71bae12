import { renewSessionCookie } from '../../interaction/browser-session.ts'
import { deviceOf } from '../../interaction/device-of-request.ts'
import { addPasskey } from '../../operations/add-passkey.ts'
import { readNewPasskey } from '../../operations/new-passkey.ts'
import { removeOwnPasskey, renameOwnPasskey } from '../../operations/own-factors.ts'
import { raiseByNewPasskey } from '../../operations/raise-by-new-passkey.ts'
import { digest, randomText } from '../../platform/secrets/digest.ts'
import { readPasskeyName } from '../../records/accounts/passkey-names.ts'
import type { Signet } from '../../signet.ts'
import { actorOf, type Outcome, provingBrowser, refused, type Submission } from './account-form.ts'
import { provenFactors, securityOutcome, staleOutcome, whereNext } from './factor-form.ts'
import { readPasskeyHandle } from './passkey-handle.ts'
import { nameField } from './passkeys-section.tsx'
import { shownCodes } from './shown-codes.tsx'

/**
 * Adds the passkey that the browser has just created.
 *
 * @throws TooManyWaiting; OAuthError if Signet did not seal the `continue` value
 */
export async function submitNewPasskey(signet: Signet, submission: Submission): Promise<Outcome> {
  const { reply, session, values } = submission
  const { issuer } = signet.settings
  const next = values.get('continue')
  const href = await whereNext(signet, next)
  const page = { page: 'new-passkey', next } as const
  if (!(await provenFactors(signet, submission, page))) return { outcome: 'replied' }
  const { browserDigest } = provingBrowser(submission, issuer)
  const { sub } = session.account
  const created = { browserDigest, sub, use: 'account', answer: values.get('credential') } as const
  const passkey = await readNewPasskey(signet, created)
  if (!passkey) return refused({ form: 'passkey_failed' })
  // The passkey exists on the person's device now, so a name that cannot be stored is replaced rather than refused.
  const name = readPasskeyName(values.get('name'))
  const device = await deviceOf(submission.request)
  const added = await addPasskey(signet, actorOf(submission), session, { passkey, name, device })
  switch (added.outcome) {
    case 'exists':
      return refused({ form: 'passkey_exists' })
    case 'too_many':
      return refused({ form: 'too_many_passkeys' })
    case 'stale':
      return staleOutcome(signet, submission, page)
    case 'signed_out':
      return { outcome: 'signed_out' }
  }
  const cookie = randomText(32)
  const secondsLeft = await raiseByNewPasskey(signet, session, digest(cookie))
  if (secondsLeft === 'signed_out') return { outcome: 'signed_out' }
  renewSessionCookie(reply, issuer, cookie, secondsLeft)
  if (added.recoveryCodes) {
    return shownCodes(signet, submission, { codes: added.recoveryCodes, notice: 'passkey-added', href })
  }
  return href === undefined
    ? { outcome: 'done', path: '/account/security', notice: 'passkey-added' }
    : { outcome: 'done', path: href }
}

/** @throws TooManyWaiting */
export async function submitPasskeyName(signet: Signet, submission: Submission): Promise<Outcome> {
  const { session, values } = submission
  const factors = await provenFactors(signet, submission, { page: 'security' })
  if (!factors) return { outcome: 'replied' }
  const id = passkeyOf(signet, submission)
  const place = factors.filter(({ kind }) => kind === 'passkey').findIndex((passkey) => passkey.id === id)
  if (id === undefined || place === -1) return { outcome: 'done', notice: 'factor-gone' }
  // The place of the passkey may have changed since the page was shown.
  const [, typed] = [...values].find(([field]) => field.startsWith('passkey-name-')) ?? []
  const name = readPasskeyName(typed)
  if (name === undefined) return refused({ [nameField(place)]: 'passkey_name_invalid' })
  const renamed = await renameOwnPasskey(signet, actorOf(submission), session, { id, name })
  return securityOutcome(signet, submission, renamed, 'passkey-renamed')
}

/** @throws TooManyWaiting */
export async function submitPasskeyRemoval(signet: Signet, submission: Submission): Promise<Outcome> {
  if (!(await provenFactors(signet, submission, { page: 'security' }))) return { outcome: 'replied' }
  const id = passkeyOf(signet, submission)
  if (id === undefined) return { outcome: 'done', notice: 'factor-gone' }
  const removed = await removeOwnPasskey(signet, actorOf(submission), submission.session, id)
  return securityOutcome(signet, submission, removed, 'passkey-removed')
}

/** The id of the passkey that a form is about; undefined if the form was not made for this person. */
function passkeyOf({ secrets }: Signet, { session, values }: Submission): number | undefined {
  return readPasskeyHandle(secrets['request-sealing'], session.account.sub, values.get('passkey'))
}
