import { AccountBadge, type PageAccount, type PageClient, Purpose } from '../../html/account-and-client.tsx'
import { Field, FormFaults, HiddenInputs } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { faultText, fill, type PageContext } from '../../html/messages/messages.ts'
import {
  Conditions,
  type FirstCredentialProps,
  FirstPassword,
  firstCredentialScripts,
  SignUpButtons,
  type SignUpFaults,
} from './sign-up-page.tsx'

export interface InvitationPageProps {
  readonly page: PageContext
  readonly csrf: string
  /** The secret of the link. */
  readonly invitation: string
  /** The address that was invited. */
  readonly email: string
  /** What was typed before, or the name in the invitation. */
  readonly name?: string | undefined
  readonly faults: Omit<SignUpFaults, 'email'>
  /** In characters. */
  readonly minPasswordLength: number
  readonly first: FirstCredentialProps
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
  /** Who is signed in in this browser. */
  readonly current?: PageAccount | undefined
}

/** The page of an invitation's link. Only its form accepts the invitation: mail scanners open links, too. */
export function InvitationPage(props: InvitationPageProps) {
  const { page, csrf, invitation, email, name, faults, minPasswordLength, first, current } = props
  const { invitation: texts, signUp } = page.messages
  const faulty = (['name', 'password'] as const).flatMap((field) => {
    const fault = faults[field]
    return fault ? [{ id: field, text: faultText(page, fault, props) }] : []
  })
  const textAt = (field: 'name' | 'password') => faulty.find((one) => one.id === field)?.text
  return (
    <Layout
      page={page}
      title={texts.title}
      faulty={faulty.length > 0 || faults.form !== undefined}
      scripts={firstCredentialScripts}
    >
      <h1>{texts.title}</h1>
      <p class="lead">{texts.lead}</p>
      {current && (
        <>
          <AccountBadge account={current} label={texts.signedInAs} />
          <p class="fine">{texts.otherPerson}</p>
        </>
      )}
      <FormFaults form={faults.form && faultText(page, faults.form, props)} fields={faulty} />
      <form method="post" action="/sign-up">
        <HiddenInputs values={{ csrf, invitation }} />
        {/* Password managers store it with the password. What the form sends here is ignored. */}
        <Field
          id="email"
          label={signUp.email}
          type="email"
          autocomplete="username"
          readonly
          value={email}
          hint={texts.fixedEmail}
        />
        <Field
          id="name"
          label={signUp.name}
          autocomplete="name"
          value={name}
          hint={signUp.nameHint}
          fault={textAt('name')}
          autofocus={faulty[0]?.id === 'name'}
        />
        <FirstPassword
          {...{ page, first }}
          minLength={minPasswordLength}
          fault={textAt('password')}
          autofocus={faulty[0]?.id === 'password'}
        />
        <Conditions page={page} />
        <SignUpButtons {...{ page, first }} submit={texts.submit} />
      </form>
      {current && (
        <ul class="links">
          <li>
            <a href="/logout">{texts.signOut}</a>
          </li>
        </ul>
      )}
    </Layout>
  )
}

export interface NoInvitationPageProps {
  readonly page: PageContext
  /** `needed`: there is no invitation. `invalid`: it cannot be used. `taken`: an account has verified the address. */
  readonly why: 'needed' | 'invalid' | 'taken'
  /** For `taken`: the address that was invited. */
  readonly email?: string | undefined
  readonly client?: PageClient | undefined
  readonly signInHref: string
  /** Back to the application with `access_denied`. */
  readonly cancelHref?: string | undefined
}

/** Says why there is no form, and what to do instead. */
export function NoInvitationPage(props: NoInvitationPageProps) {
  const { page, why, email = '', client } = props
  const { invitation: texts, signUp } = page.messages
  const said = {
    needed: [texts.neededTitle, texts.needed],
    invalid: [texts.invalidTitle, texts.invalid],
    taken: [texts.takenTitle, texts.taken],
  } as const
  const [title, lead] = said[why]
  const cancelHref = safeHref(props.cancelHref)
  return (
    <Layout page={page} title={title} client={client}>
      <h1>{title}</h1>
      {client && <Purpose page={page} client={client} text={signUp.purpose} />}
      <p class="lead">{why === 'taken' ? fill(lead, { email: <bdi>{email}</bdi> }) : lead}</p>
      <p class="actions">
        <a class="button primary" id="to-sign-in" href={safeHref(props.signInHref) ?? '/sign-in'}>
          {texts.toSignIn}
        </a>
      </p>
      {cancelHref && (
        <ul class="links">
          <li>
            <a href={cancelHref}>{texts.cancel}</a>
          </li>
        </ul>
      )}
    </Layout>
  )
}
