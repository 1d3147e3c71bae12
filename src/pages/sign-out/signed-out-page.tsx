import { ClientName, type PageClient, UnverifiedClient } from '../../html/account-and-client.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { fill, type PageContext } from '../../html/messages/messages.ts'

export interface SignedOutPageProps {
  readonly page: PageContext
  readonly client?: PageClient | undefined
  /** The verified `post_logout_redirect_uri`, OpenID Connect RP-Initiated Logout §3. */
  readonly returnHref?: string | undefined
}

export function SignedOutPage({ page, client, returnHref }: SignedOutPageProps) {
  const { logout, signIn } = page.messages
  const href = safeHref(returnHref)
  return (
    <Layout page={page} title={logout.doneTitle}>
      <h1>{logout.doneTitle}</h1>
      <p class="lead">{logout.done}</p>
      {client && href && <UnverifiedClient page={page} client={client} />}
      {href ? (
        <p class="actions">
          <a class="button primary" href={href} rel="noreferrer">
            <span>{client ? fill(logout.backTo, { client: <ClientName client={client} /> }) : logout.back}</span>
          </a>
        </p>
      ) : (
        <ul class="links">
          <li>
            <a href="/sign-in">{signIn.title}</a>
          </li>
        </ul>
      )}
    </Layout>
  )
}
