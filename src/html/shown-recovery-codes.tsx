import { HiddenInputs } from './form-fields.tsx'
import type { PageContext } from './messages/messages.ts'

/** The script for the buttons that copy and print. */
export const recoveryCodesScript = 'recovery-codes.js'

export interface RecoveryCodesProps {
  readonly page: PageContext
  readonly codes: readonly string[]
  /** The hidden fields of every form of an account page: `csrf` and `account`. */
  readonly hidden: Readonly<Record<string, string>>
  /** From `sealShownCodes`. Undefined: no file is offered, because the person cannot see the pages of the account yet. */
  readonly sealed: string | undefined
  /** What the codes are for, if it is not what they are for on most accounts. */
  readonly lead?: string | undefined
  /** What the person has just done, such as having added a passkey. */
  readonly done?: string | undefined
  /** Where the person goes on. */
  readonly continueHref: string
}

/**
 * New recovery codes. They are shown once: the page is the answer to a form, and has no address that could be opened again. The same is true of the file, which a
 * form asks for, so that it needs no script.
 */
export function RecoveryCodes({ page, codes, hidden, sealed, done, lead, continueHref }: RecoveryCodesProps) {
  const { recoveryCodes: text } = page.messages
  return (
    <section aria-labelledby="recovery-codes">
      {done !== undefined && (
        <p class="notice" role="status">
          {done}
        </p>
      )}
      <h2 id="recovery-codes">{text.heading}</h2>
      <p class="about">{lead ?? text.lead}</p>
      <p class="about">
        <strong>{text.once}</strong>
      </p>
      <ol class="recovery-codes" id="codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div class="choice">
        {sealed !== undefined && (
          <form method="post" action="/account/security/recovery-codes/download">
            <HiddenInputs values={{ ...hidden, codes: sealed }} />
            <button class="button" id="download-codes" type="submit">
              {text.download}
            </button>
          </form>
        )}
        {/* The script shows these. */}
        <button class="button" id="copy-codes" type="button" data-copies="codes" data-done={text.copied} hidden>
          {text.copy}
        </button>
        <button class="button" id="print-codes" type="button" data-prints="" hidden>
          {text.print}
        </button>
      </div>
      <p class="hint" role="status" id="codes-status" />
      <p class="actions">
        <a class="button primary" id="codes-saved" href={continueHref}>
          {text.saved}
        </a>
      </p>
    </section>
  )
}
