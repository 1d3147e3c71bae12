/** @jsxRuntime automatic @jsxImportSource preact */

import type { VNode } from 'preact'
import { type Brand, createBrand } from '../../src/html/brand.ts'
import { ErrorPage } from '../../src/html/error-page.tsx'
import { chooseMessages } from '../../src/html/messages/choose-messages.ts'
import { fillText, type PageContext } from '../../src/html/messages/messages.ts'
import { NewRecoveryCodesPage } from '../../src/html/new-recovery-codes-page.tsx'
import { qrCodeOf } from '../../src/html/qr-code.tsx'
import { RecoveryCodes } from '../../src/html/shown-recovery-codes.tsx'
import { FormPostPage } from '../../src/interaction/form-post-page.tsx'
import type { AccountDefinition } from '../../src/pages/account/account-definition.ts'
import { AccountDeletedPage } from '../../src/pages/account/account-deleted-page.tsx'
import { type AccountFault, accountFaultText, type FilledForm } from '../../src/pages/account/account-form.ts'
import { AccountPage, type AccountPageProps } from '../../src/pages/account/account-page.tsx'
import { menuFor } from '../../src/pages/account/account-pages.ts'
import { activityDefinition } from '../../src/pages/account/activity-definition.tsx'
import { activityReportDefinition } from '../../src/pages/account/activity-report-definition.tsx'
import { ActivityReportSection } from '../../src/pages/account/activity-report-section.tsx'
import { ActivitySection, type PageActivity } from '../../src/pages/account/activity-section.tsx'
import { applicationsDefinition } from '../../src/pages/account/applications-definition.tsx'
import { ApplicationsSection } from '../../src/pages/account/applications-section.tsx'
import { AvatarSection } from '../../src/pages/account/avatar-section.tsx'
import { CodesSection, RecoveryCodesLeft } from '../../src/pages/account/codes-section.tsx'
import { dataDefinition } from '../../src/pages/account/data-definition.tsx'
import { DataSections } from '../../src/pages/account/data-section.tsx'
import { deletionDefinition } from '../../src/pages/account/deletion-definition.tsx'
import { DeletionSection } from '../../src/pages/account/deletion-section.tsx'
import { newCodesDefinition } from '../../src/pages/account/new-codes-definition.tsx'
import { NewCodesSection } from '../../src/pages/account/new-codes-section.tsx'
import { newPasskeyDefinition } from '../../src/pages/account/new-passkey-definition.tsx'
import { NewPasskeySection } from '../../src/pages/account/new-passkey-section.tsx'
import { PasskeysSection } from '../../src/pages/account/passkeys-section.tsx'
import { PasswordSection } from '../../src/pages/account/password-section.tsx'
import { profileDefinition } from '../../src/pages/account/profile-definition.tsx'
import { profileValues } from '../../src/pages/account/profile-form.ts'
import { ProfileSection } from '../../src/pages/account/profile-section.tsx'
import { recoveryCodesDefinition } from '../../src/pages/account/recovery-codes-definition.tsx'
import { NewRecoveryCodesSection } from '../../src/pages/account/recovery-codes-section.tsx'
import { securityDefinition } from '../../src/pages/account/security-definition.tsx'
import { ConfirmSection } from '../../src/pages/account/security-section.tsx'
import { sessionsDefinition } from '../../src/pages/account/sessions-definition.tsx'
import { SessionsSection } from '../../src/pages/account/sessions-section.tsx'
import { signInDefinition } from '../../src/pages/account/sign-in-definition.tsx'
import { SignInNamesSection } from '../../src/pages/account/sign-in-section.tsx'
import { ConsentPage } from '../../src/pages/consent/consent-page.tsx'
import { DeviceConsentPage, DeviceDonePage, UserCodePage } from '../../src/pages/device/device-page.tsx'
import { ErrorReferencePage } from '../../src/pages/errors/error-reference-page.tsx'
import { HomePage } from '../../src/pages/home/home-page.tsx'
import { InspectPage } from '../../src/pages/inspect/inspect-page.tsx'
import { NotMePage, VoidNotMeLinkPage } from '../../src/pages/not-me/not-me-page.tsx'
import { PasskeyOfferPage } from '../../src/pages/passkey-offer/passkey-offer-page.tsx'
import { NewPasswordPage, VoidRecoveryLinkPage } from '../../src/pages/recovery/new-password-page.tsx'
import { RecoverPage, RecoverSentPage } from '../../src/pages/recovery/recover-page.tsx'
import { RecoveryProofPage } from '../../src/pages/recovery/recovery-proof-page.tsx'
import { SecondFactorPage } from '../../src/pages/second-factor/second-factor-page.tsx'
import { SignInPage } from '../../src/pages/sign-in/sign-in-page.tsx'
import { ConfirmLogoutPage } from '../../src/pages/sign-out/confirm-logout-page.tsx'
import { SignedOutPage } from '../../src/pages/sign-out/signed-out-page.tsx'
import { InvitationPage, NoInvitationPage } from '../../src/pages/sign-up/invitation-page.tsx'
import { SignUpPage } from '../../src/pages/sign-up/sign-up-page.tsx'
import { SetUpPage } from '../../src/pages/step-up/set-up-page.tsx'
import { StepUpPage, type StepUpPageProps } from '../../src/pages/step-up/step-up-page.tsx'
import {
  UndoDonePage,
  UndoEmailChangePage,
  VoidUndoLinkPage,
} from '../../src/pages/undo-email-change/undo-email-change-page.tsx'
import { LinkPage, VoidVerificationLinkPage } from '../../src/pages/verify-email/link-page.tsx'
import { TakenPage, VerifyDonePage } from '../../src/pages/verify-email/outcome-page.tsx'
import { WaitingPage } from '../../src/pages/verify-email/waiting-page.tsx'
import type { ClientId, Sub } from '../../src/records/ids.ts'
import { personalClaimNames } from '../../src/tokens/personal-claims.ts'

/** The brand of an installation that has no settings for it. */
export const plainBrand = brandWith({})

export function pageContext(language: string, brand = plainBrand): PageContext {
  return { ...chooseMessages(language, undefined), brand }
}

/** A brand with these settings, and the defaults for the others. */
export function brandWith(
  settings: Partial<Parameters<typeof createBrand>[0]>,
  logo?: Parameters<typeof createBrand>[1],
): Brand {
  const none = { helpUrl: undefined, privacyUrl: undefined, termsUrl: undefined, accentColor: undefined }
  return createBrand({ name: 'Signet', ...none, ...settings }, logo)
}

/** Markup, quotes that would end an attribute, and a script: a name that an attacker gives a client or an account. */
export const markup = `"><script>alert('&lt;')</script><img src=x onerror=alert(1)>`
const endless = 'Donaudampfschifffahrtsgesellschaftskapitän'.repeat(4)
const rightToLeft = 'דוגמה של שם ارتباط \u202Egnihsihp'

const notes = {
  name: 'Notes',
  clientUri: 'https://notes.example/',
  policyUri: 'https://notes.example/privacy',
  tosUri: 'https://notes.example/terms',
}
const ada = { name: 'Ada Lovelace', email: 'ada@example.com' }
const csrf = 'csrf-token'
const continueTo = 'sealed-request'
const everyScope = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'].map((value) => ({ value }))

const person = {
  sub: 'cXVpZXQgcGxhY2VzIGFy' as Sub,
  ...ada,
  username: 'ada',
  given_name: 'Ada',
  birthdate: '1815-12-10',
  zoneinfo: 'Europe/London',
  website: 'https://ada.example/',
  address: { street_address: '12 St James’s Square\nFirst floor', locality: 'London' },
  email_verified: false,
  phone_number_verified: false,
  created_at: new Date('2026-11-01T08:00:00Z'),
  updated_at: new Date('2026-11-01T08:00:00Z'),
  disabled: false,
  signed_up: true,
}
const signedIn = (handle: string, day: number) => ({
  handle,
  isThisBrowser: day === 5,
  device: { browser: day === 5 ? 'Firefox' : 'Safari', system: day === 5 ? 'Windows' : 'iOS' },
  network: day === 5 ? '203.0.113.7' : '2001:db8:1f70:999:de8:7648:3a49:6e8',
  signedInAt: new Date(Date.UTC(2026, 10, day, 8, 30)),
  usedAt: new Date(Date.UTC(2026, 10, day, 17, 5)),
})

const qrCode = await qrCodeOf('otpauth://totp/Signet:ada%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP')
const recoveryCodes = Array.from({ length: 10 }, (_, index) => `7K3M${index}-9QXDA-40ZTW`)

/**
 * Every page in its various states, with ordinary and hostile content.
 *
 * @param language a BCP 47 tag
 * @param brand default: that of an installation without settings for it
 */
export function samplePages(language: string, brand = plainBrand): Readonly<Record<string, VNode>> {
  const page = pageContext(language, brand)
  const { errors } = page.messages
  const hidden = { csrf, account: 'proof' }
  const figures = { minPasswordLength: 15, domains: ['@example.com', '@example.org'], retryAfterSeconds: 240 }
  const textOf = (fault: AccountFault, field: string) => accountFaultText(page, fault, field, figures)
  const section = { page, hidden, textOf }
  const filled = (values: Iterable<readonly [string, string]> = [], faults: FilledForm['faults'] = new Map()) => ({
    values: new Map(values),
    faults,
  })
  const onAccount = (
    definition: AccountDefinition,
    children: AccountPageProps['children'],
    more: Partial<AccountPageProps> = {},
  ) => (
    <AccountPage
      {...{ page, csrf, account: ada, textOf, scripts: definition.scripts }}
      title={definition.title(page.messages)}
      menu={menuFor(page.messages, definition)}
      {...more}
    >
      {children}
    </AccountPage>
  )
  const notMe = {
    ...{
      page,
      csrf,
      token: 'token',
      email: ada.email ?? '',
      kind: 'sign-in-from-new-browser',
      passkeyOptions: undefined,
    },
    ...{ takesCode: false, takesOneTimeCode: false, takesPassword: false, offersRecovery: true },
    at: new Date('2026-11-22T09:14:00Z'),
  }
  const happening = (type: string, more: Partial<PageActivity> = {}): PageActivity => ({
    ...{
      id: `${type}${JSON.stringify(more)}`,
      type,
      detail: {},
      at: new Date('2026-11-22T09:14:00Z'),
      clientName: undefined,
    },
    origin: { device: { browser: 'Firefox', system: 'Windows' }, network: '2001:db8:1234:5678:9abc:def0:1234:5678' },
    reportHref: undefined,
    ...more,
  })
  const happened = [
    happening('signed_in', {
      detail: { amr: ['pwd'], new_browser: true },
      reportHref: '/account/activity/not-me?event=x',
    }),
    happening('consent_given', { clientName: `${rightToLeft} ${markup} ${endless}`, reportHref: '/account/activity' }),
    happening('consent_refused'),
    happening('group_member_added', {
      detail: { group: `${markup}${endless}`, by: 'alice@bastion' },
      origin: undefined,
    }),
    happening('mail_failed', { detail: { by: 'schedule' }, origin: undefined }),
  ]
  const consent = { page, csrf, continueTo, account: ada, accountProof: 'proof', redirectHost: 'notes.example' }
  const changedAt = new Date('2026-11-20T08:00:00Z')
  const undo = {
    ...{ page, csrf, token: 'q7Yc0mYyJ2mBv0bq8m0nq1H3i6gq2z0pQm5W9cJtXyA' },
    ...{ previousEmail: ada.email, changedAt, offersRecovery: true, takesPasswords: true },
    provable: { passkey: undefined, code: undefined, password: true },
  } as const
  const stepUp: StepUpPageProps = {
    ...{ page, csrf, continueTo, account: ada, accountProof: 'proof', client: undefined, cancelHref: undefined },
    need: 'fresh',
    ...{ passkeyOptions: undefined, asksForPassword: false, asksFor: undefined, alternative: undefined },
    ...{ username: ada.email, faults: {} },
  }
  const waiting = {
    ...{
      page,
      csrf,
      continueTo,
      accountProof: 'proof',
      email: ada.email,
      isSent: true,
      isRequired: true,
      asksPassword: true,
    },
    ...{ laterHref: '/account', minutes: 30, faults: {}, domains: [] },
  }
  const verifyLink = {
    ...{ page, csrf, token: 'token', email: ada.email, takesPassword: true },
    signInHref: '/sign-in?continue=sealed',
  }
  const deviceConsent = { page, csrf, code: 'WDJB-MJHT', shownProof: 'proof', accessProof: 'access' }
  const newPassword = {
    ...{ page, csrf, token: 'secret-of-the-link', account: ada, signInName: ada.email, others: [] },
    ...{ values: new Map(), minPasswordLength: 12, takesPassword: true, passkeyOptions: undefined },
  }
  const unverified: FilledForm['faults'] = new Map([['email', 'email_domain_not_allowed']])
  const wrongPassword: FilledForm['faults'] = new Map([
    ['current-password', 'current_password_wrong'],
    ['new-password', 'password_too_short'],
  ])
  const wrongPicture: FilledForm['faults'] = new Map([['avatar', 'picture_too_many_pixels']])
  const wrongProfile: FilledForm['faults'] = new Map([
    ['form', 'too_many_attempts'],
    ['name', 'text_invalid'],
    ['website', 'url_invalid'],
    ['street_address', 'text_invalid'],
  ])
  const first = { takesPassword: true, passkeyOptions: undefined }
  const requestOptions = JSON.stringify({ challenge: 'AAAA', rpId: 'localhost', userVerification: 'required' })
  const creationOptions = JSON.stringify({
    ...{
      challenge: 'AAAA',
      rp: { id: 'localhost', name: 'Signet' },
      user: { id: 'AAAA', name: 'ada', displayName: 'Ada' },
    },
    pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
  })
  const recoveryProof = { page, csrf, token: 'secret-of-the-link', account: ada, signInName: ada.email }
  const factors = { ...section, timeZone: person.zoneinfo, isProven: true, isOffered: true, canAdd: true }
  const passkeys = [
    { name: 'Apple Passwords', usedAt: changedAt, isBackedUp: true, kept: undefined },
    { name: markup + endless, usedAt: undefined, isBackedUp: false, kept: 'only_sign_in' as const },
  ].map((passkey, place) => ({ ...passkey, handle: `handle-${place}`, createdAt: person.created_at }))
  const totp = { createdAt: person.created_at, usedAt: changedAt, isUsable: true, kept: 'password_short' as const }
  const password = {
    ...{ ...section, signInName: ada.email, ownNames: [ada.name], minPasswordLength: 15 },
    ...{ state: 'set' as const, canChange: true, canRemove: false },
  }
  const wrongName: FilledForm['faults'] = new Map([['passkey-name-1', 'passkey_name_invalid']])
  const wrongCode: FilledForm['faults'] = new Map([['code', 'code_wrong']])
  const newPasskey = { page, hidden, isOffered: true, canAdd: true, offersCodes: true }
  const newCodes = {
    ...{ page, textOf, hidden: { ...hidden, 'set-up': 'sealed-secret' }, next: continueTo, qrCode },
    ...{ uri: 'otpauth://totp/Signet:ada%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' },
    ...{ secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', replaces: false, hasPassword: true, offersPasskey: true },
  }
  return {
    'sign-in, self-registered': (
      <SignInPage
        page={page}
        csrf={csrf}
        continueTo={continueTo}
        client={{ ...notes, isSelfRegistered: true }}
        offersSignUp
        cancelHref="/sign-in/cancel?continue=sealed-request"
      />
    ),
    'sign-in': (
      <SignInPage
        page={page}
        csrf={csrf}
        continueTo={continueTo}
        client={notes}
        offersSignUp
        cancelHref="/sign-in/cancel?continue=sealed-request"
      />
    ),
    'sign-in, alone': <SignInPage page={page} csrf={csrf} />,
    'sign-in, with passkeys': (
      <SignInPage
        {...{ page, csrf, continueTo, client: notes, passkeyOptions: requestOptions }}
        fault="passkey_refused"
        offersSignUp
        offersRecovery
      />
    ),
    'passkey offer': (
      <PasskeyOfferPage
        {...{ page, csrf, continueTo, options: creationOptions }}
        laterHref="/authorize?continue=sealed-request"
      />
    ),
    'passkey offer, refused': (
      <PasskeyOfferPage
        {...{ page, csrf, continueTo, options: creationOptions }}
        laterHref="/"
        fault="new_passkey_refused"
      />
    ),
    'passkey created': (
      <NewRecoveryCodesPage
        {...{ page, hidden: { csrf, account: 'proof' }, sealed: 'sealed-codes' }}
        codes={['a2b4-c6d8-e2f4-g6h8', 'k2m4-n6p8-q2r4-s6t8']}
        replacesPassword={false}
        continueHref="/authorize?continue=sealed-request"
      />
    ),
    'sign-in, wrong credentials': (
      <SignInPage page={page} csrf={csrf} client={notes} username="ada@example.com" fault="wrong_credentials" />
    ),
    'sign-in, too many attempts': (
      <SignInPage page={page} csrf={csrf} username="ada" fault="too_many_attempts" retryAfterSeconds={240} />
    ),
    'sign-in, continue as': (
      <SignInPage page={page} csrf={csrf} client={notes} current={{ name: 'Ada Lovelace' }} offersSignUp />
    ),
    'sign-in, hostile': (
      <SignInPage
        page={page}
        csrf={csrf}
        client={{ ...notes, name: endless }}
        username={markup}
        current={{ name: rightToLeft + endless }}
        fault="missing"
        offersSignUp
      />
    ),
    'sign-in, start over': <SignInPage page={page} csrf={csrf} client={notes} offersSignUp notice="start-over" />,
    'second factor': (
      <SecondFactorPage
        {...{ page, csrf, continueTo, client: notes, passkeyOptions: undefined }}
        asksFor="one-time-code"
        alternative="recovery-code"
      />
    ),
    'second factor, wrong code': (
      <SecondFactorPage
        {...{ page, csrf, continueTo, client: notes, passkeyOptions: '{}' }}
        asksFor="one-time-code"
        alternative="recovery-code"
        fault="one_time_code_wrong"
      />
    ),
    'second factor, recovery code': (
      <SecondFactorPage
        {...{ page, csrf, continueTo, passkeyOptions: undefined }}
        asksFor="recovery-code"
        alternative="one-time-code"
        fault="recovery_code_wrong"
      />
    ),
    'second factor, too many codes': (
      <SecondFactorPage
        {...{ page, csrf, continueTo, passkeyOptions: undefined }}
        asksFor="one-time-code"
        alternative="recovery-code"
        fault="too_many_attempts"
        retryAfterSeconds={240}
      />
    ),
    'second factor, only passkeys': (
      <SecondFactorPage
        {...{ page, csrf, continueTo, client: notes, passkeyOptions: '{}' }}
        asksFor={undefined}
        alternative="recovery-code"
      />
    ),
    'second factor, nothing': (
      <SecondFactorPage
        {...{ page, csrf, continueTo, passkeyOptions: undefined }}
        asksFor={undefined}
        alternative={undefined}
      />
    ),
    'second factor, hostile': (
      <SecondFactorPage
        {...{ page, csrf, continueTo: markup, client: { ...notes, name: endless }, passkeyOptions: undefined }}
        asksFor="recovery-code"
        alternative="one-time-code"
        fault="code_missing"
      />
    ),
    'sign-in, recovered': (
      <SignInPage page={page} csrf={csrf} client={notes} offersSignUp offersRecovery notice="password-recovered" />
    ),
    recover: <RecoverPage sets="password" page={page} csrf={csrf} continueTo={continueTo} signInHref="/sign-in" />,
    'recover, nothing typed': (
      <RecoverPage sets="password" page={page} csrf={csrf} fault="username_missing" signInHref="/sign-in" />
    ),
    'recover, hostile': (
      <RecoverPage
        sets="password"
        page={page}
        csrf={csrf}
        username={markup}
        fault="too_many_attempts"
        retryAfterSeconds={240}
        signInHref="javascript:alert(1)"
      />
    ),
    'sign-in, passkeys only': (
      <SignInPage page={page} csrf={csrf} passkeyOptions="{}" takesPasswords={false} offersRecovery offersSignUp />
    ),
    'recover, passkey': <RecoverPage sets="passkey" page={page} csrf={csrf} signInHref="/sign-in" />,
    'recover, sent': (
      <RecoverSentPage
        page={page}
        minutes={30}
        username="ada@example.com"
        againHref="/recover?name=sealed"
        signInHref="/sign-in"
      />
    ),
    'recover, sent, hostile': (
      <RecoverSentPage
        page={page}
        minutes={30}
        username={markup + endless + rightToLeft}
        againHref="javascript:alert(1)"
        signInHref="javascript:alert(1)"
      />
    ),
    'new password': <NewPasswordPage {...newPassword} />,
    'new password, faults': (
      <NewPasswordPage
        {...newPassword}
        account={{ name: endless, email: 'ada@example.com' }}
        others={[
          { id: 1, kind: 'passkey', createdAt: person.created_at },
          { id: 2, kind: markup, createdAt: person.created_at },
        ]}
        values={new Map([['end-access-offered', '1']])}
        fault="password_too_short"
      />
    ),
    'new password, busy': <NewPasswordPage {...newPassword} fault="busy" retryAfterSeconds={2} />,
    'new password or passkey': <NewPasswordPage {...newPassword} passkeyOptions="{}" />,
    'new passkey': (
      <NewPasswordPage
        {...newPassword}
        takesPassword={false}
        passkeyOptions="{}"
        others={[
          { id: 1, kind: 'passkey', createdAt: person.created_at },
          { id: 2, kind: 'totp', createdAt: person.created_at },
        ]}
        fault="new_passkey_refused"
      />
    ),
    'recovery proof': (
      <RecoveryProofPage {...recoveryProof} provable={{ passkey: '{}', code: 'any', password: true }} />
    ),
    'recovery proof, code': (
      <RecoveryProofPage
        {...recoveryProof}
        provable={{ passkey: undefined, code: 'recovery', password: false }}
        fault="proof_code_wrong"
      />
    ),
    'recovery proof, password': (
      <RecoveryProofPage
        {...recoveryProof}
        account={{ name: endless, email: 'ada@example.com' }}
        provable={{ passkey: undefined, code: 'one_time', password: true }}
        fault="proof_password_wrong"
      />
    ),
    'new recovery codes': (
      <NewRecoveryCodesPage
        page={page}
        codes={['a2b4-c6d8-e2f4-g6h8', 'k2m4-n6p8-q2r4-s6t8']}
        hidden={{}}
        sealed={undefined}
        replacesPassword
        continueHref="/account"
      />
    ),
    'link void': <VoidRecoveryLinkPage page={page} minutes={30} recoverHref="/recover" />,
    'link void, without mail': <VoidRecoveryLinkPage page={page} minutes={30} recoverHref={undefined} />,
    'sign-up, with a passkey instead': (
      <SignUpPage
        first={{ takesPassword: true, passkeyOptions: '{}' }}
        {...{ page, csrf, continueTo, minPasswordLength: 15, domains: [], signInHref: '/sign-in' }}
        values={{}}
        faults={{ form: 'new_passkey_refused' }}
      />
    ),
    'sign-up, passkeys only': (
      <SignUpPage
        first={{ takesPassword: false, passkeyOptions: '{}' }}
        {...{ page, csrf, continueTo, minPasswordLength: 15, domains: [], signInHref: '/sign-in' }}
        values={{}}
        faults={{}}
      />
    ),
    'sign-up': (
      <SignUpPage
        first={first}
        page={page}
        csrf={csrf}
        continueTo={continueTo}
        client={notes}
        values={{}}
        faults={{}}
        minPasswordLength={15}
        domains={[]}
        signInHref="/sign-in"
      />
    ),
    'sign-up, faults': (
      <SignUpPage
        first={first}
        page={page}
        csrf={csrf}
        values={{ name: endless, email: 'ada@' }}
        faults={{ name: 'name_too_long', email: 'email_invalid', password: 'password_too_short', form: 'busy' }}
        minPasswordLength={15}
        domains={[]}
        signInHref="/sign-in"
      />
    ),
    'sign-up, one domain': (
      <SignUpPage
        first={first}
        page={page}
        csrf={csrf}
        values={{}}
        faults={{}}
        minPasswordLength={15}
        domains={['@example.com']}
        signInHref="/sign-in"
      />
    ),
    'sign-up, other domain': (
      <SignUpPage
        first={first}
        page={page}
        csrf={csrf}
        values={{ name: 'Ada Lovelace', email: 'ada@example.org' }}
        faults={{ email: 'email_domain_not_allowed' }}
        minPasswordLength={15}
        domains={['@example.com', '@b\u00fccher.example', `@${'deep.'.repeat(30)}example`]}
        signInHref="/sign-in"
      />
    ),
    invitation: (
      <InvitationPage
        first={first}
        page={page}
        csrf={csrf}
        invitation="secret-of-the-link"
        email="ada@example.com"
        name="Ada Lovelace"
        faults={{}}
        minPasswordLength={15}
      />
    ),
    'invitation, of somebody else': (
      <InvitationPage
        first={first}
        page={page}
        csrf={csrf}
        invitation="secret-of-the-link"
        email="ada@example.com"
        faults={{}}
        minPasswordLength={15}
        current={{ name: 'Charles Babbage', email: 'charles@example.com' }}
      />
    ),
    'invitation, hostile': (
      <InvitationPage
        first={first}
        page={page}
        csrf={csrf}
        invitation={markup}
        email={`${endless.toLowerCase()}@example.com`}
        name={rightToLeft + endless}
        faults={{ form: 'too_many_attempts', name: 'name_too_long', password: 'password_too_short' }}
        minPasswordLength={15}
        retryAfterSeconds={240}
        current={{ name: rightToLeft + endless, email: markup }}
      />
    ),
    'invitation needed': (
      <NoInvitationPage page={page} why="needed" client={notes} signInHref="/sign-in" cancelHref="/" />
    ),
    'invitation, not valid': <NoInvitationPage page={page} why="invalid" signInHref="/sign-in" />,
    'invitation, taken': (
      <NoInvitationPage page={page} why="taken" email={`${endless.toLowerCase()}@example.com`} signInHref="/sign-in" />
    ),
    consent: (
      <ConsentPage
        {...consent}
        client={notes}
        scopes={everyScope.slice(0, 3)}
        resources={[]}
        remembers
        otherAccountHref="/sign-in"
      />
    ),
    'consent, everything': (
      <ConsentPage
        {...consent}
        client={notes}
        scopes={[
          ...everyScope,
          { value: 'invoices:read', description: { text: 'read your invoices', language: undefined } },
          { value: 'invoices:write' },
        ]}
        resources={[
          { identifier: 'https://invoices.example', name: 'Invoices' },
          { identifier: 'urn:example:archive' },
        ]}
        remembers={false}
        otherAccountHref="/sign-in"
      />
    ),
    'consent, single claims': (
      <ConsentPage
        {...consent}
        client={notes}
        scopes={everyScope.slice(0, 1)}
        claims={['email', 'email_verified', 'birthdate', 'given_name']}
        resources={[]}
        remembers
        otherAccountHref="/sign-in"
      />
    ),
    'consent, self-registered': (
      <ConsentPage
        {...consent}
        client={{ ...notes, isSelfRegistered: true }}
        scopes={everyScope.slice(0, 3)}
        claims={[]}
        resources={[]}
        remembers
        otherAccountHref="/sign-in"
      />
    ),
    'consent, every claim': (
      <ConsentPage
        {...consent}
        client={notes}
        scopes={everyScope.slice(0, 1)}
        claims={personalClaimNames}
        resources={[]}
        remembers
        otherAccountHref="/sign-in"
      />
    ),
    'consent, hostile': (
      <ConsentPage
        {...consent}
        client={{ name: `${rightToLeft} ${markup} ${endless}`, policyUri: 'javascript:alert(1)' }}
        account={{ name: endless, email: `${endless.toLowerCase()}@example.com` }}
        scopes={[
          { value: 'constructor' },
          { value: endless },
          { value: 'x', description: { text: markup, language: undefined } },
        ]}
        resources={[{ identifier: `https://${endless}.example/`, name: rightToLeft }]}
        redirectHost={`${'deep.'.repeat(30)}example:8443`}
        otherAccountHref="/sign-in"
        remembers
      />
    ),
    'step-up, password': <StepUpPage {...stepUp} asksForPassword />,
    'step-up, nothing left': <StepUpPage {...stepUp} />,
    'step-up, code': (
      <StepUpPage
        {...stepUp}
        need="aal2"
        client={notes}
        cancelHref="https://notes.example/callback?error=unmet_authentication_requirements"
        asksForPassword
        asksFor="one-time-code"
        alternative="recovery-code"
        faults={{ password: 'account_password_missing', code: 'one_time_code_wrong' }}
      />
    ),
    'step-up, passkey': (
      <StepUpPage
        {...stepUp}
        need="phr"
        client={{ name: `${rightToLeft} ${markup} ${endless}`, policyUri: 'javascript:alert(1)' }}
        account={{ name: endless, email: `${endless.toLowerCase()}@example.com` }}
        cancelHref="javascript:alert(1)"
        passkeyOptions="{}"
        faults={{ form: 'passkey_refused' }}
      />
    ),
    'step-up, recovery code': (
      <StepUpPage {...stepUp} passkeyOptions="{}" asksFor="recovery-code" faults={{ form: 'too_many_attempts' }} />
    ),
    'step-up, set up': <SetUpPage {...stepUp} need="aal2" client={notes} factors={['passkey', 'totp']} />,
    'step-up, nothing to set up': <SetUpPage {...stepUp} need="aal2" factors={[]} />,
    'verify e-mail': <WaitingPage {...waiting} />,
    'verify e-mail, optional': <WaitingPage {...waiting} isRequired={false} notice="sent" />,
    'verify e-mail, no mail yet': <WaitingPage {...waiting} isSent={false} notice="waiting" />,
    'verify e-mail, wrong code': <WaitingPage {...waiting} faults={{ code: 'email_code_wrong' }} />,
    'verify e-mail, wrong address': (
      <WaitingPage
        {...waiting}
        email={`${endless}@example.com`}
        typedEmail={markup}
        faults={{ email: 'email_domain_not_allowed', password: 'account_password_wrong' }}
        domains={['@example.com', '@example.org']}
      />
    ),
    'verify e-mail, no address': <WaitingPage {...waiting} email={undefined} isSent={false} />,
    'verify e-mail, too many attempts': (
      <WaitingPage {...waiting} faults={{ form: 'too_many_attempts' }} retryAfterSeconds={240} />
    ),
    'verify e-mail, link': <LinkPage {...verifyLink} signedIn="own" />,
    'verify e-mail, link elsewhere': <LinkPage {...verifyLink} signedIn={undefined} />,
    'verify e-mail, link in another session': (
      <LinkPage
        {...verifyLink}
        email={`${endless}@example.com`}
        signedIn={{ name: markup }}
        fault="account_password_wrong"
      />
    ),
    'verify e-mail, void link': <VoidVerificationLinkPage page={page} csrf={csrf} minutes={30} token="token" />,
    'verify e-mail, void link, nothing to disown': (
      <VoidVerificationLinkPage page={page} csrf={csrf} minutes={30} token={undefined} />
    ),
    'verify e-mail, done': <VerifyDonePage page={page} done="verified" />,
    'verify e-mail, disowned': <VerifyDonePage page={page} done="disowned" />,
    'verify e-mail, taken': <TakenPage page={page} csrf={csrf} email={rightToLeft} />,
    device: <UserCodePage page={page} csrf={csrf} isSignedIn={false} code="WDJB-MJHT" />,
    'device, wrong code': <UserCodePage page={page} csrf={csrf} isSignedIn code={markup} fault="user_code_invalid" />,
    'device, too many attempts': (
      <UserCodePage page={page} csrf={csrf} isSignedIn fault="too_many_attempts" retryAfterSeconds={240} />
    ),
    'device consent': (
      <DeviceConsentPage
        {...deviceConsent}
        account={ada}
        client={notes}
        scopes={everyScope.slice(0, 3)}
        resources={[]}
        otherAccountHref="/sign-in"
      />
    ),
    'device consent, self-registered': (
      <DeviceConsentPage
        {...deviceConsent}
        account={ada}
        client={{ ...notes, isSelfRegistered: true }}
        scopes={everyScope.slice(0, 3)}
        resources={[]}
        otherAccountHref="/sign-in"
      />
    ),
    'device consent, hostile': (
      <DeviceConsentPage
        {...deviceConsent}
        account={{ name: endless, email: `${endless.toLowerCase()}@example.com` }}
        client={{ name: `${rightToLeft} ${markup} ${endless}`, policyUri: 'javascript:alert(1)' }}
        scopes={[...everyScope, { value: 'constructor' }, { value: endless }]}
        resources={[{ identifier: `https://${endless}.example/`, name: rightToLeft }]}
        otherAccountHref="/sign-in"
      />
    ),
    'device, allowed': <DeviceDonePage page={page} decision="allowed" />,
    'device, denied': <DeviceDonePage page={page} decision="denied" />,
    'form post': (
      <FormPostPage
        page={page}
        action="https://notes.example/callback"
        parameters={[
          ['code', markup],
          ['state', 's'],
        ]}
      />
    ),
    'confirm logout': (
      <ConfirmLogoutPage page={page} csrf={csrf} continueTo={continueTo} client={notes} account={ada} />
    ),
    'confirm logout, hostile': (
      <ConfirmLogoutPage page={page} csrf={csrf} client={{ name: markup }} account={{ name: rightToLeft + endless }} />
    ),
    'signed out': <SignedOutPage page={page} />,
    'signed out, with a way back': <SignedOutPage page={page} client={notes} returnHref="http://localhost:4001/" />,
    'signed out, going on': <SignedOutPage page={page} client={notes} leavesTo="https://notes.example/bye" />,
    'signed out, going on, hostile': (
      <SignedOutPage page={page} client={{ name: markup }} leavesTo="com.example.app:/bye?x=%22%3E" />
    ),
    error: (
      <ErrorPage
        page={page}
        status={400}
        title={errors.expiredTitle}
        description={errors.expired}
        requestId="01jd8y5m8q"
        code="invalid_request"
        codeHref="/errors?request_id=01jd8y5m8q#sign_in_expired"
        nextLink={{ href: 'https://notes.example/', label: fillText(errors.backTo, { client: 'Notes' }) }}
      />
    ),
    'error, of a request': (
      <ErrorPage
        page={page}
        status={400}
        title={errors.requestTitle}
        description={errors.request}
        requestId="01jd8y5m8q"
        explanation="The redirect_uri is not registered for this client."
        code="invalid_request"
        codeHref="/errors?request_id=01jd8y5m8q#redirect_uri_unregistered"
        nextLink={{ href: '/', label: errors.home }}
      />
    ),
    'error, unknown client': (
      <ErrorPage
        page={page}
        status={400}
        title={errors.unknownClientTitle}
        description={errors.unknownClient}
        requestId="01jd8y5m8q"
        explanation="No client has this client_id."
        code="invalid_request"
        codeHref="/errors?request_id=01jd8y5m8q#client_unknown"
        nextLink={{ href: '/', label: errors.home }}
      />
    ),
    'error, hostile': (
      <ErrorPage
        page={page}
        status={404}
        title={endless}
        description={markup}
        requestId={endless}
        nextLink={{ href: 'https://notes.example/', label: rightToLeft + endless }}
      />
    ),
    errors: (
      <ErrorReferencePage
        page={page}
        requestId="5mUJXKqTQb0pPn2w"
        errors={['code_verifier_wrong', 'post_logout_redirect_uri_not_registered']}
      />
    ),
    home: <HomePage page={page} csrf={csrf} offersSignUp />,
    'home, signed in': <HomePage page={page} csrf={csrf} account={ada} />,
    inspect: <InspectPage page={page} issuer="https://id.example" />,
    account: onAccount(
      profileDefinition,
      <>
        <AvatarSection {...section} form={filled()} picture={undefined} />
        <ProfileSection {...section} form={filled(profileValues(person))} stored={person} />
      </>,
      {
        notice: 'profile-saved',
      },
    ),
    'account, picture': onAccount(
      profileDefinition,
      <AvatarSection
        {...section}
        form={filled()}
        picture={{ url: 'https://id.example/avatars/picture', path: '/avatars/picture' }}
      />,
      { notice: 'picture-saved' },
    ),
    'account, picture, refused': onAccount(
      profileDefinition,
      <AvatarSection
        {...section}
        form={filled([], wrongPicture)}
        picture={{ url: `https://ada.example/${markup}`, path: undefined }}
      />,
      { faults: wrongPicture },
    ),
    'account, sign-in, changing address': onAccount(
      signInDefinition,
      <SignInNamesSection
        asksPassword
        {...section}
        form={filled([['username', 'ada']])}
        email={{ address: ada.email, isVerified: true }}
        pendingEmail="ada.lovelace@example.org"
        verifyEmailHref="/verify-email?continue=sealed-request"
      />,
      { notice: 'email-change-cancelled' },
    ),
    'account, sign-in, unverified': onAccount(
      signInDefinition,
      <SignInNamesSection
        asksPassword
        {...section}
        form={filled([['email', 'ada@elsewhere.example']], unverified)}
        email={{ address: ada.email, isVerified: false }}
        verifyEmailHref="/verify-email?continue=sealed-request"
      />,
      { faults: unverified },
    ),
    'account, security': onAccount(
      securityDefinition,
      <>
        <PasskeysSection {...factors} form={filled()} passkeys={[]} />
        <CodesSection {...factors} totp={undefined} />
        <PasswordSection {...password} form={filled()} />
      </>,
      { notice: 'password-changed' },
    ),
    'account, security, wrong password': onAccount(
      securityDefinition,
      <PasswordSection
        {...password}
        // The checkbox was not ticked.
        form={filled([['end-applications-offered', '1']], wrongPassword)}
        ownNames={[markup]}
      />,
      { faults: wrongPassword },
    ),
    'account, security, two factors': onAccount(
      securityDefinition,
      <>
        <PasskeysSection {...factors} form={filled([], wrongName)} passkeys={passkeys} />
        <CodesSection {...factors} totp={{ ...totp, kept: undefined }} />
        <RecoveryCodesLeft page={page} set={{ createdAt: person.created_at, left: 7 }} timeZone={person.zoneinfo} />
        <PasswordSection {...password} form={filled()} canRemove />
      </>,
      { faults: wrongName },
    ),
    'account, security, not proven': onAccount(
      securityDefinition,
      <>
        <ConfirmSection page={page} href="/step-up?continue=sealed-page" />
        <PasskeysSection {...factors} form={filled()} passkeys={passkeys} isProven={false} canAdd={false} />
        <CodesSection {...factors} isProven={false} totp={{ ...totp, isUsable: false }} />
        <RecoveryCodesLeft page={page} set={undefined} timeZone={undefined} />
        <PasswordSection {...password} form={filled()} canChange={false} />
      </>,
    ),
    'account, security, without password or host name': onAccount(
      securityDefinition,
      <>
        <PasskeysSection {...factors} form={filled()} passkeys={passkeys.slice(0, 1)} isOffered={false} />
        <CodesSection {...factors} totp={totp} />
        <PasswordSection {...password} form={filled()} state="none" />
      </>,
    ),
    'account, security, passwords not accepted': onAccount(
      securityDefinition,
      <PasswordSection {...password} form={filled()} state="not-accepted" canChange={false} canRemove />,
      { notice: 'factor-gone' },
    ),
    'account, new passkey': onAccount(
      newPasskeyDefinition,
      <NewPasskeySection {...newPasskey} next={undefined} name={undefined} options="{}" />,
    ),
    'account, new passkey, too many': onAccount(
      newPasskeyDefinition,
      <NewPasskeySection {...newPasskey} next={continueTo} name={markup} options="{}" canAdd={false} />,
      { faults: new Map([['form', 'too_many_passkeys']]) },
    ),
    'account, new passkey, without a host name': onAccount(
      newPasskeyDefinition,
      <NewPasskeySection {...newPasskey} next={undefined} name={undefined} options={undefined} isOffered={false} />,
    ),
    'account, new codes': onAccount(newCodesDefinition, <NewCodesSection {...newCodes} form={filled()} />),
    'account, new codes, wrong code': onAccount(
      newCodesDefinition,
      <NewCodesSection {...newCodes} form={filled([], wrongCode)} replaces next={undefined} offersPasskey={false} />,
      { faults: wrongCode },
    ),
    'account, new codes, without password': onAccount(
      newCodesDefinition,
      <NewCodesSection {...newCodes} form={filled()} hasPassword={false} />,
    ),
    'account, new recovery codes': onAccount(
      recoveryCodesDefinition,
      <NewRecoveryCodesSection {...{ page, hidden }} left={3} hasFactor />,
    ),
    'account, new recovery codes, no factor': onAccount(
      recoveryCodesDefinition,
      <NewRecoveryCodesSection {...{ page, hidden }} left={undefined} hasFactor={false} />,
    ),
    'account, recovery codes': onAccount(
      newCodesDefinition,
      <RecoveryCodes
        {...{ page, hidden, codes: recoveryCodes }}
        sealed="sealed-codes"
        done={page.messages.accountNotices['codes-added']}
        continueHref="/authorize?continue=sealed-request"
      />,
    ),
    'account, sessions': onAccount(
      sessionsDefinition,
      <SessionsSection
        {...{ page, hidden, sessionCount: 2, sessionsTruncated: false, timeZone: person.zoneinfo }}
        sessions={[signedIn('one', 5), signedIn('two', 3)]}
      />,
    ),
    'account, sessions, many': onAccount(
      sessionsDefinition,
      <SessionsSection
        {...{ page, hidden, sessionCount: 12, sessionsTruncated: true, timeZone: 'Nowhere/Else' }}
        sessions={[
          signedIn('one', 5),
          { ...signedIn('two', 3), device: { browser: undefined, system: undefined } },
          { ...signedIn('three', 2), device: undefined, network: undefined },
        ]}
      />,
    ),
    'account, applications': onAccount(
      applicationsDefinition,
      <ApplicationsSection
        {...{
          page,
          hidden,
          issuer: 'https://id.example',
          applicationsTruncated: true,
          scopeDescriptions: [],
          timeZone: person.zoneinfo,
        }}
        applications={[
          {
            clientId: 'client_notes' as ClientId,
            name: 'Notes',
            scopes: ['invoices:read', 'openid', 'profile', 'email', 'offline_access'],
            claims: ['phone_number'],
            since: new Date('2026-11-02T08:00:00Z'),
            initiateLoginUri: 'https://notes.example/login',
            isSelfRegistered: false,
          },
          {
            clientId: 'client_bare' as ClientId,
            name: 'Bare',
            scopes: [],
            claims: [],
            since: new Date('2026-11-03T08:00:00Z'),
            initiateLoginUri: undefined,
            isSelfRegistered: false,
          },
          {
            clientId: 'client_assistant' as ClientId,
            name: 'Assistant',
            scopes: ['openid'],
            claims: [],
            since: new Date('2026-11-04T08:00:00Z'),
            initiateLoginUri: 'https://assistant.example/login?from=signet',
            isSelfRegistered: true,
          },
        ]}
      />,
    ),
    'account, applications, none': onAccount(
      applicationsDefinition,
      <ApplicationsSection
        {...{
          page,
          hidden,
          issuer: 'https://id.example',
          applicationsTruncated: false,
          scopeDescriptions: [],
          timeZone: undefined,
        }}
        applications={[]}
      />,
    ),
    'not me': <NotMePage {...notMe} takesPassword />,
    'not me, with a passkey or a code': (
      <NotMePage {...notMe} kind="factor-added" passkeyOptions="{}" takesCode takesPassword fault="report_not_proven" />
    ),
    'not me, one-time code': <NotMePage {...notMe} kind="report-link" takesCode takesOneTimeCode takesPassword />,
    'not me, hostile': (
      <NotMePage {...notMe} kind={markup} email={`${markup}@${endless.toLowerCase()}.example`} offersRecovery={false} />
    ),
    'not me, too many attempts': (
      <NotMePage {...notMe} takesPassword fault="too_many_attempts" retryAfterSeconds={240} />
    ),
    'not me, invalid link': <VoidNotMeLinkPage page={page} offersRecovery />,
    'account, data': onAccount(dataDefinition, <DataSections {...{ page, hidden }} confirmHref={undefined} />),
    'account, data, not proven': onAccount(
      dataDefinition,
      <DataSections {...{ page, hidden }} confirmHref="/step-up" />,
    ),
    'account, deletion': onAccount(
      deletionDefinition,
      <DeletionSection
        {...section}
        form={filled([['account-name', 'Ada']], new Map([['account-name', 'account_name_wrong']]))}
        sub={endless}
        nameToType={`${endless.toLowerCase()}@example.com`}
        toldAt={`${endless.toLowerCase()}@example.com`}
      />,
      { faults: new Map([['account-name', 'account_name_wrong']]) },
    ),
    'account deleted': <AccountDeletedPage page={page} toldAt="ada@example.com" />,
    'account, activity': onAccount(
      activityDefinition,
      <ActivitySection
        {...{ page, events: happened, timeZone: person.zoneinfo }}
        olderHref="/account/activity"
        isOlder
      />,
      { notice: 'report-link-sent' },
    ),
    'account, activity, nothing': onAccount(
      activityDefinition,
      <ActivitySection {...{ page, events: [], timeZone: undefined, olderHref: undefined }} isOlder={false} />,
    ),
    'account, report': onAccount(
      activityReportDefinition,
      <ActivityReportSection
        {...{ page, hidden, timeZone: undefined, handle: 'sealed' }}
        event={happened[0]}
        canMail
      />,
    ),
    'account, report, too late': onAccount(
      activityReportDefinition,
      <ActivityReportSection
        {...{ page, hidden, timeZone: undefined, handle: '' }}
        event={undefined}
        canMail={false}
      />,
    ),
    'undo-email-change': <UndoEmailChangePage {...undo} newEmail="grace@example.net" />,
    'undo-email-change, removed': (
      <UndoEmailChangePage {...undo} newEmail={undefined} fault="previous_password_wrong" />
    ),
    'undo-email-change, hostile': (
      <UndoEmailChangePage
        {...undo}
        previousEmail={`${markup}@${endless.toLowerCase()}.example`}
        newEmail={`${rightToLeft}@${endless.toLowerCase()}.example`}
        fault="previous_address_taken"
      />
    ),
    'undo-email-change, too many attempts': (
      <UndoEmailChangePage {...undo} newEmail="grace@example.net" fault="too_many_attempts" retryAfterSeconds={240} />
    ),
    'undo-email-change, no mail': <UndoEmailChangePage {...undo} newEmail="grace@example.net" offersRecovery={false} />,
    'undo-email-change, with factors': (
      <UndoEmailChangePage
        {...undo}
        newEmail="grace@example.net"
        provable={{ passkey: '{}', code: 'any', password: true }}
        fault="proof_missing"
      />
    ),
    'undo-email-change, done': <UndoDonePage page={page} offersRecovery />,
    'undo-email-change, done and no mail': <UndoDonePage page={page} offersRecovery={false} />,
    'undo-email-change, invalid link': <VoidUndoLinkPage page={page} />,
    'account, faults': onAccount(
      profileDefinition,
      <ProfileSection
        {...section}
        form={filled(
          [
            ['name', endless],
            ['website', 'http://ada.example/'],
            ['street_address', rightToLeft],
          ],
          wrongProfile,
        )}
        stored={{}}
      />,
      { faults: wrongProfile },
    ),
    'account, hostile': onAccount(
      profileDefinition,
      <ProfileSection
        {...section}
        form={filled(
          profileValues({
            ...person,
            name: markup,
            nickname: rightToLeft + endless,
            website: 'javascript:alert(1)',
            address: { formatted: `</textarea>${markup}` },
            birthdate: '1815',
            locale: markup,
            zoneinfo: markup,
          }),
        )}
        stored={{ locale: markup, zoneinfo: markup }}
      />,
      { account: { name: markup, email: `${endless.toLowerCase()}@example.com` } },
    ),
    'account, sessions, hostile': onAccount(
      sessionsDefinition,
      <SessionsSection
        {...{ page, hidden, sessionCount: 2, sessionsTruncated: false, timeZone: markup }}
        sessions={[signedIn(endless, 5), signedIn(markup, 3)]}
      />,
    ),
    'account, applications, hostile': onAccount(
      applicationsDefinition,
      <ApplicationsSection
        {...{
          page,
          hidden,
          issuer: 'https://id.example',
          applicationsTruncated: false,
          scopeDescriptions: [],
          timeZone: undefined,
        }}
        applications={[
          {
            clientId: endless as ClientId,
            name: `${rightToLeft} ${markup} ${endless}`,
            scopes: ['constructor', '__proto__', endless, markup],
            claims: ['constructor', '__proto__', markup],
            since: new Date(0),
            initiateLoginUri: `https://${'a'.repeat(60)}.${'b'.repeat(60)}.example/"${markup}`,
            isSelfRegistered: true,
          },
          {
            clientId: 'client_script' as ClientId,
            name: 'Script',
            scopes: [],
            claims: [],
            since: new Date(0),
            initiateLoginUri: 'javascript:alert(1)',
            isSelfRegistered: true,
          },
        ]}
      />,
    ),
  }
}

/**
 * One of the sample pages.
 *
 * @throws if there is none with that name
 */
export function samplePage(name: string, language = 'en', brand = plainBrand): VNode {
  const sample = samplePages(language, brand)[name]
  if (!sample) throw new Error(`There is no sample page ${name}.`)
  return sample
}
