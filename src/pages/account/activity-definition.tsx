import { deviceReader } from '../../platform/http/device.ts'
import { sentValue } from '../../protocol/http/parameters.ts'
import { documentHost } from '../../records/clients/document-host.ts'
import { type Activity, listActivity } from '../../records/events/activity-store.ts'
import type { AccountDefinition, AccountView } from './account-definition.ts'
import { ActivitySection, type PageActivity } from './activity-section.tsx'
import { isReportable, reportableDays, shownTypes, showsOrigin } from './activity-words.ts'
import { eventHandle, readEventHandle } from './event-handle.ts'

/** The number of events on a page. */
const perPage = 30

/** What happened in and to the account, from its events. */
export const activityDefinition: AccountDefinition = {
  path: '/account/activity',
  ownPage: 'activity',
  title: (messages) => messages.activity.title,
  menuLabel: (messages) => messages.accountMenu.activity,
  scripts: ['local-times.js'],
  show: showActivity,
  forms: [],
}

async function showActivity({ signet, session, page, timeZone, request }: AccountView) {
  const { sub } = session.account
  const before = await readEventHandle(signet.secrets, sub, sentValue(request.query, 'before'))
  const [{ events, next }, shown] = await Promise.all([
    listActivity(signet.database, sub, shownTypes, before, perPage),
    eventShower(signet, sub),
  ])
  const olderHref =
    next === undefined
      ? undefined
      : `/account/activity?before=${eventHandle(signet.secrets['request-sealing'], sub, next)}`
  return (
    <ActivitySection {...{ page, timeZone, olderHref }} events={events.map(shown)} isOlder={before !== undefined} />
  )
}

/** How events of a person are shown. */
export async function eventShower({ secrets, clock }: AccountView['signet'], sub: string) {
  const readDevice = await deviceReader()
  const oldest = clock.now() - reportableDays * 86_400_000
  return (event: Activity): PageActivity => {
    const { id, at, type, detail, clientName, client, network, userAgent } = event
    const handle = eventHandle(secrets['request-sealing'], sub, id)
    return {
      ...{ id: handle, at, type, detail, clientName },
      clientHost: client && documentHost(client),
      origin: network !== undefined && showsOrigin(event) ? { network, device: readDevice(userAgent) } : undefined,
      reportHref: isReportable(event) && at.getTime() > oldest ? `/account/activity/not-me?event=${handle}` : undefined,
    }
  }
}
