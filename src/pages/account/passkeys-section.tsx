import { Field, HiddenInputs } from '../../html/form-fields.tsx'
import { fill } from '../../html/messages/messages.ts'
import { Moment } from '../../html/moment.tsx'
import type { KeepReason } from '../../records/accounts/factor-removal.ts'
import { maxPasskeyName } from '../../records/accounts/passkey-names.ts'
import { type FormSectionProps, fieldsOf } from './account-form.ts'

/** A passkey as the page shows it. */
export interface PagePasskey {
  /** Identifies it in the forms. */
  readonly handle: string
  readonly name: string
  readonly createdAt: Date
  readonly usedAt: Date | undefined
  /** Whether it was synchronized when it was last used. */
  readonly isBackedUp: boolean
  /** Why it cannot be removed. */
  readonly kept: KeepReason | undefined
}

export interface PasskeysSectionProps extends FormSectionProps {
  /** Whether this installation can have passkeys. */
  readonly isOffered: boolean
  /** Whether the person has just proven themselves, and can change something. */
  readonly isProven: boolean
  readonly passkeys: readonly PagePasskey[]
  readonly canAdd: boolean
  readonly timeZone: string | undefined
}

/** The id and the name of the field for the name of a passkey: its place in the list, from 0. */
export const nameField = (place: number) => `passkey-name-${place + 1}`

export function PasskeysSection(props: PasskeysSectionProps) {
  const { page, isOffered, passkeys, canAdd } = props
  const { security } = page.messages
  return (
    <section aria-labelledby="passkeys">
      <h2 id="passkeys">{security.passkeys}</h2>
      <p class="about">{isOffered ? security.passkeysLead : security.noHostName}</p>
      {passkeys.length > 0 && (
        <ul class="rows">
          {passkeys.map((passkey, place) => (
            <PasskeyRow key={passkey.handle} {...props} passkey={passkey} place={place} />
          ))}
        </ul>
      )}
      {isOffered &&
        (canAdd ? (
          <a class="button" id="add-passkey" href="/account/security/passkeys/new">
            {security.addPasskey}
          </a>
        ) : (
          <p>{security.manyPasskeys}</p>
        ))}
    </section>
  )
}

function PasskeyRow(props: PasskeysSectionProps & { readonly passkey: PagePasskey; readonly place: number }) {
  const { page, passkey, place, isProven, timeZone } = props
  const { security } = page.messages
  const moment = (at: Date) => <Moment page={page} at={at} timeZone={timeZone} />
  return (
    <li class="row" id={`passkey-${place + 1}`}>
      <div class="row-text">
        <p class="name">
          <bdi>{passkey.name}</bdi>
        </p>
        <p>{fill(security.added, { time: moment(passkey.createdAt) })}</p>
        <p>{passkey.usedAt ? fill(security.used, { time: moment(passkey.usedAt) }) : security.unused}</p>
        <p>{passkey.isBackedUp ? security.synced : security.oneDevice}</p>
      </div>
      {isProven && <PasskeyForms {...props} />}
    </li>
  )
}

function PasskeyForms(props: PasskeysSectionProps & { readonly passkey: PagePasskey; readonly place: number }) {
  const { page, hidden, form, textOf, passkey, place } = props
  const { security } = page.messages
  const { value, fault, autofocus } = fieldsOf(form, textOf)
  const field = nameField(place)
  const about = `passkey-${place + 1}`
  return (
    <details open={fault(field) !== undefined}>
      <summary aria-describedby={about}>{security.change}</summary>
      <form method="post" action="/account/security/passkeys/rename">
        <HiddenInputs values={{ ...hidden, passkey: passkey.handle }} />
        <Field
          id={field}
          label={security.passkeyName}
          autocomplete="off"
          required
          maxlength={maxPasskeyName}
          value={value(field) ?? passkey.name}
          fault={fault(field)}
          autofocus={autofocus(field)}
        />
        <button class="button" id={`rename-passkey-${place + 1}`} aria-describedby={about} type="submit">
          {security.rename}
        </button>
      </form>
      {passkey.kept ? (
        <p class="why-kept">{textOf(passkey.kept, 'form')}</p>
      ) : (
        <form method="post" action="/account/security/passkeys/remove">
          <HiddenInputs values={{ ...hidden, passkey: passkey.handle }} />
          <button
            class="button"
            id={`remove-passkey-${place + 1}`}
            aria-describedby={`${about} remove-passkey-${place + 1}-hint`}
            type="submit"
          >
            {security.removePasskey}
          </button>
          <p class="hint" id={`remove-passkey-${place + 1}-hint`}>
            {security.removePasskeyHint}
          </p>
        </form>
      )}
    </details>
  )
}
