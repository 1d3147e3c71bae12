import { ClientName, shownName } from '../../html/account-and-client.tsx'
import { deviceInWords } from '../../html/device-in-words.ts'
import { fill, type PageContext } from '../../html/messages/messages.ts'
import { Moment } from '../../html/moment.tsx'
import type { Device } from '../../platform/http/device.ts'
import type { Activity } from '../../records/events/activity-store.ts'
import { wordFor } from './activity-words.ts'

/** An event as the page shows it. */
export interface PageActivity extends Pick<Activity, 'type' | 'at' | 'detail' | 'clientName'> {
  /** The host of the application's client ID metadata document; undefined if it has none. */
  readonly clientHost: string | undefined
  /** Identifies it on this page. */
  readonly id: string
  /** Where it came from; undefined if that is not shown, or no request caused it. */
  readonly origin: { readonly device: Device; readonly network: string } | undefined
  /** Where the person reports it; undefined if they cannot. */
  readonly reportHref: string | undefined
}

interface EventProps {
  readonly page: PageContext
  readonly event: PageActivity
  readonly timeZone: string | undefined
}

/** What happened, when, and from where. */
export function EventInWords({ page, event, timeZone }: EventProps) {
  const { activity, activityEvents, devices } = page.messages
  const { browserOnSystem, unknownDevice } = devices
  const { origin, detail, clientName, clientHost } = event
  const by = detail['by']
  return (
    <>
      <p class="name">
        {fill(activityEvents[wordFor(event)], {
          application:
            clientName === undefined ? (
              activity.someApplication
            ) : (
              <ClientName client={{ name: clientName, documentHost: clientHost }} />
            ),
          group: <bdi>{shownName(String(detail['group'] ?? ''))}</bdi>,
        })}
      </p>
      <p>
        <Moment page={page} at={event.at} timeZone={timeZone} />
      </p>
      {origin && (
        <p>
          {fill(activity.origin, {
            device: <bdi>{deviceInWords({ browserOnSystem, unknownDevice }, origin.device)}</bdi>,
            network: <bdi>{origin.network}</bdi>,
          })}
        </p>
      )}
      {detail['new_browser'] === true && <p>{activity.newBrowser}</p>}
      {by !== undefined && <p>{by === 'schedule' ? activity.byItself : activity.byOperator}</p>}
    </>
  )
}

export interface ActivitySectionProps {
  readonly page: PageContext
  readonly events: readonly PageActivity[]
  readonly timeZone: string | undefined
  /** Where older events are; undefined if there are none. */
  readonly olderHref: string | undefined
  /** Whether these are not the newest events. */
  readonly isOlder: boolean
}

/** What happened in and to the account, newest first. */
export function ActivitySection({ page, events, timeZone, olderHref, isOlder }: ActivitySectionProps) {
  const { activity } = page.messages
  return (
    <section>
      <p class="about">{activity.lead}</p>
      {events.length === 0 && <p>{activity.nothing}</p>}
      <ul class="rows">
        {events.map((event, index) => (
          <li class="row" key={event.id}>
            <div class="row-text" id={`event-${index + 1}`}>
              <EventInWords {...{ page, event, timeZone }} />
            </div>
            {event.reportHref !== undefined && (
              <a
                class="button"
                id={`report-${index + 1}`}
                href={event.reportHref}
                aria-describedby={`event-${index + 1}`}
              >
                {activity.notMe}
              </a>
            )}
          </li>
        ))}
      </ul>
      {isOlder && (
        <p class="actions">
          <a class="button" id="newest" href="/account/activity">
            {activity.newest}
          </a>
        </p>
      )}
      {olderHref !== undefined && (
        <p class="actions">
          <a class="button" id="older" href={olderHref}>
            {activity.older}
          </a>
        </p>
      )}
    </section>
  )
}
