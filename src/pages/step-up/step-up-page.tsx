import { AccountBadge, ClientName, type PageAccount, type PageClient } from '../../html/account-and-client.tsx'
import {
  Field,
  FormFaults,
  HiddenInputs,
  HiddenUsername,
  RevealPassword,
  SignOutForm,
} from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { ownHref, safeHref } from '../../html/link-target.ts'
import { type Fault, faultText, fill, type PageContext } from '../../html/messages/messages.ts'
import { PasskeyButton, passkeyScripts } from '../../html/passkey-forms.tsx'
import type { CodeKind } from '../../interaction/asked-code.ts'
import type { StepUpNeed } from '../../interaction/step-up-rule.ts'

/** The fields by which a fault is shown; `form` is for one that concerns none of them. */
export type StepUpFaults = Partial<Record<'password' | 'code' | 'form', Fault>>

/** What the two pages of a step-up share. */
export interface StepUpCommonProps {
  readonly page: PageContext
  readonly csrf: string
  /** The sealed `continue` value of what follows. */
  readonly continueTo: string | undefined
  readonly account: PageAccount
  /** Ties the forms to the person and the session. */
  readonly accountProof: string
  /** The client that wants a stronger sign-in; undefined for one of our own pages. */
  readonly client: PageClient | undefined
  /** Back to the application with an error. */
  readonly cancelHref: string | undefined
  readonly need: StepUpNeed
}

export interface StepUpPageProps extends StepUpCommonProps {
  /** For the button to use a passkey; undefined if none is needed. */
  readonly passkeyOptions: string | undefined
  readonly asksForPassword: boolean
  /** The kind of code to type; undefined if none. */
  readonly asksFor: CodeKind | undefined
  /** The other kind of code, if the account has it. */
  readonly alternative: CodeKind | undefined
  /** For password managers. */
  readonly username: string | undefined
  readonly faults: StepUpFaults
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
}

/** The page on which somebody who is signed in proves more. */
export function StepUpPage(props: StepUpPageProps) {
  const { page, csrf, continueTo, account, accountProof, client, need, passkeyOptions, asksFor, faults } = props
  const { stepUp: text, secondFactor, password } = page.messages
  const hidden = { csrf, continue: continueTo, account: accountProof }
  const textOf = (fault: Fault | undefined) =>
    fault && faultText(page, fault, { retryAfterSeconds: props.retryAfterSeconds })
  const faulty = (['password', 'code'] as const).filter((field) => faults[field])
  const hasForm = props.asksForPassword || asksFor !== undefined
  const isFirst = (field: string) => (faulty.length > 0 ? faulty[0] === field : passkeyOptions === undefined)
  return (
    <Layout
      page={page}
      title={text.title}
      faulty={Object.keys(faults).length > 0}
      scripts={['show-password.js', ...passkeyScripts]}
      client={client}
    >
      <h1>{text.title}</h1>
      <FormFaults form={textOf(faults.form)} fields={faulty.map((id) => ({ id, text: textOf(faults[id]) ?? '' }))} />
      <p class="lead">{reasonOf(page, client, need)}</p>
      <AccountBadge account={account} label={text.account} />
      {passkeyOptions !== undefined && (
        <form id="passkey-form" method="post" action="/step-up/passkey">
          <HiddenInputs values={hidden} />
          <PasskeyButton page={page} options={passkeyOptions} isPrimary={asksFor !== 'recovery-code'} />
        </form>
      )}
      {passkeyOptions !== undefined && hasForm && <p class="or">{page.messages.signIn.or}</p>}
      {hasForm && (
        <form id="step-up-form" method="post" action="/step-up">
          <HiddenInputs values={{ ...hidden, use: asksFor }} />
          {props.asksForPassword && (
            <>
              <HiddenUsername value={props.username} />
              <Field
                id="password"
                label={password.label}
                type="password"
                autocomplete="current-password"
                required
                fault={textOf(faults.password)}
                autofocus={isFirst('password')}
              />
              <RevealPassword page={page} />
            </>
          )}
          {asksFor && (
            <Field
              id="code"
              label={asksFor === 'one-time-code' ? secondFactor.oneTimeCode : secondFactor.recoveryCode}
              {...(asksFor === 'one-time-code' && { inputmode: 'numeric' as const })}
              autocomplete={asksFor === 'one-time-code' ? 'one-time-code' : 'off'}
              hint={asksFor === 'one-time-code' ? text.oneTimeCodeHint : secondFactor.recoveryCodeHint}
              required
              fault={textOf(faults.code)}
              autofocus={isFirst('code') && (faulty.length > 0 || !props.asksForPassword)}
            />
          )}
          <button
            class={passkeyOptions === undefined || asksFor === 'recovery-code' ? 'button primary' : 'button'}
            id="confirm"
            type="submit"
          >
            {secondFactor.confirm}
          </button>
        </form>
      )}
      {!hasForm && passkeyOptions === undefined && (
        <>
          <p>{text.nothing}</p>
          <p class="actions">
            <a class="button primary" id="to-recover" href="/recover">
              {text.toRecover}
            </a>
          </p>
        </>
      )}
      <StepUpLinks {...props} alternative={props.alternative} />
    </Layout>
  )
}

/** Why somebody who is signed in has to prove more. */
export function reasonOf(page: PageContext, client: PageClient | undefined, need: StepUpNeed) {
  const { stepUp: text } = page.messages
  if (need === 'fresh') return text.fresh
  if (!client) return need === 'phr' ? text.passkeyNeeded : text.secondFactorNeeded
  return fill(need === 'phr' ? text.clientNeedsPasskey : text.clientNeedsSecondFactor, {
    client: <ClientName client={client} />,
  })
}

/** The other ways on, and the ways out. */
export function StepUpLinks(props: StepUpCommonProps & { readonly alternative?: CodeKind | undefined }) {
  const { page, csrf, continueTo, alternative } = props
  const { stepUp: text, secondFactor, signIn } = page.messages
  const cancelHref = safeHref(props.cancelHref)
  return (
    <>
      <ul class="links">
        {alternative && (
          <li>
            <a id={`use-${alternative}`} href={ownHref('/step-up', { use: alternative, continue: continueTo })}>
              {alternative === 'recovery-code' ? secondFactor.useRecoveryCode : secondFactor.useOneTimeCode}
            </a>
          </li>
        )}
        {props.client && (
          <li>
            <a id="other-account" href={ownHref('/sign-in', { continue: continueTo })}>
              {text.otherAccount}
            </a>
          </li>
        )}
        {cancelHref && (
          <li>
            <a id="cancel" href={cancelHref}>
              {signIn.cancel}
            </a>
          </li>
        )}
        {!props.client && props.need === 'fresh' && (
          <li>
            <a id="cancel" href="/account">
              {text.toAccount}
            </a>
          </li>
        )}
      </ul>
      {!props.client && props.need !== 'fresh' && <SignOutForm csrf={csrf} label={text.signOut} />}
    </>
  )
}
