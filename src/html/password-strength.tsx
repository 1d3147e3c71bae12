import type { PageContext } from './messages/messages.ts'

/** The script for `PasswordStrength`. */
export const strengthScript = 'password-strength.js'

/**
 * Says how hard a new password is to guess, while it is typed. It needs a script (`strengthScript`), and without it there is nothing to see. It only
 * hints: password-rules.ts decides. It takes into account what is in the page's fields for names and addresses.
 *
 * NIST SP 800-63B-4 §3.1.1.2: "Verifiers SHALL offer guidance to the subscriber to assist the user in choosing a strong password."
 */
export function PasswordStrength(props: {
  readonly page: PageContext
  /** The id of the password field, which comes before this. */
  readonly field?: string
  /** In characters. */
  readonly minLength: number
}) {
  const { page, field = 'password', minLength } = props
  const { passwordStrength } = page.messages
  return (
    <div
      class="strength"
      data-strength-of={field}
      data-min-length={minLength}
      data-service={page.brand.name}
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
