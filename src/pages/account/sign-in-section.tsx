import { Field, HiddenInputs } from '../../html/form-fields.tsx'
import { type FormSectionProps, fieldsOf } from './account-form.ts'

/** The user name and the e-mail address to sign in with. */
export function SignInNamesSection({
  page,
  hidden,
  form,
  textOf,
  email,
  pendingEmail,
  verifyEmailHref,
  asksPassword,
}: FormSectionProps & EmailStatusProps & { readonly asksPassword: boolean }) {
  const { account } = page.messages
  const { value, fault, autofocus } = fieldsOf(form, textOf)
  const hints = [
    ...(email ? [email.isVerified ? account.verified : account.notVerified] : []),
    ...(verifyEmailHref ? [account.emailConfirmed] : []),
  ]
  return (
    <section>
      <p class="about">{asksPassword ? account.signInLead : account.namesLead}</p>
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
        {asksPassword && (
          <Field
            id="confirm-password"
            label={account.confirmPassword}
            type="password"
            autocomplete="current-password"
            required
            fault={fault('confirm-password')}
            autofocus={autofocus('confirm-password')}
          />
        )}
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
