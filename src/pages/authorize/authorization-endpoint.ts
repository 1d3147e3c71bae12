import type { FastifyReply, FastifyRequest } from 'fastify'
import { isTooLong } from '../../interaction/authorization-request.ts'
import { sendResponse } from '../../interaction/authorization-response.ts'
import { verifyTarget } from '../../interaction/authorization-target.ts'
import { personOf } from '../../interaction/browser-session.ts'
import { continueValueIn } from '../../interaction/continue-value.ts'
import {
  type AuthorizationInteraction,
  continueValueOf,
  loadAuthorization,
  noteContinued,
  pageContext,
  redirectToAuthorize,
  resumeAuthorization,
} from '../../interaction/interaction.ts'
import { issueCode } from '../../operations/issue-code.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { faultsIn, type Parameters } from '../../protocol/http/parameters.ts'
import type { Signet } from '../../signet.ts'

/**
 * Authorization endpoint, RFC 6749 §3.1, OpenID Connect Core §3.1.2. It has no route schema, because a schema would
 * respond before the target of the response is verified.
 */
export function authorizationEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/authorize', async (request, reply) => {
    const sealed = continueValueIn(request.query)
    const interaction = sealed
      ? await resumeAuthorization(signet, request, reply, sealed)
      : await loadAuthorization(signet, request, reply, newPendingRequest(signet, request.query))
    return interaction ? doNextStep(signet, request, reply, interaction) : reply
  })

  // Browsers do not send Lax cookies with a POST from another site, so the person would seem signed out. The parameters are therefore
  // sealed, and the browser is redirected to send them by GET.
  app.post<{ Body: Parameters }>('/authorize', async (request, reply) => {
    const parameters = request.body
    const pending = newPendingRequest(signet, parameters)
    const target = await verifyTarget(signet.database, parameters)
    if (faultsIn(parameters).length > 0 || isTooLong(parameters)) {
      await loadAuthorization(signet, request, reply, pending)
      return reply
    }
    noteContinued(signet, request, pending, target)
    return redirectToAuthorize(signet, reply, pending)
  })
}

function newPendingRequest({ clock }: Signet, parameters: Parameters) {
  return { parameters, receivedAt: clock.now(), selected: undefined }
}

/** Redirects to the page that the request needs next, or sends the response. */
async function doNextStep(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  interaction: AuthorizationInteraction,
): Promise<FastifyReply> {
  const { pending, request: authorization, step } = interaction
  if (step.step !== 'respond')
    return reply
      .header('cache-control', 'no-store')
      .redirect(`/${step.step}?continue=${continueValueOf(signet, interaction)}`, 303)
  const code = await issueCode(signet, personOf(request, step.session), authorization, step.session)
  // The session or the consent has just ended: start again.
  if (code === undefined) return redirectToAuthorize(signet, reply, pending)
  const page = pageContext(request, interaction)
  return sendResponse(reply, authorization.target, signet.settings.issuer, { code }, page)
}
