import { type PageClient, Purpose, shownName } from '../../html/account-and-client.tsx'
import { FaultSummary, Field, HiddenInputs, RevealPassword } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { faultText, fill, type PageContext } from '../../html/messages/messages.ts'
import { PasskeyButton, PasskeysPossible, passkeyScripts } from '../../html/passkey-forms.tsx'

export type SignInFault =
  | 'wrong_credentials'
  | 'passkey_refused'
  | 'passwords_off'
  | 'too_many_attempts'
  | 'busy'
  | 'missing'
  | 'expired'

/** What the page reports: a fixed key, never a text from the URL. */
export type SignInNotice = 'password-recovered' | 'passkey-created' | 'start-over'

const notices = {
  'password-recovered': 'passwordRecovered',
  'passkey-created': 'passkeyCreated',
  'start-over': 'startOver',
} as const satisfies Record<SignInNotice, string>

/** Whether a key names a notice of the page. */
export function isSignInNotice(key: string | undefined): key is SignInNotice {
  return key !== undefined && Object.hasOwn(notices, key)
}

export interface SignInPageProps {
  readonly page: PageContext
  readonly csrf: string
  /** The sealed authorization request to continue with. */
  readonly continueTo?: string | undefined
  readonly client?: PageClient | undefined
  /** The initial value of the field: `login_hint`, or what was typed before. */
  readonly username?: string | undefined
  readonly fault?: SignInFault | undefined
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
  /** Who is already signed in and can continue without a password. */
  readonly current?: { readonly name: string } | undefined
  /** Whether people can create accounts for themselves. */
  readonly offersSignUp?: boolean | undefined
  /** Whether people can get a link to set a new password. */
  readonly offersRecovery?: boolean | undefined
  /** For the button to use a passkey; undefined if this issuer has no passkeys. */
  readonly passkeyOptions?: string | undefined
  /** False if people sign in with passkeys only. */
  readonly takesPasswords?: boolean | undefined
  /** What has just been done. */
  readonly notice?: SignInNotice | undefined
  /** Back to the application with `access_denied`. */
  readonly cancelHref?: string | undefined
}

export function SignInPage(props: SignInPageProps) {
  const { page, csrf, continueTo, client, username, fault, retryAfterSeconds, current, notice } = props
  const { offersSignUp, offersRecovery, passkeyOptions, takesPasswords = true } = props
  const { signIn } = page.messages
  const cancelHref = safeHref(props.cancelHref)
  return (
    <Layout
      page={page}
      title={signIn.title}
      faulty={fault !== undefined}
      scripts={['show-password.js', ...(passkeyOptions === undefined ? [] : passkeyScripts)]}
      client={client}
    >
      <h1>{signIn.title}</h1>
      {notice && (
        <p class="notice" role="status">
          {signIn[notices[notice]]}
        </p>
      )}
      {client && <Purpose page={page} client={client} text={signIn.purpose} />}
      {fault && (
        <FaultSummary>
          <p>{faultText(page, fault, { retryAfterSeconds })}</p>
        </FaultSummary>
      )}
      {current && (
        <form method="post" action="/sign-in">
          <HiddenInputs values={{ csrf, continue: continueTo, select: '1' }} />
          <button class="button primary" id="continue-as" type="submit">
            <span>{fill(signIn.continueAs, { name: <bdi>{shownName(current.name)}</bdi> })}</span>
          </button>
        </form>
      )}
      {current && <p class="or">{signIn.otherAccount}</p>}
      {takesPasswords ? (
        <>
          <PasswordForm {...props} />
          {passkeyOptions !== undefined && (
            <form method="post" action="/sign-in/passkey">
              <HiddenInputs values={{ csrf, continue: continueTo }} />
              <PasskeyButton page={page} options={passkeyOptions} or={signIn.or} suggestsInField />
            </form>
          )}
        </>
      ) : (
        // The field is for the browser's suggestions, and for the other pages.
        <form id="credentials" method="post" action="/sign-in/passkey">
          <HiddenInputs values={{ csrf, continue: continueTo }} />
          <Field
            id="username"
            label={signIn.username}
            inputmode="email"
            autocomplete="username webauthn"
            value={username}
            autofocus={!current}
          />
          <PasskeyButton page={page} options={passkeyOptions} isPrimary={!current} suggestsInField />
        </form>
      )}
      {(offersRecovery || offersSignUp || cancelHref) && (
        <ul class="links">
          {/* These submit the form, so that the name need not be typed again. The response redirects to a URL with the sealed name. */}
          {offersRecovery && (
            <li>
              <ToOtherPage
                id="to-recover"
                action="/recover"
                label={takesPasswords ? signIn.forgot : signIn.lostPasskey}
              />
            </li>
          )}
          {offersSignUp && (
            <li>
              <ToOtherPage id="to-sign-up" action="/sign-up" label={signIn.signUp} />
            </li>
          )}
          {cancelHref && (
            <li>
              <a href={cancelHref}>{signIn.cancel}</a>
            </li>
          )}
        </ul>
      )}
    </Layout>
  )
}

/** The form for name and password. */
function PasswordForm(props: SignInPageProps) {
  const { page, csrf, continueTo, username, fault, current, passkeyOptions } = props
  const { signIn, password } = page.messages
  const faulty = faultyFields(fault, username)
  return (
    <form id="credentials" method="post" action="/sign-in">
      <HiddenInputs values={{ csrf, continue: continueTo }} />
      {passkeyOptions !== undefined && <PasskeysPossible />}
      <Field
        id="username"
        label={signIn.username}
        // Not type="email", because user names have no @. The keyboard with an @ suits both.
        inputmode="email"
        autocomplete={passkeyOptions === undefined ? 'username' : 'username webauthn'}
        required
        value={username}
        faultyBy={faulty.username ? 'fault' : undefined}
        autofocus={!current && !username}
      />
      <Field
        id="password"
        label={password.label}
        type="password"
        autocomplete="current-password"
        required
        faultyBy={faulty.password ? 'fault' : undefined}
        autofocus={!current && Boolean(username)}
      />
      <RevealPassword page={page} />
      <button class={current ? 'button' : 'button primary'} id="sign-in" name="sign-in" type="submit">
        {signIn.submit}
      </button>
    </form>
  )
}

function ToOtherPage({ id, action, label }: { readonly id: string; readonly action: string; readonly label: string }) {
  return (
    <button
      class="link"
      id={id}
      form="credentials"
      formaction={action}
      formnovalidate
      name="from"
      value="sign-in"
      type="submit"
    >
      {label}
    </button>
  )
}

/** Does not reveal which of the two was wrong, because that would reveal who has an account here. */
function faultyFields(fault: SignInFault | undefined, username: string | undefined) {
  if (fault === 'wrong_credentials') return { username: true, password: true }
  if (fault === 'missing') return { username: !username, password: Boolean(username) }
  return { username: false, password: false }
}
