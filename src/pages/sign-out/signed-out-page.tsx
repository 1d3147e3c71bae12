import { ClientName, type PageClient, UnverifiedClient } from '../../html/account-and-client.tsx'
import { Layout } from '../../html/layout.tsx'
import { hostOf, safeHref } from '../../html/link-target.ts'
import { fill, type PageContext } from '../../html/messages/messages.ts'

export interface SignedOutPageProps {
  readonly page: PageContext
  readonly client?: PageClient | undefined
  /** The client's home page. */
  readonly returnHref?: string | undefined
  /** The verified `post_logout_redirect_uri` (OpenID Connect RP-Initiated Logout §3), to which the page goes on by itself when the frames have loaded. */
  readonly leavesTo?: string | undefined
  /** What is loaded to sign the person out of applications. */
  readonly frames?: readonly string[] | undefined
}

/** Seconds until the page goes on without a script. The same time is in `public/sign-out.js`. */
const maxWait = 5

export function SignedOutPage({ page, client, returnHref, leavesTo, frames = [] }: SignedOutPageProps) {
  const { logout, signIn } = page.messages
  const onward = safeHref(leavesTo)
  const href = safeHref(returnHref)
  if (onward)
    return (
      <Layout
        page={page}
        title={logout.doneTitle}
        scripts={['sign-out.js']}
        goesOn={{ href: onward, seconds: maxWait }}
      >
        <h1>{logout.doneTitle}</h1>
        <p class="lead">
          {logout.applications} <Onward page={page} href={onward} />
        </p>
        {client && <UnverifiedClient page={page} client={client} />}
        <p class="actions">
          <a class="button primary" id="continue" href={onward} rel="noreferrer">
            {logout.goOn}
          </a>
        </p>
        <p class="fine">{logout.unreached}</p>
        <Frames sources={frames} title={logout.submit} />
      </Layout>
    )
  return (
    <Layout page={page} title={logout.doneTitle} scripts={frames.length > 0 ? ['sign-out.js'] : []}>
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
      <Frames sources={frames} title={logout.submit} />
    </Layout>
  )
}

/** Where the page leads. */
function Onward({ page, href }: { readonly page: PageContext; readonly href: string }) {
  const { logout } = page.messages
  const host = hostOf(href)
  return <>{host ? fill(logout.going, { host: <bdi class="host">{host}</bdi> }) : logout.goingBack}</>
}

/**
 * The pages of the applications, which nobody sees. Browsers load them nevertheless, and give the focus to nothing that is not shown. Anybody may have registered such an application, so the
 * sandbox keeps its page from anything but its own work: it cannot lead this window elsewhere, open another, download a file, send a form, or ask with a dialog (HTML, the iframe
 * element, `sandbox`). It has its own origin, because otherwise it could not see the cookies by which it knows who is to be signed out (OpenID Connect Front-Channel Logout §2).
 */
function Frames({ sources, title }: { readonly sources: readonly string[]; readonly title: string }) {
  if (sources.length === 0) return null
  return (
    <div hidden>
      {sources.map((source) => (
        <iframe
          key={source}
          src={source}
          title={title}
          sandbox="allow-scripts allow-same-origin"
          referrerpolicy="no-referrer"
        />
      ))}
    </div>
  )
}
