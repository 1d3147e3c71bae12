import { HiddenInputs } from '../../html/hidden-inputs.tsx'
import { fill, fillText } from '../../html/messages/fill.ts'
import type { PageContext } from '../../html/page-context.ts'
import { Moment } from './moment.tsx'

/** A sign-in as the page shows it. */
export interface PageSession {
  /** What stands for it in the form. */
  readonly handle: string
  readonly isThisBrowser: boolean
  readonly signedInAt: Date
  readonly usedAt: Date
}

export interface SessionsSectionProps {
  readonly page: PageContext
  /** What every form of the page carries. */
  readonly hidden: Readonly<Record<string, string>>
  /** The present one among them. */
  readonly sessions: readonly PageSession[]
  /** How many there are, of which the page may show only those last used. */
  readonly sessionCount: number
  /** Whether there may be more than were counted. */
  readonly sessionsAreCut: boolean
  readonly timeZone: string | undefined
}

/** Where the person is signed in. What kind of browser it was is not told, for it is not kept. */
export function SessionsSection(props: SessionsSectionProps) {
  const { page, hidden, sessions, sessionCount, sessionsAreCut, timeZone } = props
  const { account } = page.messages
  const moment = (at: Date) => <Moment page={page} at={at} timeZone={timeZone} />
  return (
    <section aria-labelledby="your-sessions">
      <h2 id="your-sessions">{account.sessions}</h2>
      {sessionCount > 1 && (
        <p class="about">
          {account.sessionsLead} {account.sessionsKeepApplications}
        </p>
      )}
      <ul class="rows">
        {sessions.map(({ handle, isThisBrowser, signedInAt, usedAt }, index) => (
          <li class="row" key={handle}>
            <div class="row-text" id={`session-${index + 1}`}>
              <p class="name">{isThisBrowser ? account.thisBrowser : account.anotherBrowser}</p>
              <p>{fill(account.signedIn, { time: moment(signedInAt) })}</p>
              <p>{fill(account.lastUsed, { time: moment(usedAt) })}</p>
            </div>
            {!isThisBrowser && (
              <form method="post" action="/account/sessions/end">
                <HiddenInputs values={{ ...hidden, session: handle }} />
                <button
                  class="button"
                  id={`end-session-${index + 1}`}
                  aria-describedby={`session-${index + 1}`}
                  type="submit"
                >
                  {account.endSession}
                </button>
              </form>
            )}
          </li>
        ))}
      </ul>
      {sessionCount > sessions.length && (
        <p>
          {fillText(sessionsAreCut ? account.manyMoreSessions : account.moreSessions, {
            count: String(sessionCount - sessions.length),
          })}
        </p>
      )}
      {(sessionCount > 1 || sessionsAreCut) && (
        <form method="post" action="/account/sessions/end">
          <HiddenInputs values={{ ...hidden, others: '1' }} />
          <button class="button" id="end-other-sessions" type="submit">
            {account.endOthers}
          </button>
        </form>
      )}
    </section>
  )
}
