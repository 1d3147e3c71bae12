import type { AccountDefinition } from './account-definition.ts'
import { profileValues, submitProfile } from './profile-form.ts'
import { ProfileSection } from './profile-section.tsx'

/** The claims of OpenID Connect Core §5.1. */
export const profileDefinition: AccountDefinition = {
  path: '/account',
  ownPage: 'account',
  title: (messages) => messages.account.profile,
  menuLabel: (messages) => messages.accountMenu.profile,
  show: ({ page, hidden, session, form, textOf }) => (
    <ProfileSection {...{ page, hidden, textOf }} form={form('profile', profileValues(session.account))} />
  ),
  forms: [{ path: '/account/profile', name: 'profile', submit: submitProfile }],
}
