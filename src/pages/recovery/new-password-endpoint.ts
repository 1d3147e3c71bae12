import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownHref } from '../../html/link-target.ts'
import type { Fault } from '../../html/messages/messages.ts'
import { sendPage } from '../../html/send-page.ts'
import { browserDigestOf } from '../../interaction/browser-session.ts'
import { deviceOf } from '../../interaction/device-of-request.ts'
import { usableContinueValue } from '../../interaction/interaction.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { optionsForRecovery, provableOf } from '../../interaction/provable.ts'
import { showNewCodes } from '../../interaction/show-new-codes.ts'
import { type OpenRecovery, openRecovery } from '../../operations/open-recovery.ts'
import { proveForRecovery } from '../../operations/prove-recovery.ts'
import { recoverAccount } from '../../operations/recover-account.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { displayName } from '../../records/accounts/account.ts'
import { readLinkToken } from '../../records/accounts/link-tokens.ts'
import { minLengthFor } from '../../records/accounts/password-rules.ts'
import { recoveryMinutes } from '../../records/accounts/recovery-rule.ts'
import type { Signet } from '../../signet.ts'
import { NewPasswordPage, removeChoice, VoidRecoveryLinkPage, wantsAccessEnded } from './new-password-page.tsx'
import { RecoveryProofPage, recoveryProofAction } from './recovery-proof-page.tsx'

interface Shown {
  readonly values?: ReadonlyMap<string, string>
  readonly fault?: Fault
  readonly retryAfterSeconds?: number
}

/** The secret of a link and the browser that opened it. */
interface Opened {
  readonly token: string
  readonly browserDigest: Buffer
}

/**
 * The page of a link to set a new password, or a new passkey. Opening it changes nothing. If the account has other factors, it asks for one of them first. It also
 * exists where no mail can be sent, for links that operators hand over.
 */
export function newPasswordEndpoint(app: App, signet: Signet): void {
  const openedBy = (request: FastifyRequest, reply: FastifyReply, sent: string | undefined) => {
    const token = readLinkToken(sent)
    return token === undefined
      ? undefined
      : { token, browserDigest: browserDigestOf(request, reply, signet.settings.issuer) }
  }

  app.get<{ Querystring: Parameters }>('/recover/password', async (request, reply) => {
    const opened = openedBy(request, reply, sentValue(request.query, 'token'))
    const recovery = opened && (await openRecovery(signet, opened.token, opened.browserDigest))
    if (!recovery) return showVoid(signet, request, reply)
    return showPage(signet, request, reply, opened, recovery, {}, 200)
  })

  app.post<{ Body: Parameters }>(recoveryProofAction, async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const opened = openedBy(request, reply, values.get('token'))
    const recovery = opened && (await openRecovery(signet, opened.token, opened.browserDigest))
    if (!recovery) return showVoid(signet, request, reply)
    const { token, browserDigest } = opened
    try {
      const visitor = { ...callerOf(request), ...requesterOf(request, reply) }
      const given = {
        credential: values.get('credential'),
        code: values.get('code'),
        earlierPassword: values.get('password'),
      }
      const proven = await proveForRecovery(signet, visitor, token, browserDigest, given)
      if (proven.outcome === 'void_link') return showVoid(signet, request, reply)
      if (!('recovery' in proven)) return toPage(reply, token)
      const fault = proofFaults[proven.outcome]
      const status = proven.outcome === 'missing' ? 422 : 403
      return showPage(signet, request, reply, opened, proven.recovery, { fault }, status)
    } catch (error) {
      const { status, ...shown } = refuseOverLimit(signet, request, reply, error)
      return showPage(signet, request, reply, opened, recovery, shown, status)
    }
  })

  app.post<{ Body: Parameters }>('/recover/password', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const opened = openedBy(request, reply, values.get('token'))
    const recovery = opened && (await openRecovery(signet, opened.token, opened.browserDigest))
    if (!recovery) return showVoid(signet, request, reply)
    const { token, browserDigest } = opened
    const credential = values.get('credential')
    const choice = {
      password: values.get('new-password'),
      passkey: credential ? { answer: credential, device: await deviceOf(request) } : undefined,
      access: wantsAccessEnded(values) ? 'end' : 'keep',
      remove: recovery.removable.map(({ id }) => id).filter((id) => values.has(removeChoice(id))),
      locale: pageContextOf(request).locale,
    } as const
    try {
      // Before anything is changed, because opening can fail.
      const isSameBrowser = recovery.continuation?.browserDigest.equals(browserDigest) ?? false
      const continueTo = await usableContinueValue(
        signet,
        isSameBrowser ? recovery.continuation?.continueTo : undefined,
      )
      const visitor = { ...callerOf(request), ...requesterOf(request, reply) }
      const recovered = await recoverAccount(signet, visitor, token, browserDigest, choice)
      if (recovered.outcome === 'void_link') return showVoid(signet, request, reply)
      if (recovered.outcome === 'unproven') return toPage(reply, token)
      if (recovered.outcome === 'faulty') {
        const { fault } = recovered
        return showPage(signet, request, reply, opened, recovered.recovery, { values, fault }, 422)
      }
      const notice = recovered.set === 'passkey' ? 'passkey-created' : 'password-recovered'
      const href = ownHref('/sign-in', { continue: continueTo, notice })
      const { recoveryCodes: codes } = recovered
      if (codes.length > 0) return showNewCodes(request, reply, { codes, continueHref: href, replacesPassword: true })
      return reply.header('cache-control', 'no-store').redirect(href, 303)
    } catch (error) {
      const { status, ...shown } = refuseOverLimit(signet, request, reply, error)
      return showPage(signet, request, reply, opened, recovery, { values, ...shown }, status)
    }
  })
}

const proofFaults = {
  missing: 'proof_missing',
  wrong_code: 'proof_code_wrong',
  wrong_password: 'proof_password_wrong',
  wrong_passkey: 'proof_passkey_refused',
} as const

/** Shows the page of the link by GET. */
function toPage(reply: FastifyReply, token: string): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(ownHref('/recover/password', { token }), 303)
}

/** The same for every link that cannot be used. */
function showVoid(signet: Signet, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const recoverHref = signet.settings.mail.delivery === 'none' ? undefined : '/recover'
  return sendPage(
    reply,
    VoidRecoveryLinkPage({ page: pageContextOf(request), minutes: recoveryMinutes, recoverHref }),
    410,
  )
}

async function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { token, browserDigest }: Opened,
  recovery: OpenRecovery,
  { values = new Map(), fault, retryAfterSeconds }: Shown,
  status: number,
): Promise<FastifyReply> {
  const { account, credentials, needs, sets } = recovery
  // The page is in the language of the person's profile, as the mail is.
  request.profileLocale = account.locale
  const shared = {
    page: pageContextOf(request),
    csrf: csrfToken(signet, request, reply),
    token,
    account: { name: displayName(account), email: account.email },
    signInName: account.email_verified ? account.email : (account.username ?? account.email),
    ...{ fault, retryAfterSeconds },
  }
  if (needs) {
    const provable = await provableOf(signet, browserDigest, account.sub, needs)
    return sendPage(reply, RecoveryProofPage({ ...shared, provable }), status)
  }
  return sendPage(
    reply,
    NewPasswordPage({
      ...shared,
      takesPassword: sets.includes('password'),
      passkeyOptions: await optionsForRecovery(signet, browserDigest, recovery),
      // The password from before the factors removes all of them, so there is nothing to choose.
      others: recovery.proof === 'earlier_password' ? [] : recovery.removable,
      minPasswordLength: minLengthFor(signet.settings, ['password', ...credentials.map(({ kind }) => kind)]),
      values,
    }),
    status,
  )
}
