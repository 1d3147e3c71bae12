import { ownHref } from '../../html/link-target.ts'
import { strengthScript } from '../../html/new-password-field.tsx'
import { sealOwnPage } from '../../interaction/continue-value.ts'
import { mayChangePassword } from '../../operations/change-password.ts'
import { recoveryCodesOf } from '../../operations/replace-recovery-codes.ts'
import type { Account } from '../../records/accounts/account.ts'
import { whyKept } from '../../records/accounts/factor-removal.ts'
import { hasSecondFactor, isFreshlyProven, kindsOf, offersPasskeys } from '../../records/accounts/factors.ts'
import { type Factor, listFactors } from '../../records/accounts/factors-store.ts'
import { maxPasskeys } from '../../records/accounts/passkeys-store.ts'
import { minLengthFor } from '../../records/accounts/password-rules.ts'
import type { AccountDefinition, AccountView } from './account-definition.ts'
import { submitCodesRemoval } from './codes-form.tsx'
import { CodesSection, RecoveryCodesLeft } from './codes-section.tsx'
import { submitPasskeyName, submitPasskeyRemoval } from './passkey-form.tsx'
import { passkeyHandle } from './passkey-handle.ts'
import { PasskeysSection } from './passkeys-section.tsx'
import { submitNewPassword, submitPassword, submitPasswordRemoval } from './password-form.ts'
import { PasswordSection } from './password-section.tsx'
import { ConfirmSection } from './security-section.tsx'

/** What the person signs in with. */
export const securityDefinition: AccountDefinition = {
  path: '/account/security',
  ownPage: 'security',
  title: (messages) => messages.account.security,
  menuLabel: (messages) => messages.accountMenu.security,
  scripts: ['local-times.js', 'show-password.js', strengthScript],
  show: showSecurity,
  forms: [
    { path: '/account/password', name: 'password', submit: submitPassword },
    { path: '/account/security/password', name: 'password', submit: submitNewPassword },
    { path: '/account/security/password/remove', submit: submitPasswordRemoval },
    { path: '/account/security/passkeys/rename', name: 'passkey-name', submit: submitPasskeyName },
    { path: '/account/security/passkeys/remove', submit: submitPasskeyRemoval },
    { path: '/account/security/codes/remove', submit: submitCodesRemoval },
  ],
}

/** Shows the factors to everybody who is signed in, and the forms that change them only to somebody who has just proven themselves. */
async function showSecurity(view: AccountView) {
  const { signet, session, page, hidden, form, textOf, timeZone } = view
  const { settings, secrets, database, clock } = signet
  const { account } = session
  const [factors, recoveryCodes] = await Promise.all([
    listFactors(database, account.sub),
    recoveryCodesOf(signet, account.sub),
  ])
  const kinds = kindsOf(factors)
  const isProven = isFreshlyProven(session, kinds, clock.now())
  const ofKind = (kind: string) => factors.filter((factor) => factor.kind === kind)
  const kept = ({ id }: Factor) => whyKept(settings, factors, id)
  const [password] = ofKind('password')
  const [totp] = ofKind('totp')
  const isPasswordOn = settings.passwordSignIn === 'on'
  const passkeys = ofKind('passkey').map((passkey) => ({
    ...passkey,
    name: passkey.name ?? '',
    handle: passkeyHandle(secrets['request-sealing'], account.sub, passkey.id),
    kept: kept(passkey),
  }))
  const shared = { page, hidden, textOf, timeZone, isProven }
  return (
    <>
      {!isProven && (
        <ConfirmSection
          page={page}
          href={ownHref('/step-up', { continue: sealOwnPage(secrets['request-sealing'], 'security') })}
        />
      )}
      <PasskeysSection
        {...shared}
        form={form('passkey-name')}
        isOffered={offersPasskeys(settings)}
        passkeys={passkeys}
        canAdd={passkeys.length < maxPasskeys}
      />
      {(totp || (isPasswordOn && password)) && (
        <CodesSection
          {...shared}
          totp={totp && { ...totp, isUsable: isUsable(totp, secrets['totp-sealing']), kept: kept(totp) }}
        />
      )}
      {hasSecondFactor(kinds) && <RecoveryCodesLeft {...{ page, timeZone }} set={recoveryCodes} />}
      {(isPasswordOn || password) && (
        <PasswordSection
          {...{ page, hidden, textOf }}
          form={form('password')}
          signInName={account.email ?? account.username}
          ownNames={ownNames(account)}
          minPasswordLength={minLengthFor(settings, ['password', ...kinds])}
          state={password ? (isPasswordOn ? 'set' : 'not-accepted') : 'none'}
          canChange={password ? mayChangePassword(session, kinds, clock.now()) : isProven}
          canRemove={isProven && password !== undefined && kept(password) === undefined}
        />
      )}
    </>
  )
}

function isUsable({ version }: Factor, { versions }: { readonly versions: ReadonlyMap<number, Buffer> }): boolean {
  return version !== undefined && versions.has(version)
}

function ownNames({ name, given_name, family_name, nickname, username, email }: Account): string[] {
  return [name, given_name, family_name, nickname, username, email].filter((text) => text !== undefined)
}
