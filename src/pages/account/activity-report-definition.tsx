import { sentValue } from '../../protocol/http/parameters.ts'
import { findActivity } from '../../records/events/activity-store.ts'
import type { AccountDefinition, AccountView } from './account-definition.ts'
import { eventShower } from './activity-definition.tsx'
import { submitReport, submitReportLink } from './activity-report-form.ts'
import { ActivityReportSection } from './activity-report-section.tsx'
import { isReportable, reportableDays } from './activity-words.ts'
import { readEventHandle } from './event-handle.ts'

/** Where a person reports that something in the recent activity was not them. Opening it changes nothing. */
export const activityReportDefinition: AccountDefinition = {
  path: '/account/activity/not-me',
  ownPage: 'not-me',
  title: (messages) => messages.notMe.title,
  belongsTo: '/account/activity',
  scripts: ['local-times.js'],
  show: showReport,
  forms: [
    { path: '/account/activity/not-me', name: 'report', submit: submitReport },
    {
      path: '/account/activity/not-me/send',
      name: 'report-link',
      isOffered: ({ mail }) => mail.delivery !== 'none',
      submit: submitReportLink,
    },
  ],
}

async function showReport({ signet, session, page, hidden, timeZone, request, form }: AccountView) {
  const { sub, email, email_verified } = session.account
  const typed = ['report', 'report-link'].map((name) => form(name).values.get('event'))
  const handle = sentValue(request.query, 'event') ?? typed.find((one) => one !== undefined) ?? ''
  const id = await readEventHandle(signet.secrets, sub, handle)
  const found = id === undefined ? undefined : await findActivity(signet.database, sub, id, reportableDays)
  const event = found && isReportable(found) ? (await eventShower(signet, sub))(found) : undefined
  const canMail = email !== undefined && email_verified && signet.settings.mail.delivery !== 'none'
  return <ActivityReportSection {...{ page, hidden, timeZone, event, handle, canMail }} />
}
