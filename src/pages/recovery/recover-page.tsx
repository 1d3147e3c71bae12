import { shownName } from '../../html/account-and-client.tsx'
import { FaultSummary, Field, HiddenInputs } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { type Fault, faultText, fill, type PageContext } from '../../html/messages/messages.ts'

export interface RecoverPageProps {
  readonly page: PageContext
  readonly csrf: string
  readonly continueTo?: string | undefined
  /** What a link lets the person set. */
  readonly sets: 'password' | 'passkey'
  /** The initial value of the field. */
  readonly username?: string | undefined
  readonly fault?: Fault | undefined
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
  readonly signInHref: string
}

/** Asks for the name of the account. */
export function RecoverPage(props: RecoverPageProps) {
  const { page, csrf, continueTo, username, fault } = props
  const { recover, signIn } = page.messages
  const isMissing = fault === 'username_missing'
  const [title, lead] =
    props.sets === 'password' ? [recover.title, recover.lead] : [recover.lostTitle, recover.lostLead]
  return (
    <Layout page={page} title={title} faulty={fault !== undefined}>
      <h1>{title}</h1>
      <p class="lead">{lead}</p>
      {fault && (
        <FaultSummary>
          <p>{faultText(page, fault, props)}</p>
        </FaultSummary>
      )}
      <form method="post" action="/recover">
        <HiddenInputs values={{ csrf, continue: continueTo }} />
        <Field
          id="username"
          label={signIn.username}
          // Not type="email", because user names have no @. The keyboard with an @ suits both.
          inputmode="email"
          autocomplete="username"
          required
          value={username}
          faultyBy={isMissing ? 'fault' : undefined}
          autofocus={!username || isMissing}
        />
        <button class="button primary" id="recover" name="recover" type="submit">
          {recover.submit}
        </button>
      </form>
      <ul class="links">
        <BackToSignIn page={page} href={props.signInHref} />
      </ul>
    </Layout>
  )
}

/** The response to every name: it does not depend on whether there is an account. */
export function RecoverSentPage(props: {
  readonly page: PageContext
  /** What was typed, for the person to check. */
  readonly username: string
  /** Minutes for which a link works. */
  readonly minutes: number
  readonly againHref: string
  readonly signInHref: string
}) {
  const { page, username, minutes, signInHref } = props
  const { recover } = page.messages
  const againHref = safeHref(props.againHref)
  return (
    <Layout page={page} title={recover.sentTitle}>
      <h1>{recover.sentTitle}</h1>
      <p class="lead">{fill(recover.sent, { name: <bdi class="name">{shownName(username)}</bdi>, minutes })}</p>
      <p class="lead">{recover.sentNothing}</p>
      <ul class="links">
        {againHref && (
          <li>
            <a href={againHref}>{recover.again}</a>
          </li>
        )}
        <BackToSignIn page={page} href={signInHref} />
      </ul>
    </Layout>
  )
}

function BackToSignIn({ page, href }: { readonly page: PageContext; readonly href: string }) {
  const signInHref = safeHref(href)
  return signInHref ? (
    <li>
      <a href={signInHref}>{page.messages.recover.signIn}</a>
    </li>
  ) : null
}
