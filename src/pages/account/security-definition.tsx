import { strengthScript } from '../../html/new-password-field.tsx'
import { minLengthOf } from '../../operations/new-password.ts'
import type { Account } from '../../records/accounts/account.ts'
import type { AccountDefinition } from './account-definition.ts'
import { submitPassword } from './password-form.ts'
import { PasswordSection } from './password-section.tsx'

/** What the person signs in with. */
export const securityDefinition: AccountDefinition = {
  path: '/account/security',
  ownPage: 'security',
  title: (messages) => messages.account.security,
  menuLabel: (messages) => messages.accountMenu.security,
  scripts: ['show-password.js', strengthScript],
  show: async ({ signet, session, page, hidden, form, textOf }) => (
    <PasswordSection
      {...{ page, hidden, textOf }}
      form={form('password')}
      signInName={session.account.email ?? session.account.username}
      ownNames={ownNames(session.account)}
      minPasswordLength={await minLengthOf(signet, session.account.sub)}
    />
  ),
  forms: [{ path: '/account/password', name: 'password', submit: submitPassword }],
}

function ownNames({ name, given_name, family_name, nickname, username, email }: Account): string[] {
  return [name, given_name, family_name, nickname, username, email].filter((text) => text !== undefined)
}
