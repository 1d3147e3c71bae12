import { AccessLists, type PageResource } from '../../html/access-lists.tsx'
import {
  AccountBadge,
  ClientLogo,
  ClientName,
  type PageAccount,
  type PageClient,
  type PageScope,
  UnverifiedClient,
} from '../../html/account-and-client.tsx'
import { HiddenInputs } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { fill, type PageContext } from '../../html/messages/messages.ts'

export interface ConsentPageProps {
  readonly page: PageContext
  readonly csrf: string
  readonly continueTo: string
  readonly account: PageAccount
  /** Ties the answer to a person and a request: another tab may have signed in someone else in the meantime. */
  readonly accountProof: string
  readonly client: PageClient
  readonly scopes: readonly PageScope[]
  /** Single claims beyond the scopes, by their names. */
  readonly claims?: readonly string[]
  readonly resources: readonly PageResource[]
  /** Where the code is sent. Clients choose their names freely, but not this. */
  readonly redirectHost: string
  /** Whether any program on the person's device could be the one that gets the code, because only its address on the device identifies it. */
  readonly isOnDevice?: boolean
  /** Whether the answer will be remembered. */
  readonly remembers: boolean
  readonly otherAccountHref: string
}

export function ConsentPage(props: ConsentPageProps) {
  const { page, csrf, continueTo, account, accountProof, client, scopes, claims, resources, redirectHost } = props
  const { consent } = page.messages
  const name = <ClientName client={client} />
  const hasDocument = client.documentHost !== undefined
  const otherAccountHref = safeHref(props.otherAccountHref)
  return (
    <Layout page={page} title={consent.pageTitle} client={client}>
      {/* Before everything that the client chooses: a long name must not push it under the buttons. If the client has a document, the host in the title is verified. */}
      {!hasDocument && <UnverifiedClient page={page} client={client} />}
      <ClientLogo client={client} />
      <h1>{fill(consent.title, { client: name })}</h1>
      {/* First, because the client cannot choose it, and nobody should answer without having seen it. */}
      <p class="fine">{fill(consent.returns, { host: <bdi class="host">{redirectHost}</bdi> })}</p>
      {hasDocument && <UnverifiedClient page={page} client={client} />}
      {hasDocument && props.isOnDevice && (
        <div class="warning">
          <p>{fill(consent.onThisDevice, { provider: <bdi>{page.brand.name}</bdi> })}</p>
        </div>
      )}
      <AccountBadge account={account} label={consent.account} />
      {otherAccountHref && (
        <ul class="links">
          <li>
            <a href={otherAccountHref}>{consent.otherAccount}</a>
          </li>
        </ul>
      )}
      <AccessLists page={page} client={client} scopes={scopes} claims={claims} resources={resources} />
      <form class={hasDocument ? 'answer unpinned' : 'answer'} method="post" action="/consent">
        <HiddenInputs values={{ csrf, continue: continueTo, account: accountProof }} />
        <p class="fine">{props.remembers ? consent.remembers : consent.asksAgain}</p>
        <div class="choice">
          <button class="button primary" id="allow" name="decision" value="allow" type="submit">
            {consent.allow}
          </button>
          <button class="button" id="deny" name="decision" value="deny" type="submit">
            {consent.deny}
          </button>
        </div>
      </form>
    </Layout>
  )
}
