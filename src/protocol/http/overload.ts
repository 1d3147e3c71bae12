import { createHash } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Brand } from '../../html/brand.ts'
import { chooseMessages } from '../../html/messages/choose-messages.ts'
import { OverloadPage, overloadStyle } from '../../html/overload-page.tsx'
import { renderPage } from '../../html/send-page.ts'
import {
  type AdmissionLimits,
  admissionLimits,
  createAdmission,
  type ShedReason,
} from '../../platform/http/admission.ts'
import { createRestingConnections } from '../../platform/http/connection-rest.ts'
import { addressOf, newRequestId } from '../../platform/http/request-context.ts'
import type { Log } from '../../platform/log.ts'
import { errorBody, OAuthError } from '../errors/oauth-error.ts'
import type { IsForPrograms } from '../errors/send-refusal.ts'
import { strictTransport } from './page-scope.ts'
import { programHeaders } from './protocol-scope.ts'

export interface OverloadLimits extends AdmissionLimits {
  /**
   * How long a connection is not read after a request on it was refused, in milliseconds: at least and at most. In between it is as long as it takes
   * so that there are not more than `refusedPerServed`.
   */
  readonly rest: readonly [shortest: number, longest: number]
  /** Requests that may be refused for each one that is served. A refusal takes about a third of the time of a token. */
  readonly refusedPerServed: number
  /** Connections of a trusted proxy rest only for this part of the time: the next request there is probably somebody else's. */
  readonly proxyPart: number
  /** When so many requests of a connection wait behind its first one, it is not read until they are done. */
  readonly maxPipelined: number
}

export const overloadLimits: OverloadLimits = {
  ...admissionLimits,
  ...{ rest: [1_000, 15_000], refusedPerServed: 0.3, proxyPart: 0.1, maxPipelined: 16 },
}

/** While nothing waits, this many connections are woken before their time, every so many milliseconds. */
const [wokenAtATime, wakeInterval] = [20, 10]

/** Milliseconds without a refusal, after which an overload counts as over. */
const calm = 10_000

export interface OverloadOptions {
  readonly issuer: string
  readonly log: Log
  readonly isTrustedProxy: (address: string) => boolean
  /** Whether the path of a URL is one whose requests are never refused. */
  readonly isEssential: (url: string) => boolean
  readonly isForPrograms: IsForPrograms
  readonly isCongested: () => boolean
  /** Called for each request that was refused. */
  readonly noteShed: (method: string, reason: ShedReason, seconds: number) => void
  readonly brand: Brand
  /** Milliseconds after which the server closes an idle connection. It must not do so while one rests: there may be a request that was not read. */
  readonly keepAliveTimeout: number
  readonly limits?: OverloadLimits
}

interface Arrived {
  readonly listener: RequestListener
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly at: number
}

/** The requests of a connection behind the one that waits or was refused. There are some only if the client does not wait for responses. */
interface Line {
  readonly requests: Arrived[]
  isPaused: boolean
}

export interface OverloadGuard {
  /** Wraps the listener of a server. A refused request never reaches it. Servers of one guard have one queue: they share the thread. */
  before(listener: RequestListener): RequestListener
  /** To be called for each new connection. */
  noteConnection(): void
  /** The server stops: reads all connections again, and lets each refusal be the last response on its connection. */
  stop(): void
}

const arrivals = new WeakMap<IncomingMessage, number>()

/** When a request was read, by `performance.now()`; undefined if it did not arrive through a server. */
export function arrivalOf(message: IncomingMessage): number | undefined {
  return arrivals.get(message)
}

/**
 * Refuses what cannot be served in time (platform/http/admission.ts) with a 503 that costs as little as possible: it is sent before the
 * request is routed and its body is read. Then its connection is not read until Retry-After has passed, or there is time again. So clients that do
 * not obey it cannot take the time that the others need.
 */
export function createOverloadGuard(options: OverloadOptions): OverloadGuard {
  const { isEssential, isCongested, noteShed, limits = overloadLimits } = options
  const respond = createShedResponse(options)
  const episode = createEpisodeLog(options.log)
  const served = createRate()
  let isConnecting = false
  let isStopping = false
  const lines = new WeakMap<Socket, Line>()

  const admission = createAdmission<Arrived>({
    limits,
    begin: ({ listener, message, response, at }) => {
      served.count(at)
      arrivals.set(message, at)
      listener(message, response)
      next(message.socket)
    },
    refuse: (arrived, reason) => shed(arrived, reason),
    // Of the responses of a connection, Node destroys only the one that is being sent.
    isWanted: ({ message, response }) => !response.destroyed && !message.socket.destroyed,
    isCongested,
    isConnecting: () => {
      const was = isConnecting
      isConnecting = false
      return was
    },
  })
  const rests = createRests(options, limits, served, () => admission.waiting === 0 && !isCongested())

  const shed = ({ message, response, at }: Arrived, reason: ShedReason) => {
    episode.note()
    const rest = rests.lengthFor(message.socket)
    if (isStopping) response.shouldKeepAlive = false
    if (response.shouldKeepAlive) rests.begin(response, message.socket, rest, () => next(message.socket))
    respond(message, response, rest)
    noteShed(message.method ?? '', reason, (performance.now() - at) / 1_000)
  }
  const arrive = (arrived: Arrived) => {
    const { socket, method, url = '' } = arrived.message
    // Node parses all that it has read, even if the connection is closed meanwhile.
    if (socket.destroyed) return
    // A preflight is as cheap to answer as to refuse, and a script could not read why it failed (Fetch §4.8).
    admission.arrive(arrived, method === 'OPTIONS' || isEssential(url))
  }
  /** The next request of a connection joins the queue, after those of other connections that arrived meanwhile. */
  const next = (socket: Socket) => {
    const line = lines.get(socket)
    const first = socket.destroyed ? undefined : line?.requests.shift()
    if (!line || !first) return void lines.delete(socket)
    if (line.isPaused && line.requests.length === 0) {
      line.isPaused = false
      socket.off('resume', pauseAgain).resume()
    }
    setImmediate(arrive, first)
  }

  return {
    before: (listener) => (message, response) => {
      const arrived = { listener, message, response, at: performance.now() }
      const line = lines.get(message.socket)
      if (!line) {
        lines.set(message.socket, { requests: [], isPaused: false })
        return arrive(arrived)
      }
      line.requests.push(arrived)
      if (line.requests.length < limits.maxPipelined || line.isPaused) return
      line.isPaused = true
      message.socket.on('resume', pauseAgain).pause()
    },
    noteConnection: () => {
      isConnecting = true
    },
    stop: () => {
      isStopping = true
      rests.endAll()
    },
  }
}

/** Node resumes a connection after each response, in order to skip what it has not read of the request's body. */
function pauseAgain(this: Socket): void {
  this.pause()
}

/** How long the connections of refused requests are not read. They are read again before their time while there is nothing to do (`isIdle`). */
function createRests(
  { isTrustedProxy, keepAliveTimeout }: Pick<OverloadOptions, 'isTrustedProxy' | 'keepAliveTimeout'>,
  limits: OverloadLimits,
  served: { perSecond(): number },
  isIdle: () => boolean,
) {
  const resting = createRestingConnections()
  let isWatching = false
  /** If all clients wait, no request arrives that could end their rests. So a timer checks. */
  const watch = () => {
    isWatching = resting.count > 0
    if (!isWatching) return
    const check = () => {
      if (isIdle()) resting.wakeSome(wokenAtATime)
      watch()
    }
    setTimeout(check, wakeInterval).unref()
  }
  return {
    /** In milliseconds. */
    lengthFor: (socket: Socket): number => {
      const [shortest, most] = limits.rest
      const longest = Math.min(most, keepAliveTimeout / 2)
      const perSecond = limits.refusedPerServed * served.perSecond()
      const rest = Math.min(longest, Math.max(shortest, (resting.count / perSecond) * 1_000))
      return isTrustedProxy(addressOf(socket)) ? rest * limits.proxyPart : rest
    },
    begin: (response: ServerResponse, socket: Socket, milliseconds: number, then: () => void): void => {
      resting.restAfter(response, socket, milliseconds, then)
      if (!isWatching) watch()
    },
    endAll: () => resting.wakeSome(Number.POSITIVE_INFINITY),
  }
}

/** How many requests per second are begun: in the last full second or in this one, whichever is more. */
function createRate() {
  let [begun, from, last] = [0, Number.NEGATIVE_INFINITY, 0]
  return {
    count: (at: number) => {
      begun += 1
      const elapsed = at - from
      if (elapsed < 1_000) return
      // After a quiet time, the average says nothing about what is possible.
      last = elapsed < 2_000 ? (begun / elapsed) * 1_000 : 0
      ;[begun, from] = [0, at]
    },
    perSecond: () => Math.max(last, begun, leastRate),
  }
}

/** Requests per second that the slowest machine serves. */
const leastRate = 200

/** Sends the 503: to a program as JSON, to a person as a page. Both are made once; only the id of the request is filled in. */
function createShedResponse({
  issuer,
  isForPrograms,
  brand,
}: Pick<OverloadOptions, 'issuer' | 'isForPrograms' | 'brand'>) {
  const error = new OAuthError('overloaded')
  const mark = newRequestId()
  const json = JSON.stringify(errorBody(issuer, error, mark)).split(mark)
  const pageHeaders = pageHeadersOf(issuer)
  const pages = new Map<string, readonly string[]>()
  const pageIn = (acceptLanguage: string | undefined) => {
    const language = chooseMessages(undefined, acceptLanguage)
    const known = pages.get(language.locale)
    if (known) return known
    const context = { ...language, brand }
    const codeHref = `/errors?request_id=${mark}#${error.entry}`
    const { status, code } = error
    const page = renderPage(OverloadPage({ page: context, status, requestId: mark, code, codeHref })).split(mark)
    pages.set(language.locale, page)
    return page
  }
  return ({ url = '', method, headers }: IncomingMessage, response: ServerResponse, rest: number): void => {
    const requestId = newRequestId()
    const isPage = headers.accept?.includes('text/html') === true && !isProgramUrl(isForPrograms, url)
    const body = (isPage ? pageIn(headers['accept-language']) : json).join(requestId)
    response.writeHead(error.status, {
      'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'retry-after': String(Math.ceil(rest / 1_000)),
      'x-content-type-options': 'nosniff',
      'x-request-id': requestId,
      ...(isPage ? pageHeaders : programHeaders),
    })
    response.end(method === 'HEAD' ? undefined : body)
  }
}

/** Allows the style of the page and no other (CSP Level 3 §8.4). */
const styleSource = `'sha256-${createHash('sha256').update(overloadStyle).digest('base64')}'`

/** Those of every page (page-scope.ts), for a page that has nothing to protect, and loads nothing. */
const pageHeadersOf = (issuer: string) => ({
  'content-security-policy': `default-src 'none';style-src ${styleSource};img-src data:;base-uri 'none';frame-ancestors 'none'`,
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'same-origin',
  ...(issuer.startsWith('https:') && { 'strict-transport-security': strictTransport }),
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
})

function isProgramUrl(isForPrograms: IsForPrograms, url: string): boolean {
  try {
    return isForPrograms(url)
  } catch {
    // An escape that cannot be decoded.
    return true
  }
}

/** One line when an overload begins and one when it is over. A line for each request would add to it. */
function createEpisodeLog(log: Log): { note(): void } {
  let requests = 0
  let seen = 0
  let timer: NodeJS.Timeout | undefined
  const check = () => {
    if (requests > seen) {
      seen = requests
      return
    }
    clearInterval(timer)
    log.warn({ requests }, 'The overload is over.')
    ;[requests, seen, timer] = [0, 0, undefined]
  }
  return {
    note: () => {
      requests += 1
      if (timer) return
      log.warn({}, 'More requests arrive than can be served in time. Some are refused with 503.')
      timer = setInterval(check, calm).unref()
    },
  }
}
