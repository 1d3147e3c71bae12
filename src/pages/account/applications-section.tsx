import { ClaimsInWords, ClientName, ScopeInWords, UnverifiedNotice } from '../../html/account-and-client.tsx'
import { HiddenInputs } from '../../html/form-fields.tsx'
import { hostOf } from '../../html/link-target.ts'
import { fill, type Messages, type PageContext } from '../../html/messages/messages.ts'
import { Moment } from '../../html/moment.tsx'
import { initiateLoginHref } from '../../protocol/initiate-login.ts'
import { documentHost } from '../../records/clients/document-host.ts'
import type { ConnectedApplication } from '../../records/grants/connected-applications-store.ts'
import type { ScopeDescription } from '../../records/resources/resource.ts'
import { descriptionFor } from '../../records/resources/resource.ts'

export interface ApplicationsSectionProps {
  readonly page: PageContext
  /** Applications are told it when a sign-in is started from here. */
  readonly issuer: string
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
  const { page, issuer, hidden, applications, scopeDescriptions, applicationsTruncated, timeZone } = props
  const { account, scopes: words } = page.messages
  return (
    <section>
      <p class="about">{applications.length > 0 ? account.applicationsLead : account.noApplications}</p>
      {applications.length > 0 && (
        <ul class="rows">
          {applications.map(withHost).map(({ clientId, scopes, claims, since, ...application }, index) => (
            <li class="row" key={clientId}>
              <div class="row-text" id={`application-${index + 1}`}>
                <p>
                  <ClientName client={application} />
                </p>
                {application.isSelfRegistered && <UnverifiedNotice page={page} client={application} />}
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
                <Start page={page} issuer={issuer} id={clientId} {...application} />
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

/** With the host of the application's client ID metadata document, if it has one. */
function withHost(application: ConnectedApplication) {
  const { clientId: client_id, isSelfRegistered } = application
  return { ...application, documentHost: documentHost({ client_id, isSelfRegistered }) }
}

interface StartProps
  extends Pick<ApplicationsSectionProps, 'page' | 'issuer'>,
    Pick<ReturnType<typeof withHost>, 'name' | 'documentHost' | 'initiateLoginUri' | 'isSelfRegistered'> {
  readonly id: string
}

/** Starts a sign-in at the application. If nobody has verified its name, the page also says where the link leads. */
function Start({ page, issuer, id, initiateLoginUri, isSelfRegistered, ...client }: StartProps) {
  const { account } = page.messages
  const href = initiateLoginHref({ initiate_login_uri: initiateLoginUri }, issuer)
  if (href === undefined) return null
  return (
    <p class="start">
      <a id={`open-${id}`} href={href} rel="noreferrer">
        <span>{fill(account.open, { client: <ClientName client={client} /> })}</span>
      </a>
      {isSelfRegistered && <> {fill(account.opensHost, { host: <bdi class="identifier">{hostOf(href)}</bdi> })}</>}
    </p>
  )
}

/** The scopes of OpenID Connect first, in the order of the consent page, then the others by name. */
function inOrder(scopes: readonly string[], words: Messages['scopes']): string[] {
  const known = Object.keys(words).filter((scope) => scopes.includes(scope))
  return [...known, ...scopes.filter((scope) => !known.includes(scope)).sort()]
}
