import { once } from 'node:events'
import http, { type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { fetchText, OutgoingRequestFailed } from '../../src/platform/outgoing-request.ts'
import { freePort } from '../support/free-port.ts'

async function serve(t: Test, answer: RequestListener): Promise<string> {
  const server = http.createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

const never = new AbortController().signal
const get = (url: string, signal = never) => fetchText(url, { headers: { 'x-sent': 'yes' }, signal, maxBytes: 1000 })
const failure = async (answer: Promise<string>) => {
  const error = await answer.then(
    (text) => `no failure, but ${text}`,
    (error: unknown) => error,
  )
  if (!(error instanceof OutgoingRequestFailed)) throw error
  return error.message
}

t.test('a redirect is not followed', async (t) => {
  const asked: (string | undefined)[] = []
  const url = await serve(t, (request, reply) => {
    asked.push(request.url)
    reply.writeHead(302, { location: '/elsewhere' }).end('moved')
  })
  t.equal(await failure(get(url)), 'the response has the status 302')
  t.same(asked, ['/'])
})

t.test(
  'a body that is too long is not read to its end, not even if it is small until it is decompressed',
  async (t) => {
    const closed: Promise<unknown>[] = []
    const endless = await serve(t, (_request, reply) => {
      closed.push(once(reply, 'close'))
      const more = () => {
        while (!reply.destroyed && reply.write('x'.repeat(10_000)));
      }
      reply.on('drain', more)
      more()
    })
    const compressed = await serve(t, (_request, reply) => {
      reply.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(100_000)))
    })
    for (const url of [endless, compressed]) t.equal(await failure(get(url)), 'the response is longer than 1000 bytes')
    await Promise.all(closed)
  },
)

t.test('the signal also ends a body that never ends', async (t) => {
  const limit = new AbortController()
  const url = await serve(t, (_request, reply) => {
    reply.write('some text', () => limit.abort())
  })
  t.equal(await failure(get(url, limit.signal)), 'there was no response in time')
})

t.test('a failure names the reason and not the URL', async (t) => {
  t.equal(await failure(get(`http://127.0.0.1:${await freePort()}/path`)), 'the request failed (ECONNREFUSED)')
  const url = await serve(t, (request) => request.socket.destroy())
  t.match(await failure(get(`${url}path`)), /^the request failed \(/)
  t.notMatch(await failure(get(`${url}path`)), /path/)
})

t.test('a text arrives with its headers sent, also if it is compressed', async (t) => {
  const url = await serve(t, (request, reply) => {
    const body = `x-sent: ${request.headers['x-sent']}`
    if (request.url === '/gzip') reply.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body))
    else reply.end(body)
  })
  t.equal(await get(url), 'x-sent: yes')
  t.equal(await get(`${url}gzip`), 'x-sent: yes')
})
