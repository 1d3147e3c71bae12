import type { PageContext } from '../../platform/pages/page-context.ts'

/** A point in time in the person's language and, where they have told it, their time zone; the zone is always named. */
export function Moment({
  page,
  at,
  timeZone,
  dateOnly = false,
}: {
  readonly page: PageContext
  readonly at: Date
  /** Their `zoneinfo` (OpenID Connect Core §5.1). */
  readonly timeZone: string | undefined
  readonly dateOnly?: boolean
}) {
  const date = { year: 'numeric', month: 'long', day: 'numeric', timeZone: known(timeZone) } as const
  const options = dateOnly ? date : ({ ...date, hour: 'numeric', minute: '2-digit', timeZoneName: 'short' } as const)
  return <time dateTime={at.toISOString()}>{new Intl.DateTimeFormat(page.locale, options).format(at)}</time>
}

/** The time zone, where this Node knows it: what an account holds was checked by another one, perhaps years ago. */
function known(timeZone: string | undefined): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: timeZone ?? 'UTC' }).resolvedOptions().timeZone
  } catch {
    return 'UTC'
  }
}
