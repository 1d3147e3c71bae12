import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginCallback } from 'fastify'
import { deviceAuthorizationEndpoint } from './endpoints/device-authorization/device-authorization-endpoint.ts'
import { discoveryEndpoint } from './endpoints/discovery/discovery-endpoint.ts'
import { healthEndpoint } from './endpoints/health/health-endpoint.ts'
import { introspectionEndpoint } from './endpoints/introspection/introspection-endpoint.ts'
import { jwksEndpoint } from './endpoints/jwks/jwks-endpoint.ts'
import { metricsEndpoint } from './endpoints/metrics/metrics-endpoint.ts'
import { pushedAuthorizationEndpoint } from './endpoints/pushed-authorization/pushed-authorization-endpoint.ts'
import { registrationEndpoint } from './endpoints/registration/registration-endpoint.ts'
import { revocationEndpoint } from './endpoints/revocation/revocation-endpoint.ts'
import { tokenEndpoint } from './endpoints/token/token-endpoint.ts'
import { userinfoEndpoint } from './endpoints/userinfo/userinfo-endpoint.ts'
import { openContinueValue } from './interaction/continue-value.ts'
import { observeRequests, observeShed, observeUnread } from './observe-requests.ts'
import { accountEndpoint } from './pages/account/account-endpoint.ts'
import { authorizationEndpoint } from './pages/authorize/authorization-endpoint.ts'
import { avatarEndpoint } from './pages/avatar/avatar-endpoint.ts'
import { brandEndpoint } from './pages/brand/brand-endpoint.ts'
import { checkSessionEndpoint } from './pages/check-session/check-session-endpoint.ts'
import { consentEndpoint } from './pages/consent/consent-endpoint.ts'
import { deviceEndpoint } from './pages/device/device-endpoint.ts'
import { errorsEndpoint } from './pages/errors/errors-endpoint.ts'
import { homeEndpoint } from './pages/home/home-endpoint.ts'
import { inspectEndpoint } from './pages/inspect/inspect-endpoint.ts'
import { logoEndpoint } from './pages/logo/logo-endpoint.ts'
import { notMeEndpoint } from './pages/not-me/not-me-endpoint.ts'
import { passkeyOfferEndpoint } from './pages/passkey-offer/passkey-offer-endpoint.ts'
import { newPasswordEndpoint } from './pages/recovery/new-password-endpoint.ts'
import { recoverEndpoint } from './pages/recovery/recover-endpoint.ts'
import { secondFactorEndpoint } from './pages/second-factor/second-factor-endpoint.ts'
import { signInEndpoint } from './pages/sign-in/sign-in-endpoint.ts'
import { logoutEndpoint } from './pages/sign-out/logout-endpoint.ts'
import { openLogoutRequest } from './pages/sign-out/logout-request.ts'
import { signUpEndpoint } from './pages/sign-up/sign-up-endpoint.ts'
import { stepUpEndpoint } from './pages/step-up/step-up-endpoint.ts'
import { undoEmailChangeEndpoint } from './pages/undo-email-change/undo-email-change-endpoint.ts'
import { verifyEmailEndpoint } from './pages/verify-email/verify-email-endpoint.ts'
import { packageFolder } from './platform/config/installation-folder.ts'
import type { Database } from './platform/database/pool.ts'
import type { App } from './platform/http/fastify-app.ts'
import type { MetricFamily } from './platform/metric-families.ts'
import { createThreadPoolProbe } from './platform/thread-pool-probe.ts'
import { type IsForPrograms, sendNotFound } from './protocol/errors/send-refusal.ts'
import { pageScope, withoutOpener } from './protocol/http/page-scope.ts'
import { sentValue } from './protocol/http/parameters.ts'
import { protocolScope } from './protocol/http/protocol-scope.ts'
import { createServer, type ServerOverload } from './protocol/http/server.ts'
import type { Signet } from './signet.ts'

/** What the processes of one node share. */
export interface SharedByNode {
  /** Reads the metrics of all of them. */
  readonly readMetrics: () => Promise<readonly MetricFamily[]>
  /** The keys of TLS session tickets, so that each process can resume the sessions of the others. */
  readonly ticketKeys: Buffer
}

export interface AppOptions {
  readonly tracing?: FastifyPluginCallback | undefined
  readonly shared?: SharedByNode | undefined
  readonly overload?: Partial<ServerOverload> | undefined
}

/**
 * Builds the server with all routes.
 *
 * @param options.tracing the plugin that creates spans for requests; undefined if tracing is off
 * @param options.shared undefined: this process is the only one of the node
 * @param options.overload for tests: replaces limits, and what they are compared with
 */
export function buildApp(signet: Signet, options: AppOptions = {}): App {
  const { tracing, shared, overload = {} } = options
  const { settings } = signet
  let isForPrograms: IsForPrograms = () => true
  const app = createServer(settings, signet.log, observeUnread(signet), {
    overload: {
      isEssential,
      isForPrograms: (url) => isForPrograms(url),
      isCongested: congestionTest(signet.database),
      noteShed: observeShed(signet),
      brand: signet.brand,
      ...overload,
    },
    ...(shared && { ticketKeys: shared.ticketKeys }),
  })
  app.decorate('brand', signet.brand)
  if (tracing) app.register(tracing)
  observeRequests(app, signet)

  // For programs: any origin, form in, JSON out.
  isForPrograms = protocolScope(app, settings, (scope) => {
    tokenEndpoint(scope, signet)
    deviceAuthorizationEndpoint(scope, signet)
    pushedAuthorizationEndpoint(scope, signet)
    userinfoEndpoint(scope, signet)
    introspectionEndpoint(scope, signet)
    revocationEndpoint(scope, signet)
    registrationEndpoint(scope, signet)
    jwksEndpoint(scope, signet)
    discoveryEndpoint(scope, signet)
    healthEndpoint(scope, signet)
  })

  // For people: our own origin, form in, page out.
  const sealedLocales = (continueValue: string) => sealedUiLocales(signet, continueValue)
  pageScope(app, settings, isForPrograms, sealedLocales, (scope) => {
    // The pages of a request. The application may have opened them in a pop-up.
    authorizationEndpoint(scope, signet)
    signInEndpoint(scope, signet)
    passkeyOfferEndpoint(scope, signet)
    secondFactorEndpoint(scope, signet)
    signUpEndpoint(scope, signet)
    recoverEndpoint(scope, signet)
    newPasswordEndpoint(scope, signet)
    verifyEmailEndpoint(scope, signet)
    stepUpEndpoint(scope, signet)
    consentEndpoint(scope, signet)
    logoutEndpoint(scope, signet)
    checkSessionEndpoint(scope, signet)
    withoutOpener(scope, (own) => {
      accountEndpoint(own, signet)
      avatarEndpoint(own, signet)
      logoEndpoint(own, signet)
      undoEmailChangeEndpoint(own, signet)
      notMeEndpoint(own, signet)
      deviceEndpoint(own, signet)
      homeEndpoint(own, signet)
      errorsEndpoint(own)
      inspectEndpoint(own, signet)
      // For Prometheus. It is here because, without a token, other machines get the response of an unknown path, with the same headers.
      metricsEndpoint(own, signet, shared?.readMetrics)
      brandEndpoint(own, signet)
      own.register(fastifyStatic, {
        root: join(packageFolder, 'public'),
        prefix: '/assets/',
        index: false,
        maxAge: '1h',
      })
      // The build has made and compressed them.
      for (const folder of ['estimator', 'webauthn'])
        own.register(fastifyStatic, {
          root: join(packageFolder, 'dist/assets', folder),
          prefix: `/assets/${folder}/`,
          index: false,
          maxAge: '1h',
          preCompressed: true,
          decorateReply: false,
          setHeaders: (reply) => reply.setHeader('vary', 'accept-encoding'),
        })
      own.setNotFoundHandler((request, reply) => sendNotFound(app, settings.issuer, isForPrograms, request, reply))
    })
  })
  return app
}

/**
 * What is served however busy the node is: without health checks it would be restarted, without metrics nobody sees why, and without keys and
 * metadata other services refuse tokens that are valid. All of it comes from memory.
 */
const essentialPaths: ReadonlySet<string> = new Set([
  ...['/healthz', '/readyz', '/metrics', '/.well-known/jwks.json'],
  ...['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'],
])

function isEssential(url: string): boolean {
  const query = url.indexOf('?')
  return essentialPaths.has(query === -1 ? url : url.slice(0, query))
}

/** Milliseconds that work for the thread pool may wait there before no more requests are begun. */
const maxThreadPoolDelay = 100

/**
 * Whether requests that were begun already wait: for a database connection (for each one, two others wait), or for a thread that signs with RSA.
 * More requests would only wait there instead of in the queue, where they are refused in time.
 */
function congestionTest(database: Pick<Database, 'waitingCount' | 'limit'>): () => boolean {
  const isPoolBusy = createThreadPoolProbe(maxThreadPoolDelay)
  return () => database.waitingCount > 2 * database.limit || isPoolBusy()
}

/** The `ui_locales` of the request in a `continue` value, for the language of an error page. */
function sealedUiLocales({ secrets, clock }: Signet, continueValue: string): string | undefined {
  try {
    const secret = secrets['request-sealing']
    const continued = openContinueValue(secret, continueValue, clock.now())
    const parameters =
      continued?.kind === 'authorization' ? continued.pending.parameters : openLogoutRequest(secret, continueValue)
    return sentValue(parameters, 'ui_locales')
  } catch {
    // If a node cannot confirm its secrets, the page that says so must still work.
    return undefined
  }
}
