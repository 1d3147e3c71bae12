import {
  AccountBadge,
  ClientName,
  type PageAccount,
  type PageClient,
  UnverifiedClient,
} from '../../html/account-and-client.tsx'
import { HiddenInputs } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { fill, type PageContext } from '../../html/messages/messages.ts'

export interface ConfirmLogoutPageProps {
  readonly page: PageContext
  readonly csrf: string
  /** The sealed logout request to continue with. */
  readonly continueTo?: string | undefined
  /** The client that asks for the logout. */
  readonly client?: PageClient | undefined
  readonly account: PageAccount
}

/** OpenID Connect RP-Initiated Logout §2: the person is asked, because otherwise any link could sign people out. */
export function ConfirmLogoutPage({ page, csrf, continueTo, client, account }: ConfirmLogoutPageProps) {
  const { logout, consent } = page.messages
  return (
    <Layout page={page} title={logout.title} client={client}>
      <h1>{logout.title}</h1>
      {client && <p class="lead">{fill(logout.asked, { client: <ClientName client={client} /> })}</p>}
      {client && <UnverifiedClient page={page} client={client} />}
      <AccountBadge account={account} label={consent.account} />
      <form method="post" action="/logout/confirm">
        <HiddenInputs values={{ csrf, continue: continueTo }} />
        <p class="fine">{logout.consequence}</p>
        <button class="button primary" id="confirm-logout" name="confirm-logout" type="submit">
          {logout.submit}
        </button>
      </form>
      <ul class="links">
        <li>
          <a href="/">{logout.stay}</a>
        </li>
      </ul>
    </Layout>
  )
}
