import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import { discoveryEndpoint } from './endpoints/discovery/discovery-endpoint.ts'
import { healthEndpoint } from './endpoints/health/health-endpoint.ts'
import { introspectionEndpoint } from './endpoints/introspection/introspection-endpoint.ts'
import { jwksEndpoint } from './endpoints/jwks/jwks-endpoint.ts'
import { metricsEndpoint } from './endpoints/metrics/metrics-endpoint.ts'
import { revocationEndpoint } from './endpoints/revocation/revocation-endpoint.ts'
import { tokenEndpoint } from './endpoints/token/token-endpoint.ts'
import { userinfoEndpoint } from './endpoints/userinfo/userinfo-endpoint.ts'
import { UnverifiedTarget } from './interaction/authorization-target.ts'
import { openContinueValue } from './interaction/continue-value.ts'
import { accountEndpoint } from './pages/account/account-endpoint.ts'
import { authorizationEndpoint } from './pages/authorize/authorization-endpoint.ts'
import { consentEndpoint } from './pages/consent/consent-endpoint.ts'
import { errorsEndpoint } from './pages/errors/errors-endpoint.ts'
import { homeEndpoint } from './pages/home/home-endpoint.ts'
import { inspectEndpoint } from './pages/inspect/inspect-endpoint.ts'
import { signInEndpoint } from './pages/sign-in/sign-in-endpoint.ts'
import { logoutEndpoint } from './pages/sign-out/logout-endpoint.ts'
import { openLogoutRequest } from './pages/sign-out/logout-request.ts'
import { signUpEndpoint } from './pages/sign-up/sign-up-endpoint.ts'
import { packageFolder } from './platform/config/installation-folder.ts'
import type { App } from './platform/http/fastify-app.ts'
import { callerOf } from './platform/http/request-context.ts'
import { sendNotFound } from './protocol/http/not-found.ts'
import { pageScope, withoutOpener } from './protocol/http/page-scope.ts'
import { sentValue } from './protocol/http/parameters.ts'
import { protocolScope } from './protocol/http/protocol-scope.ts'
import { createServer } from './protocol/http/server.ts'
import { parseBasic } from './records/clients/client-authentication.ts'
import type { Signet } from './signet.ts'

/** Which client a request says that it is from; for the operator, and not to be believed. */
function claimedClient({ body, query, headers }: FastifyRequest): string | undefined {
  const sent = sentValue(body, 'client_id') ?? sentValue(query, 'client_id')
  return sent ?? parseBasic(headers.authorization ?? '')?.clientId
}

/**
 * Every route there is.
 *
 * @param tracing what makes spans of requests, where traces are asked for
 */
export function buildApp(signet: Signet, tracing?: FastifyPluginCallback): App {
  const { settings } = signet
  // An error in here would come after the answer, or where nobody catches it. It must cost neither the answer nor the process.
  const keepingBooks = (work: () => void) => {
    try {
      work()
    } catch (err) {
      signet.log.error({ err }, 'A request could not be counted or noted.')
    }
  }
  const app = createServer(settings, signet.log, (caller, refusal) => {
    keepingBooks(() => {
      const { entry, status, code: error, message: description, detail } = refusal
      signet.log.info({ reqId: caller.requestId, entry, detail }, 'refused')
      const unread = { method: 'none', route: 'none', clientId: undefined }
      signet.refusals.note({ ...caller, ...unread, status, entry, error, description, detail })
      signet.metrics.count('signet_refusals_total', { entry })
    })
  })

  if (tracing) app.register(tracing)
  app.addHook('onSend', (request, reply, payload, done) => {
    done(null, payload)
    keepingBooks(() => {
      const { refusal, method } = request
      const route = request.routeOptions.url ?? 'none'
      signet.metrics.request(route, method, reply.statusCode, (performance.now() - request.startedAt) / 1000)
      if (!refusal) return
      const { entry, status, code: error, message: description, detail } = refusal
      signet.metrics.count('signet_refusals_total', { entry })
      if (!refusal.isRecorded) return
      const clientId = claimedClient(request)
      signet.refusals.note({ ...callerOf(request), method, route, clientId, status, entry, error, description, detail })
    })
  })

  // For programs, from any origin, JSON or form in, JSON out.
  protocolScope(app, settings, (scope) => {
    tokenEndpoint(scope, signet)
    userinfoEndpoint(scope, signet)
    introspectionEndpoint(scope, signet)
    revocationEndpoint(scope, signet)
    jwksEndpoint(scope, signet)
    discoveryEndpoint(scope, signet)
    healthEndpoint(scope, signet)
  })

  // For people, from our own origin, form in, page out.
  const refusalOf = (error: unknown) => (error instanceof UnverifiedTarget ? error.refusal : undefined)
  const uiLocalesOf = (sealed: string) => {
    try {
      const secret = signet.secrets['request-sealing']
      const continued = openContinueValue(secret, sealed, signet.clock.now())
      const parameters =
        continued?.kind === 'authorization' ? continued.pending.parameters : openLogoutRequest(secret, sealed)
      return sentValue(parameters, 'ui_locales')
    } catch {
      // A node that cannot confirm its secrets must not fail on the page that says so.
      return undefined
    }
  }
  pageScope(app, settings, { refusalOf, uiLocalesOf }, (scope) => {
    // The pages of a request. An application may have opened them in a pop-up.
    authorizationEndpoint(scope, signet)
    signInEndpoint(scope, signet)
    signUpEndpoint(scope, signet)
    consentEndpoint(scope, signet)
    logoutEndpoint(scope, signet)
    withoutOpener(scope, (own) => {
      accountEndpoint(own, signet)
      homeEndpoint(own, signet)
      errorsEndpoint(own)
      inspectEndpoint(own, signet)
      // For Prometheus; here, because who may not read it is answered like any address that is no route, headers and all.
      metricsEndpoint(own, signet)
      own.register(fastifyStatic, {
        root: join(packageFolder, 'public'),
        prefix: '/assets/',
        index: false,
        maxAge: '1h',
      })
      own.setNotFoundHandler((request, reply) => sendNotFound(app, settings.issuer, request, reply))
    })
  })
  return app
}
