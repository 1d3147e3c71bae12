import { type PageClient, Purpose } from '../../html/account-and-client.tsx'
import { FaultSummary, Field, HiddenInputs } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { ownHref } from '../../html/link-target.ts'
import { type Fault, faultText, type PageContext } from '../../html/messages/messages.ts'
import { PasskeyButton, PasskeysPossible, passkeyScripts } from '../../html/passkey-forms.tsx'
import type { CodeKind } from '../../interaction/asked-code.ts'

export interface SecondFactorPageProps {
  readonly page: PageContext
  readonly csrf: string
  /** The sealed `continue` value of what follows the sign-in. */
  readonly continueTo: string | undefined
  readonly client?: PageClient | undefined
  /** Undefined if the account has no codes: then it has passkeys. */
  readonly asksFor: CodeKind | undefined
  /** The other kind of code, if the account has it. */
  readonly alternative: CodeKind | undefined
  /** For the button to use a passkey; undefined if the account has none. */
  readonly passkeyOptions: string | undefined
  readonly fault?: Fault | undefined
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
}

/** The second step of a sign-in with a password: a code, or a passkey. */
export function SecondFactorPage(props: SecondFactorPageProps) {
  const { page, csrf, continueTo, client, asksFor, alternative, passkeyOptions, fault, retryAfterSeconds } = props
  const { secondFactor: text } = page.messages
  const isCodeFaulty = fault === 'code_missing' || fault === 'one_time_code_wrong' || fault === 'recovery_code_wrong'
  return (
    <Layout page={page} title={text.title} faulty={fault !== undefined} scripts={passkeyScripts} client={client}>
      <h1>{text.title}</h1>
      {client && <Purpose page={page} client={client} text={page.messages.signIn.purpose} />}
      {fault && (
        <FaultSummary>
          <p>{faultText(page, fault, { retryAfterSeconds })}</p>
        </FaultSummary>
      )}
      {asksFor && (
        <form id="code-form" method="post" action="/second-factor">
          <HiddenInputs values={{ csrf, continue: continueTo, use: asksFor }} />
          <PasskeysPossible />
          <p class="lead">{asksFor === 'one-time-code' ? text.oneTimeCodeLead : text.recoveryCodeLead}</p>
          {asksFor === 'one-time-code' ? (
            <Field
              id="code"
              label={text.oneTimeCode}
              inputmode="numeric"
              autocomplete="one-time-code"
              required
              faultyBy={isCodeFaulty ? 'fault' : undefined}
              autofocus
            />
          ) : (
            <Field
              id="code"
              label={text.recoveryCode}
              autocomplete="off"
              hint={text.recoveryCodeHint}
              required
              faultyBy={isCodeFaulty ? 'fault' : undefined}
              autofocus
            />
          )}
          <button class="button primary" id="confirm" type="submit">
            {text.confirm}
          </button>
        </form>
      )}
      {passkeyOptions !== undefined && (
        <form id="passkey-form" method="post" action="/second-factor/passkey">
          <HiddenInputs values={{ csrf, continue: continueTo }} />
          {!asksFor && <p class="lead">{text.passkeyLead}</p>}
          <PasskeyButton
            page={page}
            options={passkeyOptions}
            isPrimary={!asksFor}
            {...(asksFor && { or: page.messages.signIn.or })}
          />
        </form>
      )}
      {!asksFor && passkeyOptions === undefined && <p>{text.nothing}</p>}
      <ul class="links">
        {alternative && (
          <li>
            <a id={`use-${alternative}`} href={ownHref('/second-factor', { use: alternative, continue: continueTo })}>
              {alternative === 'recovery-code' ? text.useRecoveryCode : text.useOneTimeCode}
            </a>
          </li>
        )}
        <li>
          <a id="start-over" href={ownHref('/sign-in', { continue: continueTo })}>
            {text.startOver}
          </a>
        </li>
      </ul>
    </Layout>
  )
}
