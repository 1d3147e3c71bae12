import { qrCodeOf } from '../../html/qr-code.tsx'
import { recoveryCodesScript } from '../../html/shown-recovery-codes.tsx'
import { newTotpSetup, readTotpSetup } from '../../operations/set-up-totp.ts'
import { kindsOf, offersPasskeys } from '../../records/accounts/factors.ts'
import type { AccountDefinition, AccountView } from './account-definition.ts'
import { submitNewCodes } from './codes-form.tsx'
import { nextOf, provenFactors } from './factor-form.ts'
import { NewCodesSection } from './new-codes-section.tsx'

/** Where the person sets up one-time codes: from the security page, or on the way to an application that wants a second factor. */
export const newCodesDefinition: AccountDefinition = {
  path: '/account/security/codes/new',
  ownPage: 'new-codes',
  title: (messages) => messages.security.newCodes,
  belongsTo: '/account/security',
  scripts: [recoveryCodesScript],
  show: showNewCodes,
  forms: [{ path: '/account/security/codes/new', name: 'new-codes', submit: submitNewCodes }],
}

async function showNewCodes(view: AccountView) {
  const { signet, session, page, hidden, form, textOf, request } = view
  const filled = form('new-codes')
  const next = await nextOf(signet, request, filled.values)
  const factors = await provenFactors(signet, view, { page: 'new-codes', next })
  if (!factors) return undefined
  const kinds = kindsOf(factors)
  const hasPassword = signet.settings.passwordSignIn === 'on' && kinds.includes('password')
  // After a wrong code the page shows the same secret, which is already in the app. After any other fault it shows a new one.
  const again = filled.faults.has('code')
    ? await readTotpSetup(signet, session, filled.values.get('set-up'))
    : undefined
  const setup = again ?? (await newTotpSetup(signet, session, factors))
  return (
    <NewCodesSection
      {...{ page, next, textOf, hasPassword }}
      form={filled}
      hidden={{ ...hidden, 'set-up': setup.sealed, continue: next }}
      qrCode={await qrCodeOf(setup.uri)}
      uri={setup.uri}
      secret={setup.key}
      replaces={kinds.includes('totp')}
      offersPasskey={offersPasskeys(signet.settings) && !kinds.includes('passkey')}
    />
  )
}
