import type { ComponentChildren } from 'preact'
import { ClientName, type PageClient } from './account-and-client.tsx'
import type { Brand } from './brand.ts'
import { httpsOnly } from './link-target.ts'
import { fill, type PageContext } from './messages/messages.ts'

/**
 * What is below the card: the links that a client has registered, and those of the installation: help, privacy, terms. Help is at the
 * same place on every page (WCAG 2.2 §3.2.6). Nothing if there are no links.
 */
export function Footer({ page, client }: { readonly page: PageContext; readonly client?: PageClient | undefined }) {
  const lists = {
    client: client ? clientLinks(page, client) : [],
    installation: installationLinks(page, page.brand),
  }
  if (lists.client.length + lists.installation.length === 0) return null
  return (
    <footer class="below">
      {Object.entries(lists).map(
        ([whose, links]) =>
          links.length > 0 && (
            <ul key={whose} class="links">
              {links.map(([href, label]) => (
                <li key={href}>
                  <OutwardLink page={page} href={href}>
                    {label}
                  </OutwardLink>
                </li>
              ))}
            </ul>
          ),
      )}
    </footer>
  )
}

/**
 * A link away from Signet, in a new tab, so that a form is not lost. An e-mail address opens in the mail program.
 *
 * @param href checked by the caller
 */
export function OutwardLink(props: {
  readonly page: PageContext
  readonly href: string
  readonly children: ComponentChildren
}) {
  const { page, href, children } = props
  if (href.startsWith('mailto:')) return <a href={href}>{children}</a>
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      <span>
        {children} <span class="unseen">{page.messages.layout.newTab}</span>
      </span>
    </a>
  )
}

type Link = readonly [href: string, label: ComponentChildren]

function clientLinks({ messages }: PageContext, client: PageClient): Link[] {
  const links = [
    [httpsOnly(client.clientUri), messages.client.website],
    [httpsOnly(client.policyUri), messages.client.policy],
    [httpsOnly(client.tosUri), messages.client.terms],
  ] as const
  return links.flatMap(([href, message]): Link[] =>
    href ? [[href, fill(message, { client: <ClientName client={client} /> })]] : [],
  )
}

function installationLinks({ messages }: PageContext, { helpUrl, privacyUrl, termsUrl }: Brand): Link[] {
  const links = [
    [helpUrl, messages.layout.help],
    [privacyUrl, messages.layout.privacy],
    [termsUrl, messages.layout.terms],
  ] as const
  return links.flatMap(([href, label]): Link[] => (href ? [[href, label]] : []))
}
