import { AccessLists, type PageResource } from '../../html/access-lists.tsx'
import {
  AccountBadge,
  ClientLogo,
  ClientName,
  type PageAccount,
  type PageClient,
  type PageScope,
  UnverifiedNotice,
} from '../../html/account-and-client.tsx'
import { FaultSummary, Field, HiddenInputs } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { faultText, fill, type PageContext } from '../../html/messages/messages.ts'

export interface UserCodePageProps {
  readonly page: PageContext
  readonly csrf: string
  /** The initial value of the field. */
  readonly code?: string | undefined
  readonly isSignedIn: boolean
  readonly fault?: 'user_code_missing' | 'user_code_invalid' | 'too_many_attempts' | 'busy' | undefined
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
}

/** Asks for the code that a device shows (RFC 8628 §3.3). A code from a link must be confirmed with the button too (§3.3.1). */
export function UserCodePage({ page, csrf, code, isSignedIn, fault, retryAfterSeconds }: UserCodePageProps) {
  const { device } = page.messages
  const isAboutCode = fault === 'user_code_missing' || fault === 'user_code_invalid'
  return (
    <Layout page={page} title={device.title} faulty={fault !== undefined}>
      <h1>{device.title}</h1>
      <p class="lead">{device.lead}</p>
      {fault && (
        <FaultSummary>
          <p>{faultText(page, fault, { retryAfterSeconds })}</p>
        </FaultSummary>
      )}
      <form method="post" action="/device">
        <HiddenInputs values={{ csrf }} />
        <Field
          id="user_code"
          label={device.code}
          autocomplete="off"
          required
          value={code}
          hint={device.codeHint}
          faultyBy={isAboutCode ? 'fault' : undefined}
          autofocus={!code || isAboutCode}
        />
        <p class="fine">{device.yoursOnly}</p>
        <button class="button primary" id="continue" type="submit">
          {device.submit}
        </button>
        {!isSignedIn && <p class="fine">{device.signInFollows}</p>}
      </form>
    </Layout>
  )
}

export interface DeviceConsentPageProps {
  readonly page: PageContext
  readonly csrf: string
  /** The code as the device shows it. */
  readonly code: string
  readonly account: PageAccount
  /** Show that this page was shown to this person about this code, and about this access. */
  readonly shownProof: string
  readonly accessProof: string
  readonly client: PageClient
  readonly scopes: readonly PageScope[]
  readonly resources: readonly PageResource[]
  readonly otherAccountHref: string
}

/**
 * Asks whether a device may have access (RFC 8628 §3.3). The warning comes before everything that the client chooses: the person may be looking at a
 * code that a stranger sent (§5.4).
 */
export function DeviceConsentPage(props: DeviceConsentPageProps) {
  const { page, csrf, code, account, shownProof, accessProof, client, scopes, resources } = props
  const { device, consent } = page.messages
  const otherAccountHref = safeHref(props.otherAccountHref)
  return (
    <Layout page={page} title={device.title} client={client}>
      <h1>{device.title}</h1>
      <p>{device.compare}</p>
      <p class="user-code">
        <bdi>{code}</bdi>
      </p>
      <div class="warning">
        <p>{device.sentByOthers}</p>
        {client.isSelfRegistered && <UnverifiedNotice page={page} client={client} />}
      </div>
      <ClientLogo client={client} />
      <h2 class="question">{fill(device.confirmTitle, { client: <ClientName client={client} /> })}</h2>
      <AccountBadge account={account} label={consent.account} />
      {otherAccountHref && (
        <ul class="links">
          <li>
            <a href={otherAccountHref}>{consent.otherAccount}</a>
          </li>
        </ul>
      )}
      <AccessLists page={page} client={client} scopes={scopes} resources={resources} />
      <form class="answer" method="post" action="/device/decision">
        <HiddenInputs values={{ csrf, user_code: code, shown: shownProof, access: accessProof }} />
        <div class="choice">
          <button class="button primary" id="allow" name="decision" value="allow" type="submit">
            {consent.allow}
          </button>
          <button class="button" id="deny" name="decision" value="deny" type="submit">
            {consent.deny}
          </button>
        </div>
      </form>
    </Layout>
  )
}

/** What the person sees after the decision. The device finds out by itself. */
export function DeviceDonePage({ page, decision }: { page: PageContext; decision: 'allowed' | 'denied' }) {
  const { device } = page.messages
  if (decision === 'denied')
    return (
      <Layout page={page} title={device.deniedTitle}>
        <h1>{device.deniedTitle}</h1>
        <p class="lead">{device.denied}</p>
      </Layout>
    )
  return (
    <Layout page={page} title={device.allowedTitle}>
      <h1>{device.allowedTitle}</h1>
      <p class="lead">{device.allowed}</p>
      <p class="fine">{device.withdraw}</p>
      <ul class="links">
        <li>
          <a href="/account">{device.toAccount}</a>
        </li>
      </ul>
    </Layout>
  )
}
