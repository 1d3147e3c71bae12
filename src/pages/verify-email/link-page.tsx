import { shownName } from '../../html/account-and-client.tsx'
import { FaultSummary, Field, HiddenInputs, HiddenUsername, RevealPassword } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { faultText, fill, fillText, type PageContext } from '../../html/messages/messages.ts'

export interface LinkPageProps {
  readonly page: PageContext
  readonly csrf: string
  /** The secret of the link. */
  readonly token: string
  /** The link was sent there, so whoever has it knows the address. */
  readonly email: string
  /**
   * Who is signed in here: `own` is the account of the link, which then needs only the button. `name` is that of another account, which this browser
   * would leave. Nothing else of the account of the link is shown.
   */
  readonly signedIn: 'own' | { readonly name: string } | undefined
  /** Whether people sign in with passwords here. Nothing tells whether this account has one. */
  readonly takesPassword: boolean
  /** Where the person signs in with a passkey, and then comes back. Undefined: this issuer has no passkeys. */
  readonly signInHref: string | undefined
  readonly fault?: 'account_password_missing' | 'account_password_wrong' | 'too_many_attempts' | 'busy' | undefined
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
}

/** The page of a link. Opening it verifies nothing, because mail scanners follow links. */
export function LinkPage(props: LinkPageProps) {
  const { page, csrf, token, email, signedIn, takesPassword, fault, retryAfterSeconds } = props
  const signInHref = safeHref(props.signInHref)
  const { verifyEmail: text, password } = page.messages
  const isOwn = signedIn === 'own'
  const address = <bdi class="name">{email}</bdi>
  const needsSignIn = !isOwn && !takesPassword
  const lead = isOwn ? text.linkOwn : takesPassword ? text.linkForeign : text.linkSignIn
  const isAboutPassword = fault === 'account_password_missing' || fault === 'account_password_wrong'
  return (
    <Layout page={page} title={text.linkTitle} faulty={fault !== undefined} scripts={['show-password.js']}>
      <h1>{text.linkTitle}</h1>
      <p class="lead">{fill(lead, { email: address, name: page.brand.name })}</p>
      {fault && (
        <FaultSummary>
          <p>{faultText(page, fault, { retryAfterSeconds })}</p>
        </FaultSummary>
      )}
      {!needsSignIn && (
        <form method="post" action="/verify-email/link">
          <HiddenInputs values={{ csrf, token }} />
          {!isOwn && (
            <>
              <HiddenUsername value={email} />
              <Field
                id="password"
                label={password.label}
                type="password"
                autocomplete="current-password"
                required
                faultyBy={isAboutPassword ? 'fault' : undefined}
                autofocus={fault !== undefined}
              />
              <RevealPassword page={page} />
            </>
          )}
          {signedIn !== undefined && signedIn !== 'own' && (
            <p class="fine">{fill(text.linkOther, { account: <bdi>{shownName(signedIn.name)}</bdi> })}</p>
          )}
          <button class="button primary" id="verify" type="submit">
            {text.linkSubmit}
          </button>
        </form>
      )}
      {!isOwn && signInHref && needsSignIn && (
        <p class="actions">
          <a class="button primary" id="to-sign-in" href={signInHref}>
            {text.linkToSignIn}
          </a>
        </p>
      )}
      {!isOwn && signInHref && !needsSignIn && (
        <ul class="links">
          <li>
            <a id="to-sign-in" href={signInHref}>
              {text.linkToSignIn}
            </a>
          </li>
        </ul>
      )}
      {!isOwn && <Disown page={page} csrf={csrf} token={token} />}
    </Layout>
  )
}

/** For somebody who reads mail at the address, but does not know the account. */
function Disown({ page, csrf, token }: Pick<LinkPageProps, 'page' | 'csrf' | 'token'>) {
  const { verifyEmail: text } = page.messages
  return (
    <section aria-labelledby="not-yours">
      <h2 id="not-yours">{text.disownTitle}</h2>
      <p>{text.disownLead}</p>
      <form method="post" action="/verify-email/disown">
        <HiddenInputs values={{ csrf, token }} />
        <button class="button" id="disown" type="submit">
          {text.disown}
        </button>
      </form>
    </section>
  )
}

export interface VoidVerificationLinkPageProps {
  readonly page: PageContext
  readonly csrf: string
  readonly minutes: number
  /** The secret of the link, if the person can still say that they did not ask for it. */
  readonly token: string | undefined
}

/** The page for every link that does not work, whatever the reason. It reveals nothing about accounts. */
export function VoidVerificationLinkPage({ page, csrf, minutes, token }: VoidVerificationLinkPageProps) {
  const { verifyEmail: text } = page.messages
  return (
    <Layout page={page} title={text.voidTitle}>
      <h1>{text.voidTitle}</h1>
      <p class="lead">{fillText(text.void, { minutes: String(minutes) })}</p>
      <p>{text.voidNext}</p>
      <p class="actions">
        <a class="button primary" id="new-mail" href="/verify-email">
          {text.voidAgain}
        </a>
      </p>
      {token !== undefined && <Disown page={page} csrf={csrf} token={token} />}
    </Layout>
  )
}
