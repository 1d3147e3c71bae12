import { type PageClient, Purpose } from '../../html/account-and-client.tsx'
import { OutwardLink } from '../../html/footer.tsx'
import { Field, FormFaults, HiddenInputs } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { alternatives, type Fault, faultText, fill, fillText, type PageContext } from '../../html/messages/messages.ts'
import { NewPasswordField, strengthScript } from '../../html/new-password-field.tsx'
import { NewPasskeyButton, passkeyScripts } from '../../html/passkey-forms.tsx'

/** `form` is for a fault that concerns no particular field. */
export type SignUpFaults = Partial<Record<'name' | 'email' | 'password' | 'form', Fault>>

/** What a new account can be created with. */
export interface FirstCredentialProps {
  /** Whether people sign in with passwords here. */
  readonly takesPassword: boolean
  /** The options for a new passkey, as JSON; undefined: people cannot create one. */
  readonly passkeyOptions: string | undefined
}

export interface SignUpPageProps {
  readonly page: PageContext
  readonly csrf: string
  readonly continueTo?: string | undefined
  readonly client?: PageClient | undefined
  /** What was typed before. A password never goes back to the browser. */
  readonly values: { readonly name?: string | undefined; readonly email?: string | undefined }
  readonly faults: SignUpFaults
  /** In characters. */
  readonly minPasswordLength: number
  readonly first: FirstCredentialProps
  /** The endings of addresses that can be used: `@example.com`. Empty: all can. */
  readonly domains: readonly string[]
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
  readonly signInHref: string
}

export function SignUpPage(props: SignUpPageProps) {
  const { page, csrf, continueTo, client, values, faults, minPasswordLength, domains, first } = props
  const { signUp } = page.messages
  const textOf = (fault: Fault | undefined) => fault && faultText(page, fault, props)
  const faulty = (['name', 'email', 'password'] as const).filter((field) => faults[field])
  const signInHref = safeHref(props.signInHref)
  return (
    <Layout
      page={page}
      title={signUp.title}
      faulty={faulty.length > 0 || faults.form !== undefined}
      scripts={firstCredentialScripts}
      client={client}
    >
      <h1>{signUp.title}</h1>
      {client && <Purpose page={page} client={client} text={signUp.purpose} />}
      <FormFaults form={textOf(faults.form)} fields={faulty.map((id) => ({ id, text: textOf(faults[id]) ?? '' }))} />
      <form method="post" action="/sign-up">
        <HiddenInputs values={{ csrf, continue: continueTo }} />
        <Field
          id="name"
          label={signUp.name}
          autocomplete="name"
          value={values.name}
          hint={signUp.nameHint}
          fault={textOf(faults.name)}
          autofocus={faulty[0] === 'name'}
        />
        <Field
          id="email"
          label={signUp.email}
          type="email"
          inputmode="email"
          autocomplete="email"
          required
          value={values.email}
          hint={
            domains.length > 0 &&
            faults.email !== 'email_domain_not_allowed' &&
            fillText(signUp.domainsHint, { domains: alternatives(domains, page.locale) })
          }
          fault={textOf(faults.email)}
          autofocus={faulty[0] === 'email'}
        />
        <FirstPassword
          {...{ page, first }}
          minLength={minPasswordLength}
          fault={textOf(faults.password)}
          autofocus={faulty[0] === 'password'}
        />
        <Conditions page={page} />
        <SignUpButtons {...{ page, first }} submit={signUp.submit} />
      </form>
      {signInHref && (
        <ul class="links">
          <li>
            <a href={signInHref}>{signUp.signIn}</a>
          </li>
        </ul>
      )}
    </Layout>
  )
}

/** The scripts of a page with the parts below. */
export const firstCredentialScripts = ['show-password.js', strengthScript, ...passkeyScripts]

/** The field for the password of a new account, unless people here create passkeys only. */
export function FirstPassword(props: {
  readonly page: PageContext
  readonly first: FirstCredentialProps
  readonly minLength: number
  readonly fault: string | undefined
  readonly autofocus: boolean
}) {
  const { first, ...field } = props
  if (!first.takesPassword) return null
  // Not required if there is a second way: the browser would not send the form of somebody who has created a passkey.
  return <NewPasswordField {...field} id="password" isRequired={first.passkeyOptions === undefined} />
}

/** The buttons of both ways to create an account. The one for the password is first: the Enter key presses it. */
export function SignUpButtons(props: {
  readonly page: PageContext
  readonly first: FirstCredentialProps
  /** What is on the button for a password. */
  readonly submit: string
}) {
  const { page, submit } = props
  const { takesPassword, passkeyOptions } = props.first
  const { signUp } = page.messages
  return (
    <>
      {takesPassword && (
        <button class="button primary" id="sign-up" name="sign-up" type="submit">
          {submit}
        </button>
      )}
      <NewPasskeyButton
        page={page}
        options={passkeyOptions}
        label={takesPassword ? signUp.passkeyInstead : signUp.passkey}
        isPrimary={!takesPassword}
        {...(takesPassword && { or: page.messages.signIn.or })}
        nameFrom="email"
        displayNameFrom="name"
      />
    </>
  )
}

/** The terms of use and the privacy policy. Above the button, because people accept them by pressing it. */
export function Conditions({ page }: { readonly page: PageContext }) {
  const { brand, messages } = page
  const { signUp } = messages
  const link = (href: string, label: string) => (
    <OutwardLink page={page} href={href}>
      {label}
    </OutwardLink>
  )
  if (!brand.termsUrl && !brand.privacyUrl) return null
  return (
    <p class="fine conditions">
      {brand.termsUrl && fill(signUp.terms, { terms: link(brand.termsUrl, signUp.termsLink) })}{' '}
      {brand.privacyUrl && fill(signUp.privacy, { privacy: link(brand.privacyUrl, signUp.privacyLink) })}
    </p>
  )
}
