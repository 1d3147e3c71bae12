import { AccountBadge, type PageAccount } from '../../html/account-and-client.tsx'
import { OutwardLink } from '../../html/footer.tsx'
import { HiddenInputs } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { fill, type PageContext } from '../../html/messages/messages.ts'

export interface HomePageProps {
  readonly page: PageContext
  readonly account?: PageAccount | undefined
  readonly csrf: string
  /** Whether people can create accounts for themselves. */
  readonly offersSignUp?: boolean | undefined
}

/** The page at `/`, for people who land here: what this place is, and the way to their account. Links for developers are at the end. */
export function HomePage({ page, account, csrf, offersSignUp }: HomePageProps) {
  const { brand, messages } = page
  const { home } = messages
  return (
    <Layout page={page} title={brand.name}>
      <h1>{fill(home.heading, { name: <bdi>{brand.name}</bdi> })}</h1>
      <p class="lead">{account ? home.whatSignedIn : home.what}</p>
      {account ? (
        <>
          <AccountBadge account={account} label={home.account} />
          <form method="post" action="/logout/confirm">
            <HiddenInputs values={{ csrf }} />
            <div class="choice">
              <a class="button primary" href="/account">
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
      {((offersSignUp && !account) || brand.helpUrl) && (
        <ul class="links">
          {offersSignUp && !account && (
            <li>
              <a href="/sign-up">{home.signUp}</a>
            </li>
          )}
          {brand.helpUrl && (
            <li>
              <OutwardLink page={page} href={brand.helpUrl}>
                {home.help}
              </OutwardLink>
            </li>
          )}
        </ul>
      )}
      <ForDevelopers page={page} />
    </Layout>
  )
}

function ForDevelopers({ page }: { readonly page: PageContext }) {
  const { home } = page.messages
  const documents = [
    ['/.well-known/openid-configuration', home.openidConfiguration],
    ['/.well-known/oauth-authorization-server', home.oauthMetadata],
    ['/.well-known/jwks.json', home.jwks],
    ['/inspect', home.inspect],
    ['/errors', home.errors],
  ] as const
  return (
    <section class="developers" aria-labelledby="developers">
      <h2 id="developers">{home.developers}</h2>
      <p>{home.about}</p>
      <ul>
        {documents.map(([href, text]) => (
          <li key={href}>
            <a href={href}>{text}</a>
          </li>
        ))}
      </ul>
    </section>
  )
}
