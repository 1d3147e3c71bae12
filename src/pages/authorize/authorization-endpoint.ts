import type { FastifyReply, FastifyRequest } from 'fastify'
import { isTooLong } from '../../interaction/authorization-request.ts'
import { sendResponse } from '../../interaction/authorization-response.ts'
import { verifyTarget } from '../../interaction/authorization-target.ts'
import { issueCode } from '../../interaction/issue-code.ts'
import {
  backToRequest,
  continueOf,
  continueValue,
  type Journey,
  pageContext,
  takeUp,
  takeUpSealed,
} from '../../interaction/journey.ts'
import { inTransaction, type Queryable } from '../../platform/database/queryable.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import { sessionTurn } from '../../records/accounts/account.ts'
import type { Signet } from '../../signet.ts'

/**
 * Authorization endpoint, RFC 6749 §3.1, OpenID Connect Core §3.1.2. It has no route schema: a schema would answer before the
 * target of the answer has been judged.
 */
export function authorizationEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/authorize', async (request, reply) => {
    const sealed = continueOf(request.query)
    const journey = sealed
      ? await takeUpSealed(signet, request, reply, sealed)
      : await takeUp(signet, request, reply, {
          parameters: request.query,
          receivedAt: signet.clock.now(),
          selected: undefined,
        })
    return journey ? goOn(signet, request, reply, journey) : reply
  })

  // Browsers leave Lax cookies out of a POST that another site sends, so the person would seem signed out: the parameters are
  // sealed and come back as a GET.
  app.post<{ Body: Parameters }>('/authorize', async (request, reply) => {
    const parameters = request.body
    const travelling = { parameters, receivedAt: signet.clock.now(), selected: undefined }
    await verifyTarget(signet.database, parameters)
    if (parameters.faults.length > 0 || isTooLong(parameters)) {
      await takeUp(signet, request, reply, travelling)
      return reply
    }
    return backToRequest(signet, reply, travelling)
  })
}

/** Leads the person to what the request needs next, or answers it. */
async function goOn(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  journey: Journey,
): Promise<FastifyReply> {
  const { travelling, session, request: authorization, step } = journey
  if (step.step !== 'respond' || !session)
    return reply
      .header('cache-control', 'no-store')
      .redirect(`/${step.step}?continue=${continueValue(signet, travelling)}`, 303)
  const issue = (tx: Queryable) => issueCode(signet, tx, authorization, session, callerOf(request))
  const code = await signet.turns.take(sessionTurn(session.id), () => inTransaction(signet.database, issue))
  // The session or the consent ended at this very moment: begin again.
  if (code === undefined) return backToRequest(signet, reply, travelling)
  return sendResponse(reply, authorization.target, signet.settings.issuer, { code }, pageContext(request, travelling))
}
