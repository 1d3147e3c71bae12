import {
  ClaimsInWords,
  ClientName,
  type PageClient,
  type PageScope,
  ScopeInWords,
  shownName,
} from './account-and-client.tsx'
import { fill, type PageContext } from './messages/messages.ts'

/** An API that the tokens are for (RFC 8707). */
export interface PageResource {
  readonly identifier: string
  readonly name?: string | undefined
}

export interface AccessListsProps {
  readonly page: PageContext
  readonly client: PageClient
  readonly scopes: readonly PageScope[]
  /** Single claims beyond the scopes, by their names. */
  readonly claims?: readonly string[] | undefined
  readonly resources: readonly PageResource[]
}

/** What a client asks a person to allow: its scopes, single claims beyond them, and the APIs that the scopes are for. */
export function AccessLists({ page, client, scopes, claims = [], resources }: AccessListsProps) {
  const { consent } = page.messages
  return (
    <>
      {scopes.length + claims.length > 0 && (
        <>
          <h2 id="scopes">{fill(consent.scopes, { client: <ClientName client={client} /> })}</h2>
          <ul class="scopes" aria-labelledby="scopes">
            {scopes.map((scope) => (
              <li key={scope.value}>
                <ScopeInWords page={page} scope={scope} />
              </li>
            ))}
            <ClaimsInWords page={page} claims={claims} />
          </ul>
        </>
      )}
      {resources.length > 0 && (
        <>
          <h2 id="resources">{consent.resources}</h2>
          <ul class="resources" aria-labelledby="resources">
            {resources.map(({ identifier, name: resourceName }) => (
              <li key={identifier}>
                {resourceName && (
                  <span class="name">
                    <bdi>{shownName(resourceName)}</bdi>
                  </span>
                )}
                <span class="identifier">
                  <bdi>{identifier}</bdi>
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  )
}
