import { Field, HiddenInputs, Select, TextArea } from '../../html/form-fields.tsx'
import type { Profile } from '../../records/accounts/account.ts'
import { type FormSectionProps, fieldsOf } from './account-form.ts'
import { languageChoices, zoneChoices } from './profile-choices.ts'
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

export function ProfileSection({
  page,
  hidden,
  form,
  textOf,
  stored,
}: FormSectionProps & {
  /** What is in the profile, whatever the form shows. */
  readonly stored: Pick<Profile, 'locale' | 'zoneinfo'>
}) {
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
        switch (field) {
          case 'street_address':
          case 'formatted':
            return <TextArea key={field} {...shown} />
          case 'locale':
            return <Select key={field} {...shown} choices={languageChoices(page.messages, stored.locale)} />
          case 'zoneinfo':
            return (
              <Select
                key={field}
                {...shown}
                {...zoneChoices(page.messages, stored.zoneinfo)}
                suggestion={account.suggestZone}
              />
            )
          case 'birthdate':
            if (isWholeDate(shown.value)) return <Field key={field} {...shown} type="date" max="9999-12-31" />
        }
        return <Field key={field} {...shown} hint={isHinted(field) ? claimHints[field] : undefined} />
      })}
    </div>
  )
  const isFaulty = (fields: Fields) => fields.some(([field]) => form.faults.has(field))
  const isHinted = (field: ProfileField): field is ProfileField & keyof typeof claimHints =>
    Object.hasOwn(claimHints, field)
  return (
    <section aria-labelledby="your-profile">
      <h2 id="your-profile">{account.details}</h2>
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

/**
 * Whether a field for dates can show a date of birth. OpenID Connect Core §5.1 also allows the year only, and the year 0000 for a date without one. Who
 * has such a value sees it as text and can change it.
 */
function isWholeDate(value: string | undefined): boolean {
  return value === undefined || value === '' || (/^\d{4}-\d{2}-\d{2}$/.test(value) && !value.startsWith('0000'))
}
