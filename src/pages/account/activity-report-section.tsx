import { HiddenInputs } from '../../html/form-fields.tsx'
import type { PageContext } from '../../html/messages/messages.ts'
import { EventInWords, type PageActivity } from './activity-section.tsx'

export interface ActivityReportSectionProps {
  readonly page: PageContext
  /** The hidden fields of every form on the page. */
  readonly hidden: Readonly<Record<string, string>>
  readonly timeZone: string | undefined
  /** What is reported; undefined if it cannot be reported, or not any more. */
  readonly event: PageActivity | undefined
  /** Identifies it in the forms. */
  readonly handle: string
  /** Whether a link can be sent to the address of the account. */
  readonly canMail: boolean
}

/** What is reported, what follows, and the two ways to do it. */
export function ActivityReportSection({ page, hidden, timeZone, event, handle, canMail }: ActivityReportSectionProps) {
  const { notMe: text, activity } = page.messages
  if (event === undefined)
    return (
      <section>
        <p>{text.tooLate}</p>
        <p class="actions">
          <a class="button" id="to-activity" href="/account/activity">
            {activity.title}
          </a>
        </p>
      </section>
    )
  return (
    <section>
      <div class="rows">
        <div class="row">
          <div class="row-text">
            <EventInWords {...{ page, event, timeZone }} />
          </div>
        </div>
      </div>
      <p>{text.consequences}</p>
      <ul>
        <li>{text.everybodyOut}</li>
        <li>{text.removed}</li>
        <li>{text.newPassword}</li>
      </ul>
      <form method="post" action="/account/activity/not-me">
        <HiddenInputs values={{ ...hidden, event: handle }} />
        <p id="report-hint">{text.proveNow}</p>
        <button class="button primary" id="report" type="submit" aria-describedby="report-hint">
          {text.submit}
        </button>
      </form>
      {canMail && (
        <form class="alternative" method="post" action="/account/activity/not-me/send">
          <HiddenInputs values={{ ...hidden, event: handle }} />
          <p id="send-hint">{text.sendHint}</p>
          <button class="button" id="report-send" type="submit" aria-describedby="send-hint">
            {text.send}
          </button>
        </form>
      )}
    </section>
  )
}
