import { Field, HiddenInputs, TextArea } from '../../html/form-fields.tsx'
import { type FormSectionProps, fieldsOf } from './account-form.ts'
import type { ProfileField } from './profile-form.ts'

/** The fields in the order of the page, each with its autofill field name (HTML §4.10.18.7.1). */
const basic: Fields = [
  ['name', 'name'],
  ['nickname', 'nickname'],
  ['given_name', 'given-name'],
  ['family_name', 'family-name'],
]
const more: Fields = [
  ['middle_name', 'additional-name'],
  ['gender', 'sex'],
  ['birthdate', 'bday'],
  ['phone_number', 'tel'],
  ['locale', 'language'],
  ['zoneinfo', 'off'],
  ['website', 'url'],
  ['profile', 'off'],
  ['picture', 'photo'],
]
const address: Fields = [
  ['street_address', 'street-address'],
  ['formatted', 'off'],
  ['postal_code', 'postal-code'],
  ['locality', 'address-level2'],
  ['region', 'address-level1'],
  ['country', 'country-name'],
]

type Fields = readonly (readonly [field: ProfileField, autocomplete: string])[]

export function ProfileSection({ page, hidden, form, textOf }: FormSectionProps) {
  const { account, claims, claimHints } = page.messages
  const { value, fault, autofocus } = fieldsOf(form, textOf)
  const show = (fields: Fields) => (
    <div class="fields">
      {fields.map(([field, autocomplete]) => {
        const shown = {
          id: field,
          label: claims[field],
          autocomplete,
          value: value(field),
          fault: fault(field),
          autofocus: autofocus(field),
        }
        return field === 'street_address' || field === 'formatted' ? (
          <TextArea key={field} {...shown} />
        ) : (
          <Field key={field} {...shown} hint={isHinted(field) ? claimHints[field] : undefined} />
        )
      })}
    </div>
  )
  const isFaulty = (fields: Fields) => fields.some(([field]) => form.faults.has(field))
  const isHinted = (field: ProfileField): field is keyof typeof claimHints => Object.hasOwn(claimHints, field)
  return (
    <section>
      <p class="about">{account.profileLead}</p>
      <form method="post" action="/account/profile">
        <HiddenInputs values={hidden} />
        {show(basic)}
        <details open={isFaulty(more)}>
          <summary>{account.more}</summary>
          {show(more)}
        </details>
        <details open={isFaulty(address)}>
          <summary>{account.address}</summary>
          {show(address)}
        </details>
        <button class="button primary" id="profile-save" type="submit">
          {account.saveProfile}
        </button>
      </form>
    </section>
  )
}
