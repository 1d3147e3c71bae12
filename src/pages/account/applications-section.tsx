import { ClientName } from '../../html/client.tsx'
import { HiddenInputs } from '../../html/hidden-inputs.tsx'
import { fill } from '../../html/messages/fill.ts'
import type { Messages } from '../../html/messages/messages.ts'
import type { PageContext } from '../../html/page-context.ts'
import { ScopeInWords } from '../../html/scope-in-words.tsx'
import { descriptionFor, type ScopeDescription } from '../../records/resources/resource.ts'
import type { ConnectedApplication } from './connected-applications-store.ts'
import { Moment } from './moment.tsx'

export interface ApplicationsSectionProps {
  readonly page: PageContext
  /** What every form of the page carries. */
  readonly hidden: Readonly<Record<string, string>>
  readonly applications: readonly ConnectedApplication[]
  /** Those of all scopes above that have any. */
  readonly scopeDescriptions: readonly ScopeDescription[]
  /** Whether there may be more. */
  readonly applicationsAreCut: boolean
  readonly timeZone: string | undefined
}

/** No logos: to load them would tell each application that the person is looking at this page. */
export function ApplicationsSection(props: ApplicationsSectionProps) {
  const { page, hidden, applications, scopeDescriptions, applicationsAreCut, timeZone } = props
  const { account, scopes: words } = page.messages
  return (
    <section aria-labelledby="your-applications">
      <h2 id="your-applications">{account.applications}</h2>
      <p class="about">{applications.length > 0 ? account.applicationsLead : account.noApplications}</p>
      {applications.length > 0 && (
        <ul class="rows">
          {applications.map(({ clientId, name, scopes, since }, index) => (
            <li class="row" key={clientId}>
              <div class="row-text" id={`application-${index + 1}`}>
                <p>
                  <ClientName client={{ name }} />
                </p>
                <p>{fill(account.since, { time: <Moment page={page} at={since} timeZone={timeZone} dateOnly /> })}</p>
                {scopes.length > 0 && <p>{account.may}</p>}
                <ul class="scopes">
                  {inOrder(scopes, words).map((scope) => (
                    <li key={scope}>
                      <ScopeInWords
                        page={page}
                        scope={{ value: scope, description: descriptionFor(scope, page.locale, scopeDescriptions) }}
                      />
                    </li>
                  ))}
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
      {applicationsAreCut && <p>{account.moreApplications}</p>}
    </section>
  )
}

/** Those of OpenID Connect first, in the order of the consent page; then the others by name. */
function inOrder(scopes: readonly string[], words: Messages['scopes']): string[] {
  const known = Object.keys(words).filter((scope) => scopes.includes(scope))
  return [...known, ...scopes.filter((scope) => !known.includes(scope)).sort()]
}
