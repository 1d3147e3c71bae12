import { deviceInWords } from '../../html/device-in-words.ts'
import { HiddenInputs } from '../../html/form-fields.tsx'
import { fill, fillText, type PageContext } from '../../html/messages/messages.ts'
import { Moment } from '../../html/moment.tsx'
import type { Device } from '../../platform/http/device.ts'

/** A session as the page shows it. */
export interface PageSession {
  /** Identifies it in the form. */
  readonly handle: string
  readonly isThisBrowser: boolean
  /** Undefined if the person signed in before this was stored. */
  readonly device: Device | undefined
  /** The address that the person signed in from. */
  readonly network: string | undefined
  readonly signedInAt: Date
  readonly usedAt: Date
}

export interface SessionsSectionProps {
  readonly page: PageContext
  /** The hidden fields of every form on the page. */
  readonly hidden: Readonly<Record<string, string>>
  /** Includes the current one. */
  readonly sessions: readonly PageSession[]
  /** How many there are. The page may show only those used last. */
  readonly sessionCount: number
  /** Whether there may be more than were counted. */
  readonly sessionsTruncated: boolean
  readonly timeZone: string | undefined
}

/** Where the person is signed in, in words by which two sessions can be told apart. */
export function SessionsSection(props: SessionsSectionProps) {
  const { page, hidden, sessions, sessionCount, sessionsTruncated, timeZone } = props
  const { account, devices } = page.messages
  const { browserOnSystem, unknownDevice, notStored } = devices
  const moment = (at: Date) => <Moment page={page} at={at} timeZone={timeZone} />
  return (
    <section>
      {sessionCount > 1 && (
        <p class="about">
          {account.sessionsLead} {account.sessionsKeepApplications}
        </p>
      )}
      <ul class="rows">
        {sessions.map(({ handle, isThisBrowser, device, network, signedInAt, usedAt }, index) => (
          <li class="row" key={handle}>
            <div class="row-text" id={`session-${index + 1}`}>
              <p class="name">
                {device ? deviceInWords({ browserOnSystem, unknownDevice }, device) : unknownDevice}
                {network !== undefined && (
                  <>
                    {' · '}
                    <span class="unbroken">{network}</span>
                  </>
                )}
              </p>
              {isThisBrowser && <p>{account.thisBrowser}</p>}
              {!device && <p>{notStored}</p>}
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
          {fillText(sessionsTruncated ? account.manyMoreSessions : account.moreSessions, {
            count: String(sessionCount - sessions.length),
          })}
        </p>
      )}
      {(sessionCount > 1 || sessionsTruncated) && (
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
