import { httpsOnly } from './link-target.ts'
import { fill } from './messages/fill.ts'
import type { PageContext } from './page-context.ts'
import { shownName } from './shown-name.ts'

/** What a page shows of a client: RFC 7591 §2 `client_name`, `logo_uri`, `policy_uri`, `tos_uri`, `client_uri`. */
export interface PageClient {
  readonly name: string
  readonly logoUri?: string | undefined
  readonly policyUri?: string | undefined
  readonly tosUri?: string | undefined
  readonly clientUri?: string | undefined
}

/** `bdi` keeps a name's direction to itself: a right-to-left name must not turn the sentence around it. */
export function ClientName({ client }: { readonly client: PageClient }) {
  return <bdi class="name">{shownName(client.name)}</bdi>
}

/** The name stands beside it, so it has no text of its own. It must not tell the logo's host which sign-in it was loaded for. */
export function ClientLogo({ client }: { readonly client: PageClient }) {
  const src = httpsOnly(client.logoUri)
  return src ? <img class="logo" src={src} alt="" width="40" height="40" referrerpolicy="no-referrer" /> : null
}

/** The client's own pages, in a new tab so that the form is not lost; nothing where it has none that may be linked. */
export function ClientLinks({ page, client }: { readonly page: PageContext; readonly client: PageClient | undefined }) {
  const { messages } = page
  if (!client) return null
  const links = [
    [httpsOnly(client.clientUri), messages.client.website],
    [httpsOnly(client.policyUri), messages.client.policy],
    [httpsOnly(client.tosUri), messages.client.terms],
  ] as const
  if (links.every(([href]) => !href)) return null
  return (
    <footer class="below">
      <ul class="links">
        {links.map(
          ([href, message]) =>
            href && (
              <li key={message}>
                <a href={href} target="_blank" rel="noopener noreferrer">
                  <span>
                    {fill(message, { client: <ClientName client={client} /> })}{' '}
                    <span class="unseen">{messages.layout.newTab}</span>
                  </span>
                </a>
              </li>
            ),
        )}
      </ul>
    </footer>
  )
}
