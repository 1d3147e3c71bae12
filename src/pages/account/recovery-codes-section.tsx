import { HiddenInputs } from '../../html/form-fields.tsx'
import { fillText, type PageContext } from '../../html/messages/messages.ts'

export interface NewRecoveryCodesProps {
  readonly page: PageContext
  readonly hidden: Readonly<Record<string, string>>
  /** How many codes of the account still work; undefined if it has none. */
  readonly left: number | undefined
  /** Whether the account has a factor that codes stand in for. */
  readonly hasFactor: boolean
}

/** Creates new recovery codes. The button is on a page of its own, because the previous codes stop working at once. */
export function NewRecoveryCodesSection({ page, hidden, left, hasFactor }: NewRecoveryCodesProps) {
  const { recoveryCodes, security } = page.messages
  return (
    <section>
      <p class="about">{hasFactor ? recoveryCodes.about : recoveryCodes.needFactor}</p>
      {hasFactor && (
        <form method="post" action="/account/security/recovery-codes">
          <HiddenInputs values={hidden} />
          {left !== undefined && (
            <p class="about">
              {fillText(recoveryCodes.left, { count: String(left) })}. {recoveryCodes.renewLead}
            </p>
          )}
          <button class="button primary" id="create-recovery-codes" type="submit">
            {recoveryCodes.create}
          </button>
        </form>
      )}
      <ul class="links">
        <li>
          <a href="/account/security">{security.back}</a>
        </li>
      </ul>
    </section>
  )
}
