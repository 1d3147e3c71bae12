import { Field, FormFaults, HiddenInputs, RevealPassword, SignOutForm } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { type Fault, faultText, fill, fillText, type Messages, type PageContext } from '../../html/messages/messages.ts'

/** The fields by which a fault is shown; `form` is for one that concerns none of them. */
export type WaitingFaults = Partial<Record<'code' | 'email' | 'password' | 'form', WaitingFault>>

type WaitingFault = Fault | keyof Messages['accountFaults']

export type WaitingNotice = 'sent' | 'waiting'

export interface WaitingPageProps {
  readonly page: PageContext
  readonly csrf: string
  /** Ties the forms to the person: another tab may sign in somebody else. */
  readonly accountProof: string
  readonly continueTo: string | undefined
  /** The address to verify; undefined if the account has none. */
  readonly email: string | undefined
  /** Whether this browser has asked for a mail, so that its code works here. */
  readonly isSent: boolean
  /** Whether the person can go on only with a verified address. */
  readonly isRequired: boolean
  /** Whether another address needs the password. The account may have none. */
  readonly asksPassword: boolean
  /** Where the person goes on without a verified address. */
  readonly laterHref: string
  /** Minutes for which a code works. */
  readonly minutes: number
  readonly notice?: WaitingNotice | undefined
  readonly faults: WaitingFaults
  /** The other address that was typed, if it has to be corrected. */
  readonly typedEmail?: string | undefined
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
  /** For an address whose domain is not allowed: those that are. */
  readonly domains: readonly string[]
}

/** The page that waits until a person has verified an address. */
export function WaitingPage(props: WaitingPageProps) {
  const { page, csrf, accountProof, continueTo, email, isSent, isRequired, minutes, notice, faults } = props
  const { verifyEmail: text } = page.messages
  const hidden = { csrf, account: accountProof, continue: continueTo }
  const textOf = (fault: WaitingFault | undefined) => fault && textOfFault(page, fault, props)
  const faulty = (['code', 'email', 'password'] as const).filter((field) => faults[field])
  const laterHref = safeHref(props.laterHref)
  const address = <bdi class="name">{email}</bdi>
  return (
    <Layout
      page={page}
      title={text.title}
      faulty={faulty.length > 0 || faults.form !== undefined}
      scripts={['show-password.js']}
    >
      <h1>{text.title}</h1>
      {notice && (
        <p class="notice" role="status">
          {notice === 'sent' ? text.againSent : text.notYet}
        </p>
      )}
      <FormFaults form={textOf(faults.form)} fields={faulty.map((id) => ({ id, text: textOf(faults[id]) ?? '' }))} />
      <p class="lead">
        {email === undefined ? text.noAddress : fill(isSent ? text.sent : text.notSent, { email: address })}
      </p>
      {email !== undefined && isSent && (
        <form method="post" action="/verify-email/code">
          <HiddenInputs values={hidden} />
          <Field
            id="code"
            label={text.code}
            inputmode="numeric"
            autocomplete="one-time-code"
            required
            hint={fillText(text.codeHint, { minutes: String(minutes) })}
            fault={textOf(faults.code)}
            autofocus={faulty.length === 0 || faulty[0] === 'code'}
          />
          <button class="button primary" id="verify" type="submit">
            {text.submit}
          </button>
        </form>
      )}
      {email !== undefined && isSent && <p class="fine">{text.nothingArrived}</p>}
      {email !== undefined && (
        <form method="post" action="/verify-email/again">
          <HiddenInputs values={hidden} />
          <button class={isSent ? 'button' : 'button primary'} id="send-again" type="submit">
            {isSent ? text.again : text.send}
          </button>
        </form>
      )}
      {isRequired && <OtherAddress {...props} hidden={hidden} textOf={textOf} firstFaulty={faulty[0]} />}
      <ul class="links">
        {email !== undefined && (
          <li>
            <a id="link-opened" href={`/verify-email?opened=1${continueTo ? `&continue=${continueTo}` : ''}`}>
              {text.linkOpened}
            </a>
          </li>
        )}
        {!isRequired && laterHref && (
          <li>
            <a id="later" href={laterHref}>
              {text.later}
            </a>
          </li>
        )}
        {!isRequired && (
          <li>
            <a id="other-address" href="/account/sign-in">
              {text.otherAddress}
            </a>
          </li>
        )}
      </ul>
      <SignOutForm csrf={csrf} label={text.signOut} />
    </Layout>
  )
}

function textOfFault(page: PageContext, fault: WaitingFault, figures: WaitingPageProps): string {
  const { accountFaults } = page.messages
  if (!(fault in accountFaults)) return faultText(page, fault as Fault, figures)
  return fillText(accountFaults[fault as keyof typeof accountFaults], { field: '' })
}

/** For somebody who has mistyped the address, and can go nowhere else. The password keeps a thief with the cookie from taking the account. */
function OtherAddress({
  page,
  email,
  typedEmail,
  asksPassword,
  faults,
  hidden,
  textOf,
  firstFaulty,
}: WaitingPageProps & {
  readonly hidden: Readonly<Record<string, string | undefined>>
  readonly textOf: (fault: WaitingFault | undefined) => string | undefined
  readonly firstFaulty: string | undefined
}) {
  const { verifyEmail: text } = page.messages
  return (
    <details open={email === undefined || faults.email !== undefined || faults.password !== undefined}>
      <summary id="other-address">{email === undefined ? text.firstAddress : text.otherAddress}</summary>
      <form method="post" action="/verify-email/address">
        <HiddenInputs values={hidden} />
        <Field
          id="email"
          label={text.newAddress}
          type="email"
          inputmode="email"
          autocomplete="email"
          required
          value={typedEmail}
          fault={textOf(faults.email)}
          autofocus={firstFaulty === 'email'}
        />
        {asksPassword && (
          <>
            <Field
              id="password"
              label={text.password}
              type="password"
              autocomplete="current-password"
              required
              fault={textOf(faults.password)}
              autofocus={firstFaulty === 'password'}
            />
            <RevealPassword page={page} />
          </>
        )}
        <button class={email === undefined ? 'button primary' : 'button'} id="send-there" type="submit">
          {text.sendThere}
        </button>
      </form>
    </details>
  )
}
