import { FaultSummary } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { addressInPart } from '../../html/mails/address-in-part.ts'
import { faultText, fill, type PageContext } from '../../html/messages/messages.ts'
import { Moment } from '../../html/moment.tsx'
import { passkeyScripts } from '../../html/passkey-forms.tsx'
import { ProofForms, type Provable } from '../../html/proof-forms.tsx'

export interface UndoEmailChangePageProps {
  readonly page: PageContext
  readonly csrf: string
  /** The secret of the link. */
  readonly token: string
  /** The link was sent there, so whoever has it knows the address. */
  readonly previousEmail: string
  /** Shown in part, because it may be somebody else's. Undefined if the address was removed. */
  readonly newEmail: string | undefined
  readonly changedAt: Date
  /** What the person can prove. */
  readonly provable: Provable
  /** Whether people sign in with passwords. */
  readonly takesPasswords: boolean
  /** Whether the person can set a new password by mail afterwards. */
  readonly offersRecovery: boolean
  readonly fault?:
    | 'proof_missing'
    | 'proof_code_wrong'
    | 'proof_passkey_refused'
    | 'previous_password_missing'
    | 'previous_password_wrong'
    | 'previous_address_taken'
    | 'too_many_attempts'
    | 'busy'
    | undefined
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
}

/** Asks for a factor that the account had before its address was changed. */
export function UndoEmailChangePage(props: UndoEmailChangePageProps) {
  const { page, csrf, token, previousEmail, newEmail, changedAt, offersRecovery, fault, retryAfterSeconds } = props
  const { undoEmailChange: text } = page.messages
  const previous = <bdi class="name">{previousEmail}</bdi>
  const time = <Moment page={page} at={changedAt} timeZone={undefined} />
  const { provable, takesPasswords } = props
  const faulty = fault?.startsWith('previous_password') ? 'password' : fault === 'proof_code_wrong' ? 'code' : undefined
  const afterwards = !takesPasswords
    ? text.recoverByMail
    : offersRecovery
      ? text.newPasswordByMail
      : text.newPasswordAsk
  return (
    <Layout
      page={page}
      title={text.title}
      faulty={fault !== undefined}
      scripts={['show-password.js', 'local-times.js', ...passkeyScripts]}
    >
      <h1>{text.title}</h1>
      <p class="lead">
        {newEmail === undefined
          ? fill(text.removed, { previous, time })
          : fill(text.changed, { previous, time, new: <bdi class="name unbroken">{addressInPart(newEmail)}</bdi> })}
      </p>
      {fault && (
        <FaultSummary>
          <p>{faultText(page, fault, { retryAfterSeconds })}</p>
        </FaultSummary>
      )}
      <p class="fine">{text.consequences}</p>
      <p class="fine">{text.factorsRemoved}</p>
      <p class="fine">{afterwards}</p>
      <ProofForms
        page={page}
        action="/undo-email-change"
        hidden={{ csrf, token }}
        provable={provable}
        faulty={faulty}
        username={previousEmail}
        codeSubmit={text.submit}
        password={{ label: text.password, submit: text.submit, button: 'undo', hint: text.passwordHint }}
      />
      <p class="fine">{text.yourOwn}</p>
    </Layout>
  )
}

export interface UndoDonePageProps {
  readonly page: PageContext
  /** Whether the person can set a new password by mail. */
  readonly offersRecovery: boolean
}

/** The page after a change was undone. Nobody is signed in by it. */
export function UndoDonePage({ page, offersRecovery }: UndoDonePageProps) {
  const { undoEmailChange: text } = page.messages
  return (
    <Layout page={page} title={text.doneTitle}>
      <h1>{text.doneTitle}</h1>
      <p class="lead">{text.done}</p>
      <p>{offersRecovery ? text.passwordRemoved : text.passwordRemovedAsk}</p>
      <p>{text.check}</p>
      {offersRecovery && (
        <p class="actions">
          <a class="button primary" id="to-recover" href="/recover">
            {text.recover}
          </a>
        </p>
      )}
    </Layout>
  )
}

/** The page for every link that does not work, whatever the reason. It reveals nothing about accounts. */
export function VoidUndoLinkPage({ page }: { readonly page: PageContext }) {
  const { undoEmailChange: text, home, errors } = page.messages
  return (
    <Layout page={page} title={errors.brokenLinkTitle}>
      <h1>{errors.brokenLinkTitle}</h1>
      <p class="lead">{text.invalid}</p>
      <p>{text.invalidWhatNext}</p>
      <p class="actions">
        <a class="button primary" id="to-sign-in" href="/sign-in">
          {home.signIn}
        </a>
      </p>
    </Layout>
  )
}
