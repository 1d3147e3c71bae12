import { Field, HiddenInputs, HiddenUsername } from '../../html/form-fields.tsx'
import { fill } from '../../html/messages/messages.ts'
import { NewPasswordField } from '../../html/new-password-field.tsx'
import { type FormSectionProps, fieldsOf } from './account-form.ts'
import { applicationsChoice, offersApplications, wantsApplicationsEnded } from './password-form.ts'

export interface PasswordSectionProps extends FormSectionProps {
  /** The name that the person signs in with. */
  readonly signInName: string | undefined
  /** Names and addresses that somebody who knows the person would try first. */
  readonly ownNames: readonly string[]
  readonly minPasswordLength: number
  /** Whether the account has a password, and whether this installation accepts it. */
  readonly state: 'set' | 'none' | 'not-accepted'
  /** Whether the form to change or to set the password is shown: a stronger factor must be proven first. */
  readonly canChange: boolean
  /** Whether the person can do without the password, and has just proven themselves. */
  readonly canRemove: boolean
}

export function PasswordSection(props: PasswordSectionProps) {
  const { page, hidden, state, canChange, canRemove } = props
  const { account, security } = page.messages
  const about = {
    set: account.passwordLead,
    none: security.noPassword,
    'not-accepted': security.passwordsOff,
  }
  return (
    <section aria-labelledby="your-password">
      <h2 id="your-password">{account.password}</h2>
      <p class="about">{about[state]}</p>
      {canChange && state === 'set' && <ChangeForm {...props} />}
      {canChange && state === 'none' && <SetForm {...props} />}
      {canRemove && (
        <form method="post" action="/account/security/password/remove">
          <HiddenInputs values={hidden} />
          {state === 'set' && <p class="about">{security.removePasswordLead}</p>}
          <button class="button" id="remove-password" type="submit">
            {security.removePassword}
          </button>
        </form>
      )}
    </section>
  )
}

function SetForm({ page, hidden, form, textOf, signInName, ownNames, minPasswordLength }: PasswordSectionProps) {
  const { fault, autofocus } = fieldsOf(form, textOf)
  return (
    <form method="post" action="/account/security/password">
      <HiddenInputs values={hidden} />
      <HiddenUsername value={signInName} />
      <NewPasswordField
        page={page}
        id="new-password"
        minLength={minPasswordLength}
        ownNames={ownNames}
        fault={fault('new-password')}
        autofocus={autofocus('new-password')}
      />
      <button class="button" id="set-password" type="submit">
        {page.messages.security.setPassword}
      </button>
    </form>
  )
}

function ChangeForm({ page, hidden, form, textOf, signInName, ownNames, minPasswordLength }: PasswordSectionProps) {
  const { account } = page.messages
  const { fault, autofocus } = fieldsOf(form, textOf)
  const hint = `${applicationsChoice}-hint`
  return (
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
  )
}
