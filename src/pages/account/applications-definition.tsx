import { applicationsOverview } from '../../operations/account-overview.ts'
import type { AccountDefinition } from './account-definition.ts'
import { submitDisconnection } from './applications-form.ts'
import { ApplicationsSection } from './applications-section.tsx'

/** Which applications have access to the account. */
export const applicationsDefinition: AccountDefinition = {
  path: '/account/applications',
  ownPage: 'applications',
  title: (messages) => messages.account.applications,
  menuLabel: (messages) => messages.accountMenu.applications,
  scripts: ['local-times.js'],
  show: async ({ signet, session, page, hidden, timeZone }) => (
    <ApplicationsSection
      {...{ page, hidden, timeZone, ...(await applicationsOverview(signet, session)) }}
      issuer={signet.settings.issuer}
    />
  ),
  forms: [{ path: '/account/applications/disconnect', submit: submitDisconnection }],
}
