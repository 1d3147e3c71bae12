import { Field, HiddenInputs } from '../../html/form-fields.tsx'
import { ownHref } from '../../html/link-target.ts'
import type { PageContext } from '../../html/messages/messages.ts'
import { NewPasskeyButton } from '../../html/passkey-forms.tsx'
import { maxPasskeyName } from '../../records/accounts/passkey-names.ts'

export interface NewPasskeySectionProps {
  readonly page: PageContext
  readonly hidden: Readonly<Record<string, string | undefined>>
  /** The `continue` value of what follows. */
  readonly next: string | undefined
  /** The name that was typed. */
  readonly name: string | undefined
  /** From `passkeyCreationOptions`. */
  readonly options: string | undefined
  /** Whether this installation can have passkeys. */
  readonly isOffered: boolean
  readonly canAdd: boolean
  /** Whether the person can set up one-time codes instead. */
  readonly offersCodes: boolean
}

export function NewPasskeySection(props: NewPasskeySectionProps) {
  const { page, hidden, next, name, options, isOffered, canAdd, offersCodes } = props
  const { security } = page.messages
  return (
    <section>
      {!isOffered && <p class="about">{security.noHostName}</p>}
      {isOffered && !canAdd && <p class="about">{security.manyPasskeys}</p>}
      {isOffered && canAdd && (
        <form method="post" action="/account/security/passkeys/new">
          <p class="about">{security.newPasskeyLead}</p>
          <HiddenInputs values={hidden} />
          <Field
            id="name"
            label={security.newPasskeyName}
            autocomplete="off"
            maxlength={maxPasskeyName}
            value={name}
            hint={security.newPasskeyNameHint}
          />
          <NewPasskeyButton page={page} label={security.createPasskey} options={options} isPrimary />
        </form>
      )}
      <ul class="links">
        {offersCodes && (
          <li>
            <a id="codes-instead" href={ownHref('/account/security/codes/new', { continue: next })}>
              {security.codesInstead}
            </a>
          </li>
        )}
        {next === undefined && (
          <li>
            <a href="/account/security">{security.back}</a>
          </li>
        )}
      </ul>
    </section>
  )
}
