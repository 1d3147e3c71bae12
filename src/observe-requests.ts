import type { FastifyRequest } from 'fastify'
import type { App } from './platform/http/fastify-app.ts'
import { callerOf } from './platform/http/request-context.ts'
import { parseBasic } from './protocol/client-authentication.ts'
import type { OAuthError } from './protocol/errors/oauth-error.ts'
import { sentValue } from './protocol/http/parameters.ts'
import type { NoteUnread } from './protocol/http/unread-request.ts'
import type { Refusal } from './records/refusals/refusals-store.ts'
import type { Signet } from './signet.ts'

type Observers = Pick<Signet, 'log' | 'metrics' | 'refusals'>

/** Counts every request that is answered for the metrics, and records the refused ones. To be called before there are routes. */
export function observeRequests(app: App, observers: Observers): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    done(null, payload)
    withoutFailing(observers, () => {
      const { refusal, method } = request
      const route = request.routeOptions.url ?? 'none'
      observers.metrics.request(route, method, reply.statusCode, (performance.now() - request.startedAt) / 1000)
      if (refusal)
        recordRefusal(observers, { ...callerOf(request), method, route, clientId: claimedClient(request) }, refusal)
    })
  })
}

/** Counts and records what was refused before there was a request. No hook sees it. */
export function observeUnread(observers: Observers): NoteUnread {
  return (caller, refusal) =>
    withoutFailing(observers, () => {
      observers.log.info({ reqId: caller.requestId, entry: refusal.entry, detail: refusal.detail }, 'refused')
      recordRefusal(observers, { ...caller, method: 'none', route: 'none', clientId: undefined }, refusal)
    })
}

type Origin = Pick<Refusal, 'requestId' | 'network' | 'method' | 'route' | 'clientId'>

function recordRefusal({ metrics, refusals }: Observers, origin: Origin, refusal: OAuthError): void {
  const { entry, status, code: error, message: description, detail, isRecorded } = refusal
  metrics.count('signet_refusals_total', { entry })
  if (isRecorded) refusals.note({ ...origin, status, entry, error, description, detail })
}

/** Which client a request says that it is from; for the operator, and not to be believed. */
function claimedClient({ body, query, headers }: FastifyRequest): string | undefined {
  const sent = sentValue(body, 'client_id') ?? sentValue(query, 'client_id')
  return sent ?? parseBasic(headers.authorization ?? '')?.clientId
}

/** An error in `work` would come after the answer, or where nobody catches it. It must cost neither the answer nor the process. */
function withoutFailing({ log }: Observers, work: () => void): void {
  try {
    work()
  } catch (err) {
    log.error({ err }, 'A request could not be counted or noted.')
  }
}
