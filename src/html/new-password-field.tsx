import { Field, RevealPassword } from './form-fields.tsx'
import { fillText, type PageContext } from './messages/messages.ts'

/** The script for the hint of `NewPasswordField`. */
export const strengthScript = 'password-strength.js'

/** The field for a new password, with the rule for its length, how hard it is to guess, and the checkbox that shows it. */
export function NewPasswordField(props: {
  readonly page: PageContext
  /** `new-password` is for an account that has a password already. */
  readonly id: 'password' | 'new-password'
  /** In characters. */
  readonly minLength: number
  readonly fault: string | undefined
  readonly autofocus: boolean
  /** False if the form also takes something else: an empty field must not keep the browser from sending that. */
  readonly isRequired?: boolean
  /** Names and addresses of the person that are not in fields of this page. */
  readonly ownNames?: readonly string[]
}) {
  const { page, id, minLength, fault, autofocus, isRequired = true, ownNames } = props
  const { account, password, signUp } = page.messages
  const labels =
    id === 'password'
      ? { field: password.label, reveal: password.reveal }
      : { field: account.newPassword, reveal: account.revealNew }
  return (
    <>
      <Field
        id={id}
        label={labels.field}
        type="password"
        autocomplete="new-password"
        required={isRequired}
        minlength={minLength}
        hint={fillText(signUp.passwordHint, { min: String(minLength) })}
        fault={fault}
        autofocus={autofocus}
      />
      <PasswordStrength page={page} field={id} minLength={minLength} ownNames={ownNames} />
      <RevealPassword page={page} field={id} label={labels.reveal} />
    </>
  )
}

/**
 * Says how hard a new password is to guess, while it is typed. It needs a script (`strengthScript`), and without it there is nothing to see. It only
 * hints: password-rules.ts decides. It takes into account the person's names and addresses: those given here, and what is in the page's fields for them.
 *
 * NIST SP 800-63B-4 §3.1.1.2: "Verifiers SHALL offer guidance to the subscriber to assist the user in choosing a strong password."
 */
function PasswordStrength(props: {
  readonly page: PageContext
  /** The id of the password field, which comes before this. */
  readonly field: string
  /** In characters. */
  readonly minLength: number
  readonly ownNames: readonly string[] | undefined
}) {
  const { page, field, minLength, ownNames } = props
  const { passwordStrength } = page.messages
  return (
    <div
      class="strength"
      data-strength-of={field}
      data-min-length={minLength}
      data-service={page.brand.name}
      data-own-names={ownNames && JSON.stringify(ownNames)}
      data-texts={JSON.stringify(passwordStrength)}
    >
      {/* The same words are read out below, but only when the person pauses. */}
      <p class="strength-shown" aria-hidden="true" hidden>
        <span class="strength-bar">
          <span />
          <span />
          <span />
        </span>
        <span class="strength-words" />
      </p>
      <p class="unseen" role="status" />
    </div>
  )
}
