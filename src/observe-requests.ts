import type { FastifyRequest } from 'fastify'
import type { App } from './platform/http/fastify-app.ts'
import { callerOf } from './platform/http/request-context.ts'
import { claimedAssertion } from './protocol/client-assertion.ts'
import { parseBasic } from './protocol/client-authentication.ts'
import type { OAuthError } from './protocol/errors/oauth-error.ts'
import type { OverloadOptions } from './protocol/http/overload.ts'
import { sentValue } from './protocol/http/parameters.ts'
import type { NoteUnread } from './protocol/http/unread-request.ts'
import type { RequestOrigin } from './records/refusals/refusal-log.ts'
import type { Signet } from './signet.ts'

type Observers = Pick<Signet, 'log' | 'metrics' | 'refusals'>

/** Counts every response in the metrics, and records refusals and notes for the operator. Call it before adding routes. */
export function observeRequests(app: App, observers: Observers): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    done(null, payload)
    try {
      const seconds = (performance.now() - request.startedAt) / 1000
      observers.metrics.request(request.routeOptions.url ?? 'none', request.method, reply.statusCode, seconds)
      if (request.notes || request.refusal) recordForOperator(observers, request, reply.statusCode)
    } catch (error) {
      noteFailure(observers, error)
    }
  })
}

function recordForOperator(observers: Observers, request: FastifyRequest, status: number): void {
  const { refusal, notes, method, routeOptions } = request
  const originOf = () => ({
    ...{ ...callerOf(request), method, route: routeOptions.url ?? 'none' },
    clientId: request.clientId ?? claimedClient(request),
  })
  for (const note of notes ?? []) observers.refusals.recordNote({ ...originOf(), status, ...note })
  if (refusal) recordRefusal(observers, refusal, originOf)
}

/** Counts a request that was refused because of an overload. Such a request has not been routed, and is neither logged nor recorded: a busy node has no time for that. */
export function observeShed({ metrics }: Observers): OverloadOptions['noteShed'] {
  return (method, reason, seconds) => {
    metrics.request('none', method, 503, seconds)
    metrics.count('signet_requests_shed_total', { reason })
    metrics.count('signet_refusals_total', { entry: 'overloaded' })
  }
}

/** Counts and records what was refused before it became a request. No hook runs for those. */
export function observeUnread(observers: Observers): NoteUnread {
  return (caller, refusal) => {
    try {
      observers.log.info({ reqId: caller.requestId, entry: refusal.entry, detail: refusal.detail }, 'refused')
      recordRefusal(observers, refusal, () => ({ ...caller, method: 'none', route: 'none', clientId: undefined }))
    } catch (error) {
      noteFailure(observers, error)
    }
  }
}

/** @param originOf called only for a refusal that is recorded: finding the client takes time, and there can be a flood of refusals */
function recordRefusal({ metrics, refusals }: Observers, refusal: OAuthError, originOf: () => RequestOrigin): void {
  const { entry, status, code: error, message: description, detail, isRecorded } = refusal
  metrics.count('signet_refusals_total', { entry })
  if (isRecorded) refusals.record({ ...originOf(), status, entry, error, description, detail })
}

/** The client that a request claims to be from, for the operator. It is not verified. */
function claimedClient({ body, query, headers }: FastifyRequest): string | undefined {
  const sent = sentValue(body, 'client_id') ?? sentValue(query, 'client_id')
  if (sent !== undefined) return sent
  const assertion = sentValue(body, 'client_assertion')
  return assertion === undefined
    ? parseBasic(headers.authorization ?? '')?.clientId
    : claimedAssertion(assertion)?.clientId
}

/** An error here would occur after the response, or where nothing catches it. It must not break the response or end the process. */
function noteFailure({ log }: Observers, err: unknown): void {
  log.error({ err }, 'A request could not be counted or recorded.')
}
