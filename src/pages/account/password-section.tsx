import { Field, HiddenInputs, HiddenUsername } from '../../html/form-fields.tsx'
import { fill } from '../../html/messages/messages.ts'
import { NewPasswordField } from '../../html/new-password-field.tsx'
import { type FormSectionProps, fieldsOf } from './account-form.ts'
import { applicationsChoice, offersApplications, wantsApplicationsEnded } from './password-form.ts'

export function PasswordSection({
  page,
  hidden,
  form,
  textOf,
  signInName,
  ownNames,
  minPasswordLength,
}: FormSectionProps & {
  /** The name that the person signs in with. */
  readonly signInName: string | undefined
  /** Names and addresses that somebody who knows the person would try first. */
  readonly ownNames: readonly string[]
  readonly minPasswordLength: number
}) {
  const { account } = page.messages
  const { fault, autofocus } = fieldsOf(form, textOf)
  const hint = `${applicationsChoice}-hint`
  return (
    <section aria-labelledby="your-password">
      <h2 id="your-password">{account.password}</h2>
      <p class="about">{account.passwordLead}</p>
      <form method="post" action="/account/password">
        <HiddenInputs values={{ ...hidden, ...offersApplications }} />
        <HiddenUsername value={signInName} />
        <Field
          id="current-password"
          label={account.currentPassword}
          type="password"
          autocomplete="current-password"
          required
          fault={fault('current-password')}
          autofocus={autofocus('current-password')}
        />
        <NewPasswordField
          page={page}
          id="new-password"
          minLength={minPasswordLength}
          ownNames={ownNames}
          fault={fault('new-password')}
          autofocus={autofocus('new-password')}
        />
        <label class="tick">
          <input
            type="checkbox"
            id={applicationsChoice}
            name={applicationsChoice}
            value="1"
            checked={wantsApplicationsEnded(form.values)}
            aria-describedby={hint}
          />
          {account.endApplications}
        </label>
        <p class="hint tick-hint" id={hint}>
          {fill(account.endApplicationsHint, { name: <bdi>{page.brand.name}</bdi> })}
        </p>
        <button class="button" id="password-change" type="submit">
          {account.changePassword}
        </button>
      </form>
    </section>
  )
}
