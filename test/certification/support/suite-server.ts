import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** What the suite serves at one of its addresses. */
export interface SuiteDocument {
  readonly type: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** The part of the suite that providers call: keys, request objects, sector identifiers and logos of its clients. */
export interface SuiteServer {
  /** https, with the alias of the test: the suite's clients are at `${base}/callback` and so on. */
  readonly base: string
  readonly origin: string
  /** Serves a document and returns its address. */
  readonly serve: (path: string, document: SuiteDocument) => string
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
  const requested: string[] = []
  const server = createServer(certificate, (request, response) => {
    requested.push(request.url ?? '')
    const document = documents.get(request.url ?? '')
    if (!document) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': document.type, ...document.headers }).end(document.body)
  })
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
    certificate: certificate.cert,
    serve: (path, document) => {
      documents.set(new URL(base + path).pathname, document)
      return base + path
    },
  }
}
