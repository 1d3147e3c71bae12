import type { FastifyReply, FastifyRequest } from 'fastify'
import { isTooLong } from '../../interaction/authorization-request.ts'
import { personOf } from '../../interaction/browser-session.ts'
import { continueValueIn } from '../../interaction/continue-value.ts'
import {
  type AuthorizationInteraction,
  continueValueOf,
  loadAuthorization,
  noteContinued,
  openRequest,
  pageContext,
  redirectToArrival,
  redirectToAuthorize,
  resumeAuthorization,
} from '../../interaction/interaction.ts'
import { receiveRequest } from '../../interaction/received-request.ts'
import { respond } from '../../interaction/session-state.ts'
import { openGrant } from '../../operations/open-grant.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
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
      ? await resumeAuthorization(signet, request, reply, sealed, 'cache')
      : await loadReceived(signet, request, reply, request.query)
    const again = sealed ? redirectToAuthorize : redirectToArrival
    return interaction ? doNextStep(signet, request, reply, interaction, again) : reply
  })

  // Browsers do not send Lax cookies with a POST from another site, so the person would seem signed out. The parameters are therefore
  // sealed, and the browser is redirected to send them by GET.
  app.post<{ Body: Parameters }>('/authorize', async (request, reply) => {
    const received = await receiveRequest(signet, request, reply, request.body)
    if (!received) return reply
    const opened = await openRequest(signet, received, callerOf(request))
    const { parameters, pushed } = opened.pending
    // A value that leads to the same error could not be sealed, or would hide it for an hour.
    if (opened.fault || faultsIn(parameters).length > 0 || (pushed === undefined && isTooLong(parameters))) {
      await loadAuthorization(signet, request, reply, received)
      return reply
    }
    noteContinued(signet, request, opened)
    return redirectToAuthorize(signet, reply, opened.pending)
  })
}

async function loadReceived(signet: Signet, request: FastifyRequest, reply: FastifyReply, sent: Parameters) {
  const received = await receiveRequest(signet, request, reply, sent)
  return received && loadAuthorization(signet, request, reply, received)
}

/**
 * Redirects to the page that the request needs next, or sends the response.
 *
 * @param again starts again if something has changed meanwhile
 */
async function doNextStep(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  interaction: AuthorizationInteraction,
  again: typeof redirectToAuthorize,
): Promise<FastifyReply> {
  const { pending, request: authorization, step } = interaction
  if (step.step !== 'respond')
    return reply
      .header('cache-control', 'no-store')
      .redirect(`/${step.step}?continue=${continueValueOf(signet, interaction)}`, 303)
  const person = personOf(request, step.session)
  const { consent, groups } = interaction
  const issued = await openGrant(signet, person, authorization, { session: step.session, consent, groups })
  // The session or the consent has just ended, the registration has changed, or another tab has completed the pushed request: start again.
  if (!issued) return again(signet, reply, pending)
  const page = () => pageContext(request, interaction)
  const to = { target: authorization.target, session: step.session }
  return respond(signet, request, reply, to, { issued }, page)
}
