import { FaultSummary, Field, HiddenInputs, HiddenUsername, RevealPassword } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { faultText, fill, type Messages, type PageContext } from '../../html/messages/messages.ts'
import { Moment } from '../../html/moment.tsx'
import { PasskeyButton, passkeyScripts } from '../../html/passkey-forms.tsx'

export interface NotMePageProps {
  readonly page: PageContext
  readonly csrf: string
  /** The secret of the link. */
  readonly token: string
  /** The link was sent there, so whoever has it knows the address. */
  readonly email: string
  /** The kind of the mail with the link. */
  readonly kind: string
  /** When the event that the mail reports happened. */
  readonly at: Date
  /** For a passkey from before; undefined if there is none. */
  readonly passkeyOptions: string | undefined
  /** Whether a code proves the person, with the password if that is taken, too. */
  readonly takesCode: boolean
  /** Whether the code may be a one-time code, and not only a recovery code. */
  readonly takesOneTimeCode: boolean
  /** Whether the password is asked for. */
  readonly takesPassword: boolean
  /** Whether the person can ask for a link to set a new password. */
  readonly offersRecovery: boolean
  readonly fault?:
    | 'report_proof_missing'
    | 'report_not_proven'
    | 'previous_address_taken'
    | 'too_many_attempts'
    | 'busy'
    | undefined
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
}

/** Asks for the strongest factor that the account had before the event that the mail reports. */
export function NotMePage(props: NotMePageProps) {
  const { page, csrf, token, email, kind, at, passkeyOptions, takesCode, takesOneTimeCode, takesPassword } = props
  const { offersRecovery, fault, retryAfterSeconds } = props
  const { notMe: text, notMeKinds: kinds } = page.messages
  const isAboutProof = fault === 'report_proof_missing' || fault === 'report_not_proven'
  const faultyBy = isAboutProof ? 'fault' : undefined
  const canProve = passkeyOptions !== undefined || takesCode || takesPassword
  return (
    <Layout
      page={page}
      title={text.title}
      faulty={fault !== undefined}
      scripts={['show-password.js', 'local-times.js', ...(passkeyOptions === undefined ? [] : passkeyScripts)]}
    >
      <h1>{text.title}</h1>
      <p class="lead">
        {fill(isKind(kinds, kind) ? kinds[kind] : text.something, {
          time: <Moment page={page} at={at} timeZone={undefined} />,
        })}
      </p>
      {fault && (
        <FaultSummary>
          <p>{faultText(page, fault, { retryAfterSeconds })}</p>
        </FaultSummary>
      )}
      <Consequences page={page} />
      {canProve ? <p>{text.prove}</p> : <p>{text.nothingLeft}</p>}
      {passkeyOptions !== undefined && (
        <form method="post" action="/not-me">
          <HiddenInputs values={{ csrf, token }} />
          <PasskeyButton page={page} options={passkeyOptions} label={text.withPasskey} isPrimary />
        </form>
      )}
      {passkeyOptions !== undefined && takesCode && <p class="or">{page.messages.proof.orCode}</p>}
      {(takesCode || takesPassword) && (
        <form method="post" action="/not-me">
          <HiddenInputs values={{ csrf, token }} />
          {takesPassword && (
            <>
              <HiddenUsername value={email} />
              <Field
                id="password"
                label={text.password}
                type="password"
                autocomplete="current-password"
                required
                hint={text.passwordHint}
                faultyBy={faultyBy}
                autofocus={passkeyOptions === undefined}
              />
              <RevealPassword page={page} />
            </>
          )}
          {takesCode && (
            <Field
              id="code"
              label={takesOneTimeCode ? text.code : text.recoveryCode}
              autocomplete="one-time-code"
              required
              hint={takesOneTimeCode ? text.codeHint : text.recoveryCodeHint}
              faultyBy={faultyBy}
            />
          )}
          <button class={passkeyOptions === undefined ? 'button primary' : 'button'} id="report" type="submit">
            {text.submit}
          </button>
        </form>
      )}
      <p class="fine">{text.otherwise}</p>
      {offersRecovery && (
        <ul class="links">
          <li>
            <a id="to-recover" href="/recover">
              {text.recover}
            </a>
          </li>
        </ul>
      )}
    </Layout>
  )
}

/** What reporting does. */
export function Consequences({ page }: { readonly page: PageContext }) {
  const { notMe: text } = page.messages
  return (
    <>
      <p>{text.consequences}</p>
      <ul>
        <li>{text.everybodyOut}</li>
        <li>{text.removed}</li>
        <li>{text.newPassword}</li>
      </ul>
    </>
  )
}

function isKind(kinds: Messages['notMeKinds'], kind: string): kind is keyof Messages['notMeKinds'] {
  return Object.hasOwn(kinds, kind)
}

/** The page for every link that does not work, whatever the reason. It reveals nothing about accounts. */
export function VoidNotMeLinkPage({ page, offersRecovery }: Pick<NotMePageProps, 'page' | 'offersRecovery'>) {
  const { notMe: text, home, errors } = page.messages
  return (
    <Layout page={page} title={errors.brokenLinkTitle}>
      <h1>{errors.brokenLinkTitle}</h1>
      <p class="lead">{text.invalid}</p>
      <p>{offersRecovery ? text.invalidWhatNext : text.otherwise}</p>
      <p class="actions">
        <a class="button primary" id="to-sign-in" href="/sign-in">
          {home.signIn}
        </a>
      </p>
    </Layout>
  )
}
