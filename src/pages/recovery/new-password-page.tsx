import { AccountBadge, type PageAccount } from '../../html/account-and-client.tsx'
import { FaultSummary, HiddenInputs, HiddenUsername } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { type Fault, faultText, fill, fillText, type PageContext } from '../../html/messages/messages.ts'
import { NewPasswordField, strengthScript } from '../../html/new-password-field.tsx'
import { NewPasskeyButton, passkeyScripts } from '../../html/passkey-forms.tsx'

/** The checkbox of the form: also end all other access. */
export const accessChoice = 'end-access'

/**
 * A hidden field that is always in the form. Browsers do not send an unticked checkbox, so this distinguishes a form in which the
 * person cleared it from a form without it.
 */
export const offersAccess = { 'end-access-offered': '1' } as const

/** Whether to end all other access: yes, unless the form had the checkbox and the person cleared it. */
export function wantsAccessEnded(values: ReadonlyMap<string, string>): boolean {
  const wasOffered = Object.keys(offersAccess).every((name) => values.has(name))
  return values.has(accessChoice) || !wasOffered
}

/** The checkbox that removes a credential. */
export const removeChoice = (id: number) => `remove-${id}`

export interface NewPasswordPageProps {
  readonly page: PageContext
  readonly csrf: string
  /** The secret of the link. */
  readonly token: string
  readonly account: PageAccount
  /** The name that the person signs in with. */
  readonly signInName: string | undefined
  /** Other credentials of the account, which the person may not know about. */
  readonly others: readonly { readonly id: number; readonly kind: string; readonly createdAt: Date }[]
  /** The form as it was sent before. A password never goes back to the browser. */
  readonly values: ReadonlyMap<string, string>
  /** Whether the person can set a password. */
  readonly takesPassword: boolean
  /** The options for a new passkey, as JSON; undefined: the person cannot create one. */
  readonly passkeyOptions: string | undefined
  readonly fault?: Fault | undefined
  /** In characters. */
  readonly minPasswordLength: number
  /** For `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
}

/** Sets a new password or passkey by a link. */
export function NewPasswordPage(props: NewPasswordPageProps) {
  const { page, csrf, token, account, others, values, fault, minPasswordLength, takesPassword, passkeyOptions } = props
  const { recover } = page.messages
  const text = fault && faultText(page, fault, props)
  const isPasswordFaulty = takesPassword && fault?.startsWith('password_')
  const title = takesPassword ? recover.passwordTitle : recover.passkeyTitle
  return (
    <Layout
      page={page}
      title={title}
      faulty={fault !== undefined}
      scripts={['show-password.js', strengthScript, ...(passkeyOptions === undefined ? [] : passkeyScripts)]}
    >
      <h1>{title}</h1>
      {!takesPassword && <p class="lead">{recover.passkeyLead}</p>}
      {fault && (
        <FaultSummary>
          <p>{isPasswordFaulty ? <a href="#new-password">{text}</a> : text}</p>
        </FaultSummary>
      )}
      <AccountBadge account={account} label={recover.account} />
      <form method="post" action="/recover/password">
        <HiddenInputs values={{ csrf, token, ...offersAccess }} />
        <HiddenUsername value={props.signInName} />
        {takesPassword && (
          <NewPasswordField
            page={page}
            id="new-password"
            minLength={minPasswordLength}
            fault={isPasswordFaulty ? text : undefined}
            isRequired={passkeyOptions === undefined}
            autofocus={true}
          />
        )}
        {others.length > 0 && <Others page={page} others={others} values={values} />}
        <label class="tick">
          <input
            type="checkbox"
            id={accessChoice}
            name={accessChoice}
            value="1"
            checked={wantsAccessEnded(values)}
            aria-describedby={`${accessChoice}-hint`}
          />
          {recover.endAccess}
        </label>
        <p class="hint tick-hint" id={`${accessChoice}-hint`}>
          {fill(recover.endAccessHint, { name: <bdi>{page.brand.name}</bdi> })}
        </p>
        {takesPassword && (
          <button class="button primary" id="set-password" name="set-password" type="submit">
            {recover.setPassword}
          </button>
        )}
        {takesPassword && <p class="fine">{recover.signInFollows}</p>}
        {passkeyOptions !== undefined && (
          <NewPasskeyButton
            page={page}
            options={passkeyOptions}
            label={takesPassword ? recover.createPasskeyInstead : recover.createPasskey}
            isPrimary={!takesPassword}
            {...(takesPassword && { or: page.messages.signIn.or })}
          />
        )}
      </form>
      {!takesPassword && <p class="fine">{recover.passkeyFollows}</p>}
    </Layout>
  )
}

function Others({ page, others, values }: Pick<NewPasswordPageProps, 'page' | 'others' | 'values'>) {
  const { recover } = page.messages
  const names: Readonly<Record<string, string>> = {
    passkey: recover.kindPasskey,
    totp: recover.kindTotp,
    recovery_codes: recover.kindRecoveryCodes,
  }
  const date = (at: Date) =>
    new Intl.DateTimeFormat(page.locale, { year: 'numeric', month: 'long', day: 'numeric', timeZone: 'UTC' }).format(at)
  return (
    <fieldset class="choices">
      <legend>{recover.others}</legend>
      <p class="hint">{recover.othersLead}</p>
      {others.map(({ id, kind, createdAt }) => (
        <label class="tick" key={id}>
          <input
            type="checkbox"
            id={removeChoice(id)}
            name={removeChoice(id)}
            value="1"
            checked={values.has(removeChoice(id))}
          />
          <span>
            {fill(recover.remove, { kind: names[kind] ?? <bdi class="identifier">{kind}</bdi>, date: date(createdAt) })}
          </span>
        </label>
      ))}
    </fieldset>
  )
}

/** For every link that cannot be used, whatever the reason: it reveals nothing about accounts. */
export function VoidRecoveryLinkPage(props: {
  readonly page: PageContext
  /** Minutes for which a link works. */
  readonly minutes: number
  /** Where to ask for a new link; undefined if this installation sends no mail. */
  readonly recoverHref: string | undefined
}) {
  const { page, minutes } = props
  const { recover } = page.messages
  const recoverHref = safeHref(props.recoverHref)
  return (
    <Layout page={page} title={recover.voidTitle}>
      <h1>{recover.voidTitle}</h1>
      <p class="lead">{fillText(recover.void, { minutes: String(minutes) })}</p>
      {recoverHref ? (
        <p class="actions">
          <a class="button primary" id="recover-again" href={recoverHref}>
            {recover.voidAgain}
          </a>
        </p>
      ) : (
        <p>{recover.voidWithoutMail}</p>
      )}
      <ul class="links">
        <li>
          <a href="/sign-in">{recover.signIn}</a>
        </li>
      </ul>
    </Layout>
  )
}
