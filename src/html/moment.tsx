import type { PageLanguage } from './messages/messages.ts'

/**
 * A point in time in the person's language and in the time zone of their profile. Without a time zone in the profile, `local-times.js`
 * shows it in the browser's, and without that script it is in UTC. The zone is always named.
 */
export function Moment({
  page,
  at,
  timeZone,
  dateOnly = false,
}: {
  readonly page: PageLanguage
  readonly at: Date
  /** Their `zoneinfo` (OpenID Connect Core §5.1). */
  readonly timeZone: string | undefined
  readonly dateOnly?: boolean
}) {
  const chosen = known(timeZone)
  const date = { year: 'numeric', month: 'long', day: 'numeric', timeZone: chosen ?? 'UTC' } as const
  const options = dateOnly ? date : ({ ...date, hour: 'numeric', minute: '2-digit', timeZoneName: 'short' } as const)
  return (
    <time dateTime={at.toISOString()} data-local={chosen === undefined ? (dateOnly ? 'date' : 'moment') : undefined}>
      {new Intl.DateTimeFormat(page.locale, options).format(at)}
    </time>
  )
}

/** The time zone, if this Node.js knows it. The profile may have been saved with another version, perhaps years ago. */
function known(timeZone: string | undefined): string | undefined {
  if (timeZone === undefined) return undefined
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}
