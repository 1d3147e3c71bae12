import { type PageClient, Purpose } from '../../html/account-and-client.tsx'
import { OutwardLink } from '../../html/footer.tsx'
import { Field, FormFaults, HiddenInputs, RevealPassword } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { alternatives, type Fault, faultText, fill, fillText, type PageContext } from '../../html/messages/messages.ts'
import { PasswordStrength, strengthScript } from '../../html/password-strength.tsx'

/** `form` is for a fault that concerns no particular field. */
export type SignUpFaults = Partial<Record<'name' | 'email' | 'password' | 'form', Fault>>

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
  /** The endings of addresses that can be used: `@example.com`. Empty: all can. */
  readonly domains: readonly string[]
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
  readonly signInHref: string
}

export function SignUpPage(props: SignUpPageProps) {
  const { page, csrf, continueTo, client, values, faults, minPasswordLength, domains } = props
  const { signUp, password } = page.messages
  const textOf = (fault: Fault | undefined) => fault && faultText(page, fault, props)
  const faulty = (['name', 'email', 'password'] as const).filter((field) => faults[field])
  const signInHref = safeHref(props.signInHref)
  return (
    <Layout
      page={page}
      title={signUp.title}
      faulty={faulty.length > 0 || faults.form !== undefined}
      scripts={['show-password.js', strengthScript]}
      client={client}
    >
      <h1>{signUp.title}</h1>
      {client && <Purpose client={client} text={signUp.purpose} />}
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
        <Field
          id="password"
          label={password.label}
          type="password"
          autocomplete="new-password"
          required
          minlength={minPasswordLength}
          hint={fillText(signUp.passwordHint, { min: String(minPasswordLength) })}
          fault={textOf(faults.password)}
          autofocus={faulty[0] === 'password'}
        />
        <PasswordStrength page={page} minLength={minPasswordLength} />
        <RevealPassword page={page} />
        <Conditions page={page} />
        <button class="button primary" id="sign-up" name="sign-up" type="submit">
          {signUp.submit}
        </button>
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
