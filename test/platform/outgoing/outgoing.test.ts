import t from 'tap'
import type { Outgoing } from '../../../src/platform/outgoing/outgoing.ts'
import { OutgoingRequestFailed } from '../../../src/platform/outgoing-request.ts'
import { outgoingToTests, serveHttps } from '../../support/https-server.ts'

const options = { accept: 'text/plain', maxBytes: 1000 }

/** Clocks that tests move. */
function movableClocks() {
  let now = 1_000_000
  return {
    clocks: { wall: () => now, monotonic: () => now },
    pass: (seconds: number) => {
      now += seconds * 1000
    },
  }
}
const text = async (outgoing: Outgoing, url: string, more: Partial<Parameters<Outgoing['get']>[1]> = {}) =>
  String((await outgoing.get(url, { ...options, ...more })).body)
const failure = async (answer: Promise<unknown>) => {
  const error = await answer.then(
    (value) => value,
    (error: unknown) => error,
  )
  if (!(error instanceof OutgoingRequestFailed)) throw error
  return error.message
}

t.test('a document is kept for as long as its headers say', async (t) => {
  const { clocks, pass } = movableClocks()
  let count = 0
  const server = await serveHttps(t, (_request, reply) => {
    count += 1
    reply.writeHead(200, { 'cache-control': 'max-age=60', 'content-type': 'text/plain' }).end(String(count))
  })
  const outgoing = outgoingToTests({ clocks })
  t.same(await outgoing.get(server.url('/'), options), {
    body: Buffer.from('1'),
    contentType: 'text/plain',
    freshness: 60,
  })
  t.equal(await outgoing.get(server.url('/'), options), await outgoing.get(server.url('/'), options), 'the same object')
  pass(59)
  t.equal(await text(outgoing, server.url('/')), '1')
  pass(2)
  t.equal(await text(outgoing, server.url('/')), '2')
  t.equal(await text(outgoing, server.url('/other')), '3')
})

t.test('a header that is sent twice counts as a whole', async (t) => {
  const server = await serveHttps(t, (_request, reply) => {
    reply.setHeader('cache-control', ['max-age=60', 'no-store'])
    reply.setHeader('content-type', 'text/plain').end('1')
  })
  t.match(await outgoingToTests().get(server.url('/'), options), { contentType: 'text/plain', freshness: 0 })
})

t.test('a fragment is not sent, but with another one a kept document is not used', async (t) => {
  const requested: (string | undefined)[] = []
  const server = await serveHttps(t, (request, reply) => {
    requested.push(request.url)
    reply.writeHead(200, { 'cache-control': 'max-age=60' }).end(String(requested.length))
  })
  const outgoing = outgoingToTests()
  const get = (path: string) => text(outgoing, server.url(path))
  t.same([await get('/a?b#one'), await get('/a?b#two'), await get('/a?b#one')], ['1', '2', '1'])
  t.same(requested, ['/a?b', '/a?b'])
})

t.test('a fresh document is requested at most once in ten seconds', async (t) => {
  const { clocks, pass } = movableClocks()
  let count = 0
  const server = await serveHttps(t, (_request, reply) => {
    count += 1
    reply.end(String(count))
  })
  const outgoing = outgoingToTests({ clocks })
  const fresh = () => text(outgoing, server.url('/'), { fresh: true })
  t.equal(await fresh(), '1')
  pass(9)
  t.equal(await fresh(), '1')
  pass(2)
  t.same(await Promise.all([fresh(), fresh(), fresh()]), ['2', '2', '2'])
  t.equal(await text(outgoing, server.url('/')), '2', 'the new one is kept')
  t.equal(count, 2)
})

t.test('a document that must not be kept is requested each time, unless the caller limits that', async (t) => {
  const { clocks, pass } = movableClocks()
  let count = 0
  const server = await serveHttps(t, (_request, reply) => {
    count += 1
    reply.writeHead(200, { 'cache-control': 'no-store' }).end(String(count))
  })
  const outgoing = outgoingToTests({ clocks })
  t.same([await text(outgoing, server.url('/')), await text(outgoing, server.url('/'))], ['1', '2'])
  const kept = (fresh: boolean) => text(outgoing, server.url('/'), { keepFor: 10, fresh })
  t.same([await kept(false), await kept(false), await kept(true)], ['3', '3', '3'])
  pass(11)
  t.same([await kept(true), await kept(false)], ['4', '4'])
})

t.test('requests for the same document at the same time share one', async (t) => {
  const server = await serveHttps(t, (_request, reply) => reply.end('ok'))
  const outgoing = outgoingToTests()
  await Promise.all(Array.from({ length: 20 }, () => text(outgoing, server.url('/'))))
  t.same(server.asked, ['/'])
})

t.test('a failure is remembered for ten seconds', async (t) => {
  const { clocks, pass } = movableClocks()
  let status = 404
  const server = await serveHttps(t, (_request, reply) => reply.writeHead(status).end('ok'))
  const outgoing = outgoingToTests({ clocks })
  t.equal(await failure(text(outgoing, server.url('/'))), 'the response has the status 404')
  status = 200
  pass(9)
  for (const fresh of [true, false]) t.match(await failure(text(outgoing, server.url('/'), { fresh })), '404')
  t.equal(server.asked.length, 1)
  pass(2)
  t.equal(await text(outgoing, server.url('/')), 'ok')
})

t.test('a document that cannot be renewed stays for as long as it may be kept', async (t) => {
  const { clocks, pass } = movableClocks()
  let status = 200
  const server = await serveHttps(t, (_request, reply) =>
    reply.writeHead(status, { 'cache-control': 'max-age=60' }).end('ok'),
  )
  const outgoing = outgoingToTests({ clocks })
  const get = (fresh: boolean) => text(outgoing, server.url('/'), { fresh })
  t.equal(await get(false), 'ok')
  status = 500
  pass(30)
  t.match(await failure(get(true)), '500')
  t.equal(await get(false), 'ok')
  t.equal(await get(true), 'ok', 'within the cooldown')
  pass(31)
  t.match(await failure(get(false)), '500')
})

t.test('the cache has a limited number of documents and bytes', async (t) => {
  const server = await serveHttps(t, (_request, reply) => reply.end('x'.repeat(400)))
  for (const cache of [
    { maxEntries: 2, maxBytes: 1_000_000 },
    { maxEntries: 100, maxBytes: 2_100 },
  ]) {
    server.asked.length = 0
    const outgoing = outgoingToTests({ cache })
    for (const path of ['/1', '/2', '/1', '/3', '/1', '/2']) await text(outgoing, server.url(path))
    t.same(server.asked, ['/1', '/2', '/3', '/2'], 'the one that was not used for longest is dropped')
  }
})
