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
  pageContext,
  redirectToAuthorize,
  resumeAuthorization,
} from '../../interaction/interaction.ts'
import { issueCode } from '../../operations/issue-code.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { faultsIn, type Parameters } from '../../protocol/http/parameters.ts'
import type { Signet } from '../../signet.ts'

/**
 * Authorization endpoint, RFC 6749 §3.1, OpenID Connect Core §3.1.2. It has no route schema: a schema would answer before the
 * target of the answer has been judged.
 */
export function authorizationEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/authorize', async (request, reply) => {
    const sealed = continueValueIn(request.query)
    const interaction = sealed
      ? await resumeAuthorization(signet, request, reply, sealed)
      : await loadAuthorization(signet, request, reply, firstReceived(signet, request.query))
    return interaction ? doNextStep(signet, request, reply, interaction) : reply
  })

  // Browsers leave Lax cookies out of a POST that another site sends, so the person would seem signed out: the parameters are
  // sealed and come back as a GET.
  app.post<{ Body: Parameters }>('/authorize', async (request, reply) => {
    const parameters = request.body
    const pending = firstReceived(signet, parameters)
    await verifyTarget(signet.database, parameters)
    if (faultsIn(parameters).length > 0 || isTooLong(parameters)) {
      await loadAuthorization(signet, request, reply, pending)
      return reply
    }
    return redirectToAuthorize(signet, reply, pending)
  })
}

function firstReceived({ clock }: Signet, parameters: Parameters) {
  return { parameters, receivedAt: clock.now(), selected: undefined }
}

/** Leads the person to the page that the request needs next, or answers it. */
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
  // The session or the consent ended at this very moment: begin again.
  if (code === undefined) return redirectToAuthorize(signet, reply, pending)
  const page = pageContext(request, interaction)
  return sendResponse(reply, authorization.target, signet.settings.issuer, { code }, page)
}
