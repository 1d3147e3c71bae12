import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownHref } from '../../html/link-target.ts'
import { sendPage } from '../../html/send-page.ts'
import { clientOnPage } from '../../interaction/authorization-target.ts'
import { currentSession, personOf } from '../../interaction/browser-session.ts'
import { resourcesAskedAbout, shownAccess } from '../../interaction/consent/consent-rule.ts'
import { sealDestination, sealOwnPage } from '../../interaction/continue-value.ts'
import { sendToVerification } from '../../interaction/email-gate.ts'
import { sendToSecondFactor } from '../../interaction/factor-gate.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import {
  allowDevice,
  type DeviceRequest,
  denyDevice,
  findDeviceRequest,
  lookUpUserCode,
} from '../../operations/decide-device-request.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { csrfCheckedForm, csrfToken, formSubjectProof, isFormAbout } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import type { ContextClass } from '../../protocol/oidc-values.ts'
import { displayName } from '../../records/accounts/account.ts'
import { descriptionFor } from '../../records/resources/resource.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { readUserCode, shownUserCode, type UserCode } from '../../tokens/device-request.ts'
import { DeviceConsentPage, DeviceDonePage, UserCodePage, type UserCodePageProps } from './device-page.tsx'

type Shown = Pick<UserCodePageProps, 'code' | 'fault' | 'retryAfterSeconds'>

/**
 * The page on which a person enters the code of a device and decides about its request (RFC 8628 §3.3). A GET only shows a form. The code is looked
 * up when a person who is signed in submits it, so that guesses can be counted for the person (§5.1), and nothing is ever allowed without the
 * button, whoever the client is (§5.4, §5.5).
 */
export function deviceEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/device', async (request, reply) => {
    const session = await currentSession(signet.database, signet.settings, request)
    const code = readUserCode(sentValue(request.query, 'user_code'))
    if (isSentElsewhere(signet, reply, session, code)) return reply
    const decision = sentValue(request.query, 'done')
    if (decision === 'allowed' || decision === 'denied')
      return sendPage(reply, DeviceDonePage({ page: pageContextOf(request), decision }))
    // What cannot be a code is not repeated: a link chooses it.
    return showForm(signet, request, reply, session, { code: code && shownUserCode(code) }, 200)
  })

  app.post<{ Body: Parameters }>('/device', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const session = await currentSession(signet.database, signet.settings, request)
    const typed = values.get('user_code')
    const code = readUserCode(typed)
    if (isSentElsewhere(signet, reply, session, code)) return reply
    if (code) return session ? showRequest(signet, request, reply, session, code) : toSignIn(signet, reply, code)
    const fault = typed === undefined ? 'user_code_missing' : 'user_code_invalid'
    return showForm(signet, request, reply, session, { code: typed, fault }, 422)
  })

  app.post<{ Body: Parameters }>('/device/decision', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const session = await currentSession(signet.database, signet.settings, request)
    const code = readUserCode(values.get('user_code'))
    if (isSentElsewhere(signet, reply, session, code)) return reply
    if (!session || !code) return toSignIn(signet, reply, code)
    const isShown = (subject: string, field: string) => isFormAbout(signet.secrets.csrf, subject, values.get(field))
    // Before the code is looked up: without the page, this form must not tell who guessed right.
    if (!isShown(codeSubject(session, code), 'shown')) return showRequest(signet, request, reply, session, code)
    const asked = await findDeviceRequest(signet, session, code)
    // Another tab may have decided, or a scope may have moved to another API. What the person has seen is then not what would happen.
    if (!asked || asked.needsSignIn || asked.missing || !isShown(accessSubject(session, code, asked), 'access'))
      return showRequest(signet, request, reply, session, code)
    request.clientId = asked.client.client_id
    const [decide, decision] =
      values.get('decision') === 'allow' ? ([allowDevice, 'allowed'] as const) : ([denyDevice, 'denied'] as const)
    if (!(await decide(signet, personOf(request, session), session, asked)))
      return showRequest(signet, request, reply, session, code)
    return reply.header('cache-control', 'no-store').redirect(`/device?done=${decision}`, 303)
  })
}

/** Sends a person who must verify their address, or needs a second factor, there first. */
function isSentElsewhere(
  signet: Signet,
  reply: FastifyReply,
  session: Session | undefined,
  code: UserCode | undefined,
) {
  const sealed = sealOwnPage(signet.secrets['request-sealing'], 'device', code)
  return sendToVerification(signet, reply, session, sealed) || sendToSecondFactor(signet, reply, session, sealed)
}

/** The client demands a stronger sign-in (`default_acr_values`). The person comes back to the form with the code. */
function toStepUp({ secrets }: Signet, reply: FastifyReply, code: UserCode, needs: ContextClass): FastifyReply {
  const sealed = sealDestination(secrets['request-sealing'], { page: 'device', userCode: code, needs })
  return reply.header('cache-control', 'no-store').redirect(ownHref('/step-up', { continue: sealed }), 303)
}

function toSignIn(signet: Signet, reply: FastifyReply, code: UserCode | undefined): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(signInHref(signet, code), 303)
}

function signInHref({ secrets }: Signet, code: UserCode | undefined): string {
  return `/sign-in?continue=${sealOwnPage(secrets['request-sealing'], 'device', code)}`
}

function showForm(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  session: Session | undefined,
  shown: Shown,
  status: number,
): FastifyReply {
  const page = pageContextOf(request)
  const csrf = csrfToken(signet, request, reply)
  return sendPage(reply, UserCodePage({ page, csrf, isSignedIn: session !== undefined, ...shown }), status)
}

/** Looks up a code and asks the person to decide. A code that is wrong, expired or used gets the same response. */
async function showRequest(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  session: Session,
  code: UserCode,
): Promise<FastifyReply> {
  const shownCode = shownUserCode(code)
  let asked: DeviceRequest | undefined
  try {
    asked = await lookUpUserCode(signet, personOf(request, session), session, code)
  } catch (error) {
    const { status, ...fault } = refuseOverLimit(signet, request, reply, error)
    return showForm(signet, request, reply, session, { code: shownCode, ...fault }, status)
  }
  if (!asked) return showForm(signet, request, reply, session, { code: shownCode, fault: 'user_code_invalid' }, 422)
  const { client, scopes } = asked
  request.clientId = client.client_id
  if (asked.needsSignIn) return toSignIn(signet, reply, code)
  if (asked.missing) return toStepUp(signet, reply, code, asked.missing)
  const page = pageContextOf(request)
  const proof = (subject: string) => formSubjectProof(signet.secrets.csrf, subject)
  const descriptions = client.allowed.flatMap(({ scopeDescriptions }) => scopeDescriptions)
  return sendPage(
    reply,
    DeviceConsentPage({
      page,
      csrf: csrfToken(signet, request, reply),
      code: shownCode,
      account: { name: displayName(session.account), email: session.account.email },
      shownProof: proof(codeSubject(session, code)),
      accessProof: proof(accessSubject(session, code, asked)),
      client: clientOnPage({ client }),
      scopes: scopes.map((value) => ({ value, description: descriptionFor(value, page.locale, descriptions) })),
      resources: resourcesAskedAbout(asked).map(({ identifier, name }) => ({ identifier, name })),
      otherAccountHref: signInHref(signet, code),
    }),
  )
}

/** Whom the page was shown to, and about which code. */
function codeSubject({ id, account }: Session, code: UserCode): string {
  return `device:${account.sub}:${id}:${code}`
}

/** What the page was about. The code alone does not determine it: another request may have the same code later. */
function accessSubject(session: Session, code: UserCode, asked: DeviceRequest): string {
  return `${codeSubject(session, code)}:${asked.digest.toString('hex')}:${shownAccess(asked)}`
}
