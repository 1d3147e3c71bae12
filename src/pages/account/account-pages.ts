import type { Messages } from '../../html/messages/messages.ts'
import type { AccountDefinition } from './account-definition.ts'
import type { MenuEntry } from './account-page.tsx'
import { activityDefinition } from './activity-definition.tsx'
import { activityReportDefinition } from './activity-report-definition.tsx'
import { applicationsDefinition } from './applications-definition.tsx'
import { dataDefinition } from './data-definition.tsx'
import { deletionDefinition } from './deletion-definition.tsx'
import { newCodesDefinition } from './new-codes-definition.tsx'
import { newPasskeyDefinition } from './new-passkey-definition.tsx'
import { profileDefinition } from './profile-definition.tsx'
import { recoveryCodesDefinition } from './recovery-codes-definition.tsx'
import { securityDefinition } from './security-definition.tsx'
import { sessionsDefinition } from './sessions-definition.tsx'
import { signInDefinition } from './sign-in-definition.tsx'

/** All pages of the account. Those with a label are in the menu, in this order. */
export const accountPages: readonly AccountDefinition[] = [
  profileDefinition,
  signInDefinition,
  securityDefinition,
  newPasskeyDefinition,
  newCodesDefinition,
  recoveryCodesDefinition,
  sessionsDefinition,
  applicationsDefinition,
  activityDefinition,
  activityReportDefinition,
  dataDefinition,
  deletionDefinition,
]

/** The menu as a page shows it. */
export function menuFor(messages: Messages, { path, belongsTo = path }: AccountDefinition): readonly MenuEntry[] {
  return accountPages.flatMap(({ path: href, menuLabel }) =>
    menuLabel ? [{ href, label: menuLabel(messages), isCurrent: href === belongsTo }] : [],
  )
}
