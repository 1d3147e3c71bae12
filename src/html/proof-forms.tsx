import type { ComponentChildren } from 'preact'
import { Field, HiddenInputs, HiddenUsername, RevealPassword } from './form-fields.tsx'
import type { PageContext } from './messages/messages.ts'
import { PasskeyButton } from './passkey-forms.tsx'

/** What can be proven on a page: each kind has a form of its own. */
export interface Provable {
  /** The options for a passkey, as JSON; undefined: none is accepted. */
  readonly passkey: string | undefined
  /** Which codes are accepted. */
  readonly code: 'any' | 'one_time' | 'recovery' | undefined
  readonly password: boolean
}

/** The forms in which somebody with a link proves more: a passkey, a code or a password. */
export function ProofForms(props: {
  readonly page: PageContext
  /** Where all the forms are sent. */
  readonly action: string
  /** The hidden fields of each form. */
  readonly hidden: Readonly<Record<string, string | undefined>>
  readonly provable: Provable
  /** What is wrong with the last form. */
  readonly faulty: 'passkey' | 'code' | 'password' | undefined
  /** What is on the button for a code, if it does more than lead on. */
  readonly codeSubmit?: string
  /** The name that the password belongs to. */
  readonly username: string | undefined
  readonly password: {
    readonly lead?: string | undefined
    readonly label: string
    readonly submit: string
    /** The id of the button. */
    readonly button: string
    readonly hint?: ComponentChildren
  }
}) {
  const { page, action, hidden, provable, faulty, username, password } = props
  const { proof } = page.messages
  const codeSubmit = props.codeSubmit ?? proof.submitCode
  const { passkey, code } = provable
  const isOnlyPassword = passkey === undefined && !code
  const labels = { any: proof.code, one_time: proof.oneTimeCode, recovery: proof.recoveryCode }
  return (
    <>
      {passkey !== undefined && (
        <form id="passkey-proof" method="post" action={action}>
          <HiddenInputs values={hidden} />
          <PasskeyButton page={page} options={passkey} isPrimary />
        </form>
      )}
      {code && (
        <>
          {passkey !== undefined && <p class="or">{proof.orCode}</p>}
          <form id="code-proof" method="post" action={action}>
            <HiddenInputs values={hidden} />
            <Field
              id="code"
              label={labels[code]}
              autocomplete="one-time-code"
              required
              faultyBy={faulty === 'code' ? 'fault' : undefined}
              autofocus={passkey === undefined}
            />
            <button class={passkey === undefined ? 'button primary' : 'button'} id="prove-code" type="submit">
              {codeSubmit}
            </button>
          </form>
        </>
      )}
      {provable.password && (
        <>
          {!isOnlyPassword && <p class="or">{proof.orPassword}</p>}
          {password.lead && <p>{password.lead}</p>}
          <form id="password-proof" method="post" action={action}>
            <HiddenInputs values={hidden} />
            <HiddenUsername value={username} />
            <Field
              id="password"
              label={password.label}
              type="password"
              autocomplete="current-password"
              required
              hint={password.hint}
              faultyBy={faulty === 'password' ? 'fault' : undefined}
              autofocus={isOnlyPassword}
            />
            <RevealPassword page={page} />
            <button class={isOnlyPassword ? 'button primary' : 'button'} id={password.button} type="submit">
              {password.submit}
            </button>
          </form>
        </>
      )}
    </>
  )
}
