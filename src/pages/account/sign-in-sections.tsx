import { Field, HiddenInputs, HiddenUsername, RevealPassword } from '../../html/form-fields.tsx'
import { fill, fillText } from '../../html/messages/messages.ts'
import { PasswordStrength } from '../../html/password-strength.tsx'
import { type FormSectionProps, fieldsOf } from './account-form.ts'
import { applicationsChoice, offersApplications, wantsApplicationsEnded } from './sign-in-forms.ts'

/** The user name and the e-mail address to sign in with. */
export function SignInNamesSection({
  page,
  hidden,
  form,
  textOf,
  email,
  pendingEmail,
  verifyEmailHref,
}: FormSectionProps & EmailStatusProps) {
  const { account } = page.messages
  const { value, fault, autofocus } = fieldsOf(form, textOf)
  const hints = [
    ...(email ? [email.isVerified ? account.verified : account.notVerified] : []),
    ...(verifyEmailHref ? [account.emailConfirmed] : []),
  ]
  return (
    <section aria-labelledby="your-sign-in">
      <h2 id="your-sign-in">{account.signIn}</h2>
      <p class="about">{account.signInLead}</p>
      <EmailStatus {...{ page, hidden, email, pendingEmail, verifyEmailHref }} />
      <form method="post" action="/account/sign-in">
        <HiddenInputs values={hidden} />
        <Field
          id="username"
          label={account.username}
          autocomplete="username"
          value={value('username')}
          hint={account.usernameHint}
          fault={fault('username')}
          autofocus={autofocus('username')}
        />
        <Field
          id="email"
          label={account.email}
          type="email"
          inputmode="email"
          autocomplete="email"
          value={value('email')}
          hint={hints.length > 0 ? hints.join(' ') : undefined}
          fault={fault('email')}
          autofocus={autofocus('email')}
        />
        <Field
          id="confirm-password"
          label={account.confirmPassword}
          type="password"
          autocomplete="current-password"
          required
          fault={fault('confirm-password')}
          autofocus={autofocus('confirm-password')}
        />
        <button class="button" id="sign-in-save" type="submit">
          {account.saveSignIn}
        </button>
      </form>
    </section>
  )
}

interface EmailStatusProps {
  /** Undefined if the account has no address. */
  readonly email: { readonly address: string; readonly isVerified: boolean } | undefined
  /** The address that becomes the account's once it is confirmed. */
  readonly pendingEmail?: string | undefined
  /** The page that takes the code of a mail; undefined if this installation sends no mail. */
  readonly verifyEmailHref?: string | undefined
}

/** The address that waits to be confirmed: the new one, or else the account's own. */
function EmailStatus({
  page,
  hidden,
  email,
  pendingEmail,
  verifyEmailHref,
}: EmailStatusProps & Pick<FormSectionProps, 'page' | 'hidden'>) {
  const { account } = page.messages
  const waiting = pendingEmail ?? (email?.isVerified ? undefined : email?.address)
  if (waiting === undefined || verifyEmailHref === undefined) return null
  return (
    <ul class="rows" id="email-waiting">
      <li class={pendingEmail === undefined ? 'row' : 'row buttons-below'}>
        <div class="row-text" id="email-waiting-text">
          <p class="name">
            <bdi>{waiting}</bdi>
          </p>
          <p>{pendingEmail === undefined ? account.emailToVerify : account.emailPending}</p>
        </div>
        {pendingEmail !== undefined && (
          <a class="button primary" id="email-code" href={verifyEmailHref} aria-describedby="email-waiting-text">
            {account.enterCode}
          </a>
        )}
        <form method="post" action="/account/email/send">
          <HiddenInputs values={hidden} />
          <button class="button" id="email-send" aria-describedby="email-waiting-text" type="submit">
            {pendingEmail === undefined ? account.verifyEmail : account.sendAgain}
          </button>
        </form>
        {pendingEmail !== undefined && (
          <form method="post" action="/account/email/cancel">
            <HiddenInputs values={hidden} />
            <button class="button" id="email-cancel" aria-describedby="email-waiting-text" type="submit">
              {account.cancelEmailChange}
            </button>
          </form>
        )}
      </li>
    </ul>
  )
}

export function PasswordSection({
  page,
  hidden,
  form,
  textOf,
  signInName,
  minPasswordLength,
}: FormSectionProps & {
  /** The name that the person signs in with. */
  readonly signInName: string | undefined
  readonly minPasswordLength: number
}) {
  const { account, signUp } = page.messages
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
        <Field
          id="new-password"
          label={account.newPassword}
          type="password"
          autocomplete="new-password"
          required
          minlength={minPasswordLength}
          hint={fillText(signUp.passwordHint, { min: String(minPasswordLength) })}
          fault={fault('new-password')}
          autofocus={autofocus('new-password')}
        />
        <PasswordStrength page={page} field="new-password" minLength={minPasswordLength} />
        <RevealPassword page={page} field="new-password" label={account.revealNew} />
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
