import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import type { Test } from 'tap'

/** What the suite serves at one of its addresses. */
export interface SuiteDocument {
  readonly type: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** What a provider or a browser has sent to the suite. */
export interface ReceivedRequest {
  readonly method: string | undefined
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly tlsVersion: string | null
}

/** The part of the suite that providers call: keys, request objects, sector identifiers and logos of its clients, and where these are told of logouts. */
export interface SuiteServer {
  /** https, with the alias of the test: the suite's clients are at `${base}/callback` and so on. */
  readonly base: string
  readonly origin: string
  /** Serves a document and returns its address. */
  readonly serve: (path: string, document: SuiteDocument) => string
  /** The next request at a path, which is answered with 200. Nothing is served there otherwise. */
  readonly expect: (path: string) => Promise<ReceivedRequest>
  /** Logouts of which the suite was told without a module that expects it, by method and path. The suite fails the module. */
  readonly unexpected: string[]
  /** PEM; its own authority. */
  readonly certificate: string
  /** The paths that were requested, in order. */
  readonly requested: string[]
}

/** The name of the suite. It has no address: `startSuite` tells Signet which one it has. */
export const suiteName = 'suite.example'

/** Starts it with a certificate for its name. It stops when the test ends. */
export async function startSuiteServer(t: Test, certificate: { cert: string; key: string }): Promise<SuiteServer> {
  const documents = new Map<string, SuiteDocument>()
  const expected = new Map<string, (request: ReceivedRequest) => void>()
  const [requested, unexpected]: [string[], string[]] = [[], []]
  const server = createServer(certificate, (request, response) => {
    requested.push(request.url ?? '')
    const document = documents.get(request.url ?? '')
    if (document) response.writeHead(200, { 'content-type': document.type, ...document.headers }).end(document.body)
    else answer(request, response).catch(() => response.destroy())
  })
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', origin)
    const isExpected = expected.get(url.pathname)
    expected.delete(url.pathname)
    const { method, headers, socket } = request
    const body = await text(request)
    if (!isExpected && /_logout$/.test(url.pathname)) unexpected.push(`${method} ${url.pathname}`)
    response.writeHead(isExpected ? 200 : 404, { 'cache-control': 'no-store' }).end()
    isExpected?.({ method, url, headers, body, tlsVersion: (socket as TLSSocket).getProtocol() })
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `https://${suiteName}:${(server.address() as AddressInfo).port}`
  const base = `${origin}/test/a/signet`
  return {
    base,
    origin,
    requested,
    unexpected,
    expect: (path) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`nothing arrived at ${path}`)), 10_000)
        expected.set(new URL(base + path).pathname, (request) => {
          clearTimeout(late)
          resolve(request)
        })
      }),
    certificate: certificate.cert,
    serve: (path, document) => {
      documents.set(new URL(base + path).pathname, document)
      return base + path
    },
  }
}
