import { ownHref } from '../../html/link-target.ts'
import { sealOwnPage } from '../../interaction/continue-value.ts'
import { requireFreshProof } from '../../interaction/fresh-proof.ts'
import { pendingEmailOf } from '../../operations/account-overview.ts'
import { proofForNames } from '../../operations/change-sign-in-names.ts'
import type { Settings } from '../../platform/config/settings.ts'
import type { AccountDefinition, AccountView } from './account-definition.ts'
import { submitEmailCancellation, submitEmailMail, submitSignInNames } from './sign-in-form.ts'
import { SignInNamesSection } from './sign-in-section.tsx'

const sendsMail = ({ mail }: Settings) => mail.delivery !== 'none'

/** The user name and the e-mail address to sign in with. */
export const signInDefinition: AccountDefinition = {
  path: '/account/sign-in',
  ownPage: 'account-sign-in',
  title: (messages) => messages.account.signIn,
  menuLabel: (messages) => messages.accountMenu.signIn,
  scripts: ['show-password.js'],
  show: showNames,
  forms: [
    { path: '/account/sign-in', name: 'sign-in', submit: submitSignInNames },
    { path: '/account/email/send', isOffered: sendsMail, submit: submitEmailMail },
    { path: '/account/email/cancel', isOffered: sendsMail, submit: submitEmailCancellation },
  ],
}

async function showNames({ signet, session, page, hidden, form, textOf, reply }: AccountView) {
  const { username, email, email_verified: isVerified } = session.account
  const continueTo = sealOwnPage(signet.secrets['request-sealing'], signInDefinition.ownPage)
  const { kinds, asksPassword, needsFreshProof } = await proofForNames(signet, session.account.sub)
  // Before anybody fills in the form, because its content would be lost.
  if (needsFreshProof && !requireFreshProof(signet, reply, session, kinds, continueTo)) return undefined
  const names = [
    ['username', username],
    ['email', email],
  ].filter((entry): entry is [string, string] => entry[1] !== undefined)
  return (
    <SignInNamesSection
      {...{ page, hidden, textOf, asksPassword }}
      form={form('sign-in', new Map(names))}
      email={email === undefined ? undefined : { address: email, isVerified }}
      pendingEmail={await pendingEmailOf(signet, session)}
      verifyEmailHref={sendsMail(signet.settings) ? ownHref('/verify-email', { continue: continueTo }) : undefined}
    />
  )
}
