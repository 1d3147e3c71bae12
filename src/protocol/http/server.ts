import http from 'node:http'
import https from 'node:https'
import fastify from 'fastify'
import type { Settings } from '../../platform/config/settings.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { createGracefulStop } from '../../platform/http/graceful-stop.ts'
import { keepAddresses, newRequestId } from '../../platform/http/request-context.ts'
import { type Repeat, readTlsFiles, reloadTlsFiles, tlsRules } from '../../platform/http/tls-files.ts'
import type { Log } from '../../platform/log.ts'
import { rangeTest } from '../../platform/network-address.ts'
import { headerFault, readFormsOnly } from './http-message.ts'
import { arrivalOf, createOverloadGuard, type OverloadOptions } from './overload.ts'
import { parseParameters } from './parameters.ts'
import { answerClientError, answerExpectation, answerUnreadableAddress, type NoteUnread } from './unread-request.ts'

/** Maximum bytes of a request body. The largest form is a consent with a sealed request of 6 KB. */
const bodyLimit = 32 * 1024

/**
 * Sizes in bytes, times in milliseconds. A client that is too slow is cut off, at most `connectionsCheckingInterval` after its time is up. A
 * client that does not read the response is cut off after `idleTimeout`. When the server stops, connections on which nothing was received
 * have `unusedTimeout` left, and all others `closeTimeout`. These limits apply during a request: between two requests a connection stays open for the
 * setting `keepAliveTimeout`.
 */
export const serverLimits = {
  ...{ maxHeaderSize: 16 * 1024, headersTimeout: 15_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 },
  ...{ idleTimeout: 60_000, unusedTimeout: 500, closeTimeout: 10_000 },
}

/** What the guard against overload needs to know of the application. */
export type ServerOverload = Omit<OverloadOptions, 'issuer' | 'log' | 'isTrustedProxy' | 'keepAliveTimeout'>

/**
 * Creates a server without routes: strict parsing of queries and forms, a request id in every response, and a log line for each request
 * with its route but never its URL.
 *
 * @param noteUnread called for what was refused before there was a request
 * @param overload says what may be refused when too much arrives; without it nothing is. `overrides` replace limits, and the timer that reads the files
 *   of the certificate again, for tests; `ticketKeys`: the keys of TLS session tickets, if other processes share them
 * @throws TlsFilesFault
 */
export function createServer(
  settings: Pick<Settings, 'issuer' | 'tls' | 'trustProxy' | 'keepAliveTimeout'>,
  log: Log,
  noteUnread: NoteUnread,
  {
    repeat,
    overload,
    ...overrides
  }: Partial<
    typeof serverLimits & { keepAliveTimeout: number; repeat: Repeat; overload: ServerOverload; ticketKeys: Buffer }
  > = {},
): App {
  const { issuer, tls, trustProxy } = settings
  const isTrustedProxy = rangeTest(trustProxy)
  const limits = { keepAliveTimeout: settings.keepAliveTimeout * 1000, ...serverLimits, ...overrides }
  const gracefulStop = createGracefulStop(limits)
  const pair = tls && readTlsFiles(tls)
  // One for each address of a host name.
  const secureServers = new Set<https.Server>()
  const createSecureServer = (options: https.ServerOptions, handler: http.RequestListener) => {
    // The limits of a request begin when its connection is secure.
    const server = https.createServer(
      { ...options, ...tlsRules, ...pair, handshakeTimeout: limits.headersTimeout },
      handler,
    )
    secureServers.add(server)
    return server
  }
  const unread = { issuer, noteUnread, isTrustedProxy }
  const guard =
    overload &&
    createOverloadGuard({ issuer, log, isTrustedProxy, keepAliveTimeout: limits.keepAliveTimeout, ...overload })
  const app: App = fastify({
    genReqId: newRequestId,
    clientErrorHandler: (error, socket) => answerClientError(unread, error, socket),
    bodyLimit,
    // A request that arrives while the server closes is processed, not refused with a 503.
    return503OnClosing: false,
    // RFC 9110 §9.3.2: HEAD wherever there is GET.
    exposeHeadRoutes: true,
    frameworkErrors: (_error, request, reply) => answerUnreadableAddress(unread, request, reply),
    routerOptions: {
      // Paths match exactly: no case folding, no trailing slash, no duplicate slashes.
      caseSensitive: true,
      querystringParser: (query) => parseParameters(query) as unknown as Record<string, unknown>,
    },
    serverFactory: (handler) => {
      // Otherwise Node itself would refuse a request without Host, in a response without a request id.
      const options = { ...limits, requireHostHeader: false }
      const listener = guard?.before(handler) ?? handler
      const server = pair ? createSecureServer(options, listener) : http.createServer(options, listener)
      keepAddresses(server)
      gracefulStop.watch(server)
      if (guard) server.on('connection', guard.noteConnection)
      // When the system cannot accept a connection (no memory for its buffers), the server emits `error`. Fastify listens for it
      // only until the server listens for connections.
      server.on('listening', () =>
        server.on('error', (err) => log.error({ err }, 'A connection could not be accepted.')),
      )
      server.on('checkExpectation', (message, response) => answerExpectation(unread, message, response))
      // By default Node silently drops headers after the first 2,000, for example the address that a proxy added.
      server.maxHeadersCount = 0
      return server.setTimeout(limits.idleTimeout)
    },
  })

  gracefulStop.addTo(app)
  if (guard) app.addHook('preClose', async () => guard.stop())
  if (tls && pair) {
    const stopReloading = reloadTlsFiles(tls, pair, secureServers, log, repeat)
    app.addHook('onClose', async () => stopReloading())
  }
  app.decorate('operatorLog', log)
  app.decorate('isTrustedProxy', isTrustedProxy)
  app.decorateRequest('refusal', undefined)
  app.decorateRequest('notes', undefined)
  app.decorateRequest('clientId', undefined)
  app.decorateRequest('startedAt', 0)
  app.decorateRequest('profileLocale', undefined)
  readFormsOnly(app)

  // Hooks that run for each request use callbacks: a promise for each of them costs time.
  app.addHook('onRequest', (request, reply, done) => {
    request.startedAt = arrivalOf(request.raw) ?? performance.now()
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff')
    done(headerFault(request.raw))
  })
  if (['trace', 'debug', 'info'].includes(log.level))
    app.addHook('onSend', (request, reply, payload, done) => {
      const [route, status] = [request.routeOptions.url ?? 'none', reply.statusCode]
      const ms = Math.round(performance.now() - request.startedAt)
      log.info({ reqId: request.id, method: request.method, route, status, ms }, 'request')
      done(null, payload)
    })
  return app
}
