import type { FastifyReply, FastifyRequest } from 'fastify'
import { hostOf } from '../../html/link-target.ts'
import { sendPage } from '../../html/send-page.ts'
import { clientOnPage } from '../../interaction/authorization-target.ts'
import { personOf } from '../../interaction/browser-session.ts'
import {
  canBeImpersonated,
  isAskedEveryTime,
  resourcesAskedAbout,
  shownAccess,
} from '../../interaction/consent/consent-rule.ts'
import { continueValueIn, sealRequest } from '../../interaction/continue-value.ts'
import {
  type AuthorizationInteraction,
  pageContext,
  redirectToAuthorize,
  resumeAuthorization,
} from '../../interaction/interaction.ts'
import { respond } from '../../interaction/session-state.ts'
import { giveConsent, refuseConsent } from '../../operations/give-consent.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { csrfCheckedForm, csrfToken, formSubjectProof, isFormAbout } from '../../protocol/http/csrf.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import { displayName } from '../../records/accounts/account.ts'
import { descriptionFor } from '../../records/resources/resource.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { claimsBeyond } from '../../tokens/requested-claims.ts'
import { ConsentPage } from './consent-page.tsx'

/** The consent page (OpenID Connect Core §3.1.2.4). Its POST stores the consent and issues the code. */
export function consentEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/consent', async (request, reply) => {
    const sealed = continueValueIn(request.query) ?? ''
    const interaction = await resumeAuthorization(signet, request, reply, sealed)
    if (!interaction) return reply
    const { step, pending } = interaction
    if (step.step !== 'consent') return redirectToAuthorize(signet, reply, pending)
    return showPage(signet, request, reply, interaction, step.session)
  })

  app.post<{ Body: Parameters }>('/consent', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const sealed = values.get('continue') ?? ''
    const interaction = await resumeAuthorization(signet, request, reply, sealed)
    if (!interaction) return reply
    const { step, pending, request: authorization } = interaction
    if (step.step !== 'consent') return redirectToAuthorize(signet, reply, pending)
    const { session } = step
    // Another tab may have signed out or signed in someone else, or a scope may have moved to another API. What the person agreed to on
    // the page is then no longer what would happen.
    if (!isFormAbout(signet.secrets.csrf, pageSubject(interaction, session, sealed), values.get('account')))
      return redirectToAuthorize(signet, reply, pending)

    const { target } = authorization
    const page = () => pageContext(request, interaction)
    const person = personOf(request, session)
    if (values.get('decision') !== 'allow') {
      await refuseConsent(signet, person, authorization, session)
      const outcome = { error: new OAuthError('consent_denied'), requestId: request.id }
      return respond(signet, request, reply, { target, session }, outcome, page)
    }
    const { groups } = interaction
    const issued = await giveConsent(signet, person, authorization, { session, groups })
    if (!issued) return redirectToAuthorize(signet, reply, pending)
    return respond(signet, request, reply, { target, session }, { issued }, page)
  })
}

function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  interaction: AuthorizationInteraction,
  session: Session,
): FastifyReply {
  const { target, scopes, resources, claims } = interaction.request
  const sealed = sealRequest(signet.secrets['request-sealing'], interaction.pending)
  const page = pageContext(request, interaction)
  const descriptions = target.client.allowed.flatMap(({ scopeDescriptions }) => scopeDescriptions)
  return sendPage(
    reply,
    ConsentPage({
      page,
      csrf: csrfToken(signet, request, reply),
      continueTo: sealed,
      account: { name: displayName(session.account), email: session.account.email },
      accountProof: formSubjectProof(signet.secrets.csrf, pageSubject(interaction, session, sealed)),
      client: clientOnPage(target),
      scopes: scopes.map((value) => ({ value, description: descriptionFor(value, page.locale, descriptions) })),
      claims: claimsBeyond(scopes, claims),
      resources: resourcesAskedAbout({ client: target.client, scopes, resources }).map(({ identifier, name }) => ({
        identifier,
        name,
      })),
      redirectHost: hostOf(target.redirectUri) ?? target.redirectUri.replace(/\?.*/, ''),
      isOnDevice: canBeImpersonated(target),
      remembers: !isAskedEveryTime(target),
      otherAccountHref: `/sign-in?continue=${sealed}`,
    }),
  )
}

/**
 * What the page was about: the person, the session, the request, its scopes and their owners, its claims, and a client that registered itself. The sealed request does not determine
 * scopes and claims: one that was dropped returns if the client is registered for it in the meantime, and the person has not seen it.
 */
function pageSubject({ request }: AuthorizationInteraction, session: Session, sealed: string): string {
  const { target, scopes, resources, claims } = request
  const access = shownAccess({ client: target.client, scopes, resources, claims })
  return `consent:${session.account.sub}:${session.id}:${sealed}:${access}`
}
