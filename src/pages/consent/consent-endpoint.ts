import type { FastifyReply, FastifyRequest } from 'fastify'
import { hostOf } from '../../html/link-target.ts'
import { sendPage } from '../../html/send-page.ts'
import { sendResponse } from '../../interaction/authorization-response.ts'
import { issueCode } from '../../interaction/issue-code.ts'
import {
  backToRequest,
  clientOnPage,
  continueOf,
  continueValue,
  formToken,
  type Journey,
  pageContext,
  takeUpSealed,
} from '../../interaction/journey.ts'
import { canBeImpersonated } from '../../interaction/redirect-uri.ts'
import { inTransaction, type Queryable } from '../../platform/database/queryable.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { currentMac, isMacOf } from '../../platform/secrets/purpose-secrets.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { ownForm } from '../../protocol/http/csrf.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import { displayName, sessionTurn } from '../../records/accounts/account.ts'
import { addConsent } from '../../records/consents/consents-store.ts'
import { recordEvent } from '../../records/events/events-store.ts'
import { descriptionFor, type Resource } from '../../records/resources/resource.ts'
import { lockSession, type Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { ConsentPage } from './consent-page.tsx'

/** The consent page (OpenID Connect Core §3.1.2.4). Its POST remembers the consent and issues the code, in one transaction. */
export function consentEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/consent', async (request, reply) => {
    const journey = await takeUpSealed(signet, request, reply, continueOf(request.query) ?? '')
    if (!journey) return reply
    if (journey.step.step !== 'consent' || !journey.session) return backToRequest(signet, reply, journey.travelling)
    return showPage(signet, request, reply, journey, journey.session)
  })

  app.post<{ Body: Parameters }>('/consent', async (request, reply) => {
    const values = await ownForm(request, signet.settings.issuer, signet.secrets)
    const sealed = values.get('continue') ?? ''
    const journey = await takeUpSealed(signet, request, reply, sealed)
    if (!journey) return reply
    const { session, travelling, step } = journey
    // Another tab may have signed in someone else, or out, or a scope may have moved to another API: what was agreed to on the page is no
    // longer what would happen.
    if (step.step !== 'consent' || !session || !isAbout(signet, values.get('account'), session, journey, sealed))
      return backToRequest(signet, reply, journey.travelling)

    const { target, scopes } = journey.request
    const about = { caller: callerOf(request), clientId: target.client.client_id, sub: session.account.sub }
    if (values.get('decision') !== 'allow') {
      await recordEvent(signet.database, { type: 'consent_refused', ...about })
      const outcome = { error: new OAuthError('consent_denied'), requestId: request.id }
      return sendResponse(reply, target, signet.settings.issuer, outcome, pageContext(request, travelling))
    }
    const give = async (tx: Queryable) => {
      // Whoever ends this session or this consent comes before or after.
      if (!(await lockSession(tx, about.sub, session.id))) return undefined
      const issued = await issueCode(signet, tx, journey.request, session, about.caller)
      if (issued === undefined) return undefined
      await addConsent(tx, about.sub, about.clientId, { scopes, resources: journey.request.resources })
      await recordEvent(tx, { type: 'consent_given', ...about, detail: { scopes } })
      return issued
    }
    const code = await signet.turns.take(sessionTurn(session.id), () => inTransaction(signet.database, give))
    if (code === undefined) return backToRequest(signet, reply, journey.travelling)
    return sendResponse(reply, target, signet.settings.issuer, { code }, pageContext(request, travelling))
  })
}

function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  journey: Journey,
  session: Session,
): FastifyReply {
  const { target, scopes } = journey.request
  const sealed = continueValue(signet, journey.travelling)
  const page = pageContext(request, journey.travelling)
  const descriptions = target.client.allowed.flatMap(({ scopeDescriptions }) => scopeDescriptions)
  return sendPage(
    reply,
    ConsentPage({
      page,
      csrf: formToken(signet, request, reply),
      continueTo: sealed,
      account: { name: displayName(session.account), email: session.account.email },
      accountProof: currentMac(signet.secrets.csrf, pageAbout(session, journey, sealed)).toString('base64url'),
      client: clientOnPage(target),
      scopes: scopes.map((value) => ({ value, description: descriptionFor(value, page.locale, descriptions) })),
      resources: resourcesOf(journey).map(({ identifier, name }) => ({ identifier, name })),
      redirectHost: hostOf(target.redirectUri) ?? target.redirectUri.replace(/\?.*/, ''),
      remembers: !canBeImpersonated(target.client, target.redirectUri),
      otherAccountHref: `/sign-in?continue=${sealed}`,
    }),
  )
}

/** The APIs that the person is asked about: those that the request names, and the owners of its scopes. */
function resourcesOf({ request: { target, scopes, resources } }: Journey): Resource[] {
  return target.client.allowed.filter(
    (resource) => resources.includes(resource.identifier) || resource.scopes.some((scope) => scopes.includes(scope)),
  )
}

/** The person, the sign-in, the request and the owners of its scopes that the page was about; a MAC of it ties the form to them. */
function pageAbout(session: Session, journey: Journey, sealed: string): string {
  const { scopes } = journey.request
  const owned = resourcesOf(journey).map((resource) => [
    resource.identifier,
    ...resource.scopes.filter((scope) => scopes.includes(scope)),
  ])
  const about = JSON.stringify(owned)
  return `consent:${session.account.sub}:${session.id}:${sealed}:${about}`
}

function isAbout(
  signet: Signet,
  presented: string | undefined,
  session: Session,
  journey: Journey,
  sealed: string,
): boolean {
  const proof = Buffer.from(presented ?? '', 'base64url')
  return isMacOf(signet.secrets.csrf, pageAbout(session, journey, sealed), proof)
}
