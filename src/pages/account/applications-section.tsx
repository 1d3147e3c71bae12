import { ClaimsInWords, ClientName, ScopeInWords } from '../../html/account-and-client.tsx'
import { HiddenInputs } from '../../html/form-fields.tsx'
import { fill, type Messages, type PageContext } from '../../html/messages/messages.ts'
import { Moment } from '../../html/moment.tsx'
import type { ConnectedApplication } from '../../records/grants/connected-applications-store.ts'
import type { ScopeDescription } from '../../records/resources/resource.ts'
import { descriptionFor } from '../../records/resources/resource.ts'

export interface ApplicationsSectionProps {
  readonly page: PageContext
  /** The hidden fields of every form on the page. */
  readonly hidden: Readonly<Record<string, string>>
  readonly applications: readonly ConnectedApplication[]
  /** The descriptions of those scopes above that have one. */
  readonly scopeDescriptions: readonly ScopeDescription[]
  /** Whether there may be more. */
  readonly applicationsTruncated: boolean
  readonly timeZone: string | undefined
}

/** Without logos: loading them would tell each application that the person is looking at this page. */
export function ApplicationsSection(props: ApplicationsSectionProps) {
  const { page, hidden, applications, scopeDescriptions, applicationsTruncated, timeZone } = props
  const { account, scopes: words } = page.messages
  return (
    <section>
      <p class="about">{applications.length > 0 ? account.applicationsLead : account.noApplications}</p>
      {applications.length > 0 && (
        <ul class="rows">
          {applications.map(({ clientId, name, scopes, claims, since }, index) => (
            <li class="row" key={clientId}>
              <div class="row-text" id={`application-${index + 1}`}>
                <p>
                  <ClientName client={{ name }} />
                </p>
                <p>{fill(account.since, { time: <Moment page={page} at={since} timeZone={timeZone} dateOnly /> })}</p>
                {scopes.length + claims.length > 0 && <p>{account.may}</p>}
                <ul class="scopes">
                  {inOrder(scopes, words).map((scope) => (
                    <li key={scope}>
                      <ScopeInWords
                        page={page}
                        scope={{ value: scope, description: descriptionFor(scope, page.locale, scopeDescriptions) }}
                      />
                    </li>
                  ))}
                  <ClaimsInWords page={page} claims={claims} />
                </ul>
              </div>
              <form method="post" action="/account/applications/disconnect">
                <HiddenInputs values={{ ...hidden, client_id: clientId }} />
                <button
                  class="button"
                  id={`disconnect-${clientId}`}
                  aria-describedby={`application-${index + 1}`}
                  type="submit"
                >
                  {account.disconnect}
                </button>
              </form>
            </li>
          ))}
        </ul>
      )}
      {applicationsTruncated && <p>{account.moreApplications}</p>}
    </section>
  )
}

/** The scopes of OpenID Connect first, in the order of the consent page, then the others by name. */
function inOrder(scopes: readonly string[], words: Messages['scopes']): string[] {
  const known = Object.keys(words).filter((scope) => scopes.includes(scope))
  return [...known, ...scopes.filter((scope) => !known.includes(scope)).sort()]
}
