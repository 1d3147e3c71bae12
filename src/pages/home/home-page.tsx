import { AccountBadge, type PageAccount } from '../../html/account-and-client.tsx'
import { HiddenInputs } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import type { PageContext } from '../../html/messages/messages.ts'

export interface HomePageProps {
  readonly page: PageContext
  readonly account?: PageAccount | undefined
  readonly csrf: string
}

/** The page at `/`: says what Signet is, and has links for developers. */
export function HomePage({ page, account, csrf }: HomePageProps) {
  const { home } = page.messages
  const documents = [
    ['/.well-known/openid-configuration', home.openidConfiguration],
    ['/.well-known/oauth-authorization-server', home.oauthMetadata],
    ['/.well-known/jwks.json', home.jwks],
    ['/inspect', home.inspect],
  ] as const
  return (
    <Layout page={page} title={home.title}>
      <h1>{home.title}</h1>
      <p class="lead">{home.what}</p>
      {account ? (
        <>
          <AccountBadge account={account} label={home.account} />
          <form method="post" action="/logout/confirm">
            <HiddenInputs values={{ csrf }} />
            <div class="choice">
              <a class="button" href="/account">
                {home.manage}
              </a>
              <button class="button" id="sign-out" type="submit">
                {home.signOut}
              </button>
            </div>
          </form>
        </>
      ) : (
        <p class="actions">
          <a class="button primary" href="/sign-in">
            {home.signIn}
          </a>
        </p>
      )}
      <h2 id="developers">{home.developers}</h2>
      <ul class="links" aria-labelledby="developers">
        {documents.map(([href, text]) => (
          <li key={href}>
            <a href={href}>{text}</a>
          </li>
        ))}
      </ul>
    </Layout>
  )
}
