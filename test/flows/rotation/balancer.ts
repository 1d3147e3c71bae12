import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Test } from 'tap'

/** Headers that must be forwarded, to a node and back. */
const [there, back] = [
  ['authorization', 'content-type', 'accept', 'if-none-match'],
  ['content-type', 'cache-control', 'etag'],
]

/** Stands in front of the nodes: sends each request to the next node in turn, or to another one if that cannot be reached. */
export async function startBalancer(t: Test, port: number, nodes: readonly string[]): Promise<void> {
  let turn = 0
  await serve(t, port, async (request, response) => {
    const headers = Object.fromEntries(there.map((name) => [name, String(request.headers[name] ?? '')]))
    const body = request.method === 'POST' ? Buffer.concat(await request.toArray()) : null
    const first = turn++
    const reasons: string[] = []
    for (let tries = 0; tries < nodes.length; tries++) {
      const node = nodes[(first + tries) % nodes.length]
      const answer = await fetch(`${node}${request.url}`, {
        method: request.method ?? 'GET',
        headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== '')),
        body,
        redirect: 'manual',
      }).catch((error: Error) => {
        reasons.push(`${node}: ${error.cause ?? error}`)
        return undefined
      })
      if (!answer) continue
      for (const name of back) if (answer.headers.has(name)) response.setHeader(name, answer.headers.get(name) ?? '')
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()))
      return
    }
    response.writeHead(502, { 'content-type': 'text/plain' }).end(reasons.join('\n'))
  })
}

/**
 * A cache that serves its copy of the JWK Set for a fixed time, whatever the response headers say: for libraries that fetch the set again
 * for each unknown kid.
 *
 * @param keeps milliseconds
 */
export async function startCache(t: Test, port: number, issuer: string, keeps: number): Promise<void> {
  let set: { readonly body: Promise<string>; readonly at: number } | undefined
  await serve(t, port, async (request, response) => {
    if (!set || performance.now() - set.at >= keeps)
      set = { at: performance.now(), body: fetch(`${issuer}${request.url}`).then((answer) => answer.text()) }
    response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(await set.body)
  })
}

async function serve(
  t: Test,
  port: number,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<void> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
}
