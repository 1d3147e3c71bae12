import { safeHref } from './link-target.ts'
import { fill, type PageContext } from './messages/messages.ts'

/*
 * Untrusted values on pages: the names and links of people and clients, and the descriptions of scopes. `bdi` isolates the direction
 * of a name: a right-to-left name must not reverse the sentence around it.
 */

/** In grapheme clusters. Longer names are cut: a client's name must not push what a person consents to off the screen. */
const maxNameLength = 80

/**
 * A name that somebody chose, made safe to show. Invisible characters are removed: control characters, and those that change the
 * direction of what follows (Unicode TR36 §2.5.1 and Bidi_Control in UAX 9), which make `nigol` read as `login`.
 * Names in right-to-left scripts do not need them: their letters already have a direction.
 */
export function shownName(name: string): string {
  // Cut twice, first roughly, so that segmenting a name of a megabyte costs no more than a long one.
  const seen = name
    .slice(0, maxNameLength * 32)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .replace(/\p{Bidi_Control}/gu, '')
    .trim()
  const letters = [...new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(seen)]
  if (letters.length <= maxNameLength) return seen
  const kept = letters.slice(0, maxNameLength - 1).map(({ segment }) => segment)
  return `${kept.join('').trimEnd()}…`
}

/** What a page shows about the signed-in person. */
export interface PageAccount {
  readonly name: string
  readonly email?: string | undefined
}

/** The account as a small badge. The block around each `bdi` keeps it in its column. The initial is decorative: the name is next to it. */
export function AccountBadge({ account, label }: { readonly account: PageAccount; readonly label: string }) {
  const name = shownName(account.name)
  return (
    <div class="account">
      <span class="initial" aria-hidden="true">
        {initial(name)}
      </span>
      <p>
        <span class="label">{label}</span>
        <span class="name">
          <bdi>{name}</bdi>
        </span>
        {account.email && account.email !== account.name && (
          <span class="email">
            <bdi>{account.email}</bdi>
          </span>
        )}
      </p>
    </div>
  )
}

/** The first grapheme cluster: an accented letter or an emoji may take several code points. */
function initial(name: string): string {
  const [first] = new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(name)
  return (first?.segment ?? '').toLocaleUpperCase('und')
}

/** What a page shows about a client: RFC 7591 §2 `client_name`, `policy_uri`, `tos_uri`, `client_uri`, and the path of its logo on our own origin. */
export interface PageClient {
  readonly name: string
  readonly logo?: string | undefined
  readonly policyUri?: string | undefined
  readonly tosUri?: string | undefined
  readonly clientUri?: string | undefined
  /** Whether nobody has checked its name and logo. */
  readonly isSelfRegistered?: boolean
  /** The host of its client ID metadata document, in ASCII. Undefined if it has none. */
  readonly documentHost?: string | undefined
}

/**
 * What pages call a client: the host of its document if it has one, which is all that has been verified, otherwise its name. A host is never cut: what counts is its end.
 */
export function ClientName({ client }: { readonly client: Pick<PageClient, 'name' | 'documentHost'> }) {
  if (client.documentHost !== undefined) return <bdi class="host">{client.documentHost}</bdi>
  return <bdi class="name">{shownName(client.name)}</bdi>
}

/** Beside what pages call a client. Not if that is the host of its document: the logo would say who that is, and nobody has checked it. It is in the notice then. */
export function ClientLogo({ client }: { readonly client: PageClient }) {
  return client.documentHost === undefined ? <Logo client={client} /> : null
}

/** Without alternative text, because the name is next to it. */
function Logo({ client }: { readonly client: PageClient }) {
  const src = client.logo?.startsWith('/') ? safeHref(client.logo) : undefined
  return src ? <img class="logo" src={src} alt="" width="40" height="40" /> : null
}

/** A scope value (RFC 6749 §3.3) and its description, which its resource provides. */
export interface PageScope {
  readonly value: string
  /** In the language of the page, if there is one. */
  readonly description?: { readonly text: string; readonly language: string | undefined } | undefined
}

/** What a scope allows. Those of OpenID Connect Core §5.4 and §11 have our own texts, others the description of their resource. */
export function ScopeInWords({ page, scope }: { readonly page: PageContext; readonly scope: PageScope }) {
  const { value, description } = scope
  const { scopes } = page.messages
  // A scope may be called `constructor`.
  if (Object.hasOwn(scopes, value)) return <>{scopes[value as keyof typeof scopes]}</>
  if (!description) return <bdi class="identifier">{value}</bdi>
  return <bdi lang={description.language?.replaceAll('_', '-')}>{description.text}</bdi>
}

/** What single claims tell (OpenID Connect Core §5.5), as items of a list of scopes. Always in the order of the texts. */
export function ClaimsInWords({ page, claims }: { readonly page: PageContext; readonly claims: readonly string[] }) {
  const words = page.messages.singleClaims
  return (
    <>
      {Object.entries(words)
        .filter(([claim]) => claims.includes(claim))
        .map(([claim, text]) => (
          <li key={claim}>{text}</li>
        ))}
    </>
  )
}

interface ClientNamed {
  readonly page: PageContext
  readonly client: Pick<PageClient, 'name' | 'documentHost' | 'logo'>
}

interface ClientOnPage {
  readonly page: PageContext
  readonly client: PageClient
}

/** Says what nobody has checked about a client that registered itself or has a document. It belongs wherever the client is shown to somebody who is about to trust it. */
export function UnverifiedClient({ page, client }: ClientOnPage) {
  if (!client.isSelfRegistered) return null
  if (client.documentHost !== undefined)
    return (
      <div class="claimed">
        <Logo client={client} />
        <UnverifiedNotice page={page} client={client} />
      </div>
    )
  return (
    <div class="warning unverified">
      <UnverifiedNotice page={page} client={client} />
    </div>
  )
}

/**
 * The text of it, for pages that have a place of their own for it. It is the only place for the name in a document (draft-ietf-oauth-client-id-metadata-document §8.5: show
 * the host, too).
 */
export function UnverifiedNotice({ page, client }: ClientNamed) {
  const { unverified, claimed, claimedWithLogo, claimsNoName } = page.messages.consent
  const provider = <bdi>{page.brand.name}</bdi>
  if (client.documentHost === undefined) return <p>{fill(unverified, { provider })}</p>
  // A document without a name: the client is called by its host then.
  if (client.name === client.documentHost.replace(/:\d+$/, '')) return <p>{fill(claimsNoName, { provider })}</p>
  const name = <bdi class="name">{shownName(client.name)}</bdi>
  // Where there is no logo, "the logo" would be that of the page.
  return <p>{fill(client.logo === undefined ? claimed : claimedWithLogo, { provider, name })}</p>
}

/** What somebody signs in or up for. */
export function Purpose({ page, client, text }: ClientOnPage & { readonly text: string }) {
  return (
    <>
      <p class="purpose">
        <ClientLogo client={client} />
        <span>{fill(text, { client: <ClientName client={client} /> })}</span>
      </p>
      <UnverifiedClient page={page} client={client} />
    </>
  )
}
