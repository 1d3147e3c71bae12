import { passkeyScripts } from '../../html/passkey-forms.tsx'
import { recoveryCodesScript } from '../../html/shown-recovery-codes.tsx'
import { browserDigestOf } from '../../interaction/browser-session.ts'
import { passkeyCreationOptions } from '../../operations/passkey-options.ts'
import { displayName } from '../../records/accounts/account.ts'
import { offersPasskeys } from '../../records/accounts/factors.ts'
import { listPasskeys, maxPasskeys } from '../../records/accounts/passkeys-store.ts'
import type { AccountDefinition, AccountView } from './account-definition.ts'
import { nextOf, provenFactors } from './factor-form.ts'
import { NewPasskeySection } from './new-passkey-section.tsx'
import { submitNewPasskey } from './passkey-form.tsx'

/** Where the person creates a passkey: from the security page, or on the way to an application that wants one. */
export const newPasskeyDefinition: AccountDefinition = {
  path: '/account/security/passkeys/new',
  ownPage: 'new-passkey',
  title: (messages) => messages.security.newPasskey,
  belongsTo: '/account/security',
  scripts: [...passkeyScripts, recoveryCodesScript],
  show: showNewPasskey,
  forms: [{ path: '/account/security/passkeys/new', name: 'new-passkey', submit: submitNewPasskey }],
}

async function showNewPasskey(view: AccountView) {
  const { signet, session, page, hidden, form, request, reply } = view
  const filled = form('new-passkey')
  const next = await nextOf(signet, request, filled.values)
  const factors = await provenFactors(signet, view, { page: 'new-passkey', next })
  if (!factors) return undefined
  const { account } = session
  const { settings, database } = signet
  const options = passkeyCreationOptions(signet, {
    browserDigest: browserDigestOf(request, reply, settings.issuer),
    sub: account.sub,
    name: account.email ?? account.username ?? displayName(account),
    displayName: displayName(account),
    existing: await listPasskeys(database, account.sub),
    use: 'account',
  })
  const hasPassword = settings.passwordSignIn === 'on' && factors.some(({ kind }) => kind === 'password')
  return (
    <NewPasskeySection
      {...{ page, next }}
      hidden={{ ...hidden, continue: next }}
      name={filled.values.get('name')}
      options={options}
      isOffered={offersPasskeys(settings)}
      canAdd={factors.filter(({ kind }) => kind === 'passkey').length < maxPasskeys}
      offersCodes={hasPassword && !factors.some(({ kind }) => kind === 'totp')}
    />
  )
}
