import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createOutgoing, type OutgoingOptions } from '../../src/platform/outgoing/outgoing.ts'
import { OutgoingRequestFailed } from '../../src/platform/outgoing-request.ts'
import { outgoingToTests, serveHttps, serverName } from '../support/https-server.ts'

const options = { accept: '*/*', maxBytes: 1000 }

async function refusal(url: string, more: Partial<OutgoingOptions> = {}): Promise<string> {
  const error = await outgoingToTests(more)
    .get(url, options)
    .then(
      ({ body }) => new Error(`no refusal, but ${body}`),
      (error: unknown) => error,
    )
  if (!(error instanceof OutgoingRequestFailed)) throw error
  return error.message
}

const closed = { issuer: 'https://id.example', port: 4000, allowPrivateNetworks: [] }
const notPublic = /not one that the whole internet can reach/

t.test('a name that has only internal addresses is refused', async (t) => {
  const server = await serveHttps(t, (_request, reply) => reply.end('secret'))
  const addresses = [
    '127.0.0.1',
    '10.0.0.1',
    '::1',
    '::ffff:127.0.0.1',
    '0.0.0.0',
    '::',
    'fe80::1%lo',
    'fd00::1',
    '::127.0.0.1',
  ]
  for (const address of addresses)
    t.match(
      await refusal(server.url('/'), { settings: closed, resolve: async () => [address] }),
      /not allowed/,
      address,
    )
  t.match(await refusal('https://a.example/', { settings: closed, resolve: async () => [] }), /no address/)
  t.same(server.asked, [])
})

t.test(
  'a name whose address changes after the check does not lead to the second address (DNS rebinding)',
  async (t) => {
    const server = await serveHttps(t, (_request, reply) => reply.end('secret'))
    let count = 0
    // 192.0.2.1 answers nobody; it is opened here so that the check passes.
    const resolve = async () => {
      count += 1
      return [count === 1 ? '192.0.2.1' : '127.0.0.1']
    }
    const settings = { ...closed, allowPrivateNetworks: ['192.0.2.1'] }
    t.match(
      await refusal(server.url('/'), { settings, resolve, timeoutMs: 300 }),
      /request failed|no complete response/,
    )
    t.equal(count, 1, 'asked once for each request')
    t.same(server.asked, [])
  },
)

t.test('a connection to an address that was allowed is not used for a later request that is not', async (t) => {
  const server = await serveHttps(t, (_request, reply) =>
    reply.writeHead(200, { 'cache-control': 'no-store' }).end('ok'),
  )
  let address = '127.0.0.1'
  const outgoing = outgoingToTests({ resolve: async () => [address] })
  await outgoing.get(server.url('/1'), options)
  address = '10.0.0.1'
  await t.rejects(outgoing.get(server.url('/2'), options), notPublic)
  t.same(server.asked, ['/1'])
})

t.test('of several addresses, only those that are allowed are connected to', async (t) => {
  const good = await serveHttps(t, (_request, reply) => reply.end('good'))
  let connections = 0
  const trap = net.createServer((socket) => {
    connections += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => trap.listen(good.port, '127.0.0.2', resolve))
  t.teardown(() => trap.close())
  const mixed = { resolve: async () => ['127.0.0.2', '::1', '127.0.0.1', '10.0.0.1'] }
  const document = await outgoingToTests(mixed).get(good.url('/'), options)
  t.equal(String(document.body), 'good')
  t.equal(connections, 0)
  t.match(await refusal(good.url('/'), { ...mixed, settings: closed }), notPublic)
})

t.test('addresses in a URL are judged in every notation', async (t) => {
  const hosts = [
    ...['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '017700000001', '127.0.0.1.'],
    ...['①②⑦.⓪.⓪.①', '0', '0.0.0.0', '10.0.0.1', '0xa.1', '012.0.0.1', '169.254.169.254', '0xa9fea9fe', '2852039166'],
    ...['[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:a00:1]', '[::127.0.0.1]'],
    ...[
      '[64:ff9b::127.0.0.1]',
      '[64:ff9b:1::7f00:1]',
      '[2002:7f00:1::1]',
      '[2001:0:7f00:1::1]',
      '[fd00::1]',
      '[fe80::1]',
    ],
    ...['[fec0::1]', '[ff02::1]', '[100::1]', '[fd00:ec2::254]', '224.0.0.1', '255.255.255.255', '100.64.0.1'],
  ]
  const resolve = () => t.fail('nothing is looked up') as never
  for (const host of hosts)
    t.match(await refusal(`https://${host}/`, { settings: closed, resolve }), /not allowed/, host)
  for (const host of ['[fe80::1%25lo]', '[fe80::1%lo]', '256.256.256.256', '1.2.3.4.5', '[::1', '0x100000000'])
    t.match(await refusal(`https://${host}/`, { settings: closed, resolve }), /not an https URL/, host)
})

t.test('only https URLs without credentials are requested', async (t) => {
  const server = await serveHttps(t, (_request, reply) => reply.end('secret'))
  const url = server.url('/')
  for (const other of [
    url.replace('https', 'http'),
    'ftp://a.example/',
    'file:///etc/passwd',
    'data:,a',
    '//a.example',
    '',
  ])
    t.match(await refusal(other), /not an https URL/, other)
  for (const user of ['user@', 'user:password@', ':password@'])
    t.match(await refusal(url.replace('//', `//${user}`)), /user or a password/, user)
  t.same(server.asked, [])
})

t.test('without an entry for it, no other port than 443 is connected to', async (t) => {
  const settings = closed
  for (const port of [22, 80, 4443, 8443])
    t.match(
      await refusal(`https://a.example:${port}/`, { settings, resolve: async () => ['8.8.8.8'] }),
      /port is not 443/,
    )
})

t.test('the metadata service of a cloud is not in an opened range', async (t) => {
  const settings = { ...closed, allowPrivateNetworks: ['169.254.0.0/16', 'uniquelocal', 'metadata.google.internal'] }
  for (const host of ['169.254.169.254', '[fd00:ec2::254]', '0xa9fea9fe', '[::ffff:169.254.169.254]'])
    t.match(await refusal(`https://${host}/`, { settings }), /metadata service/, host)
  const resolve = async () => ['169.254.169.254']
  t.match(await refusal('https://metadata.google.internal/', { settings, resolve }), /metadata service/)
})

t.test('this server is not requested, by its name or by its address', async (t) => {
  const server = await serveHttps(t, (_request, reply) => reply.end('secret'))
  const own = (issuer: string, port: number) => ({
    settings: { issuer, port, allowPrivateNetworks: ['127.0.0.0/8', 'loopback', 'id.example'] },
  })
  const issuer = `https://${serverName}:${server.port}`
  for (const url of [
    server.url('/token'),
    `https://KEYS.example:${server.port}/`,
    `https://${serverName}.:${server.port}/`,
  ])
    t.match(await refusal(url, own(issuer, 1)), /this server itself/, url)
  for (const url of ['https://id.example/jwks', 'https://id.example:443/', 'https://id.example./'])
    t.match(await refusal(url, own('https://id.example', 1)), /this server itself/, url)
  for (const address of ['127.0.0.1', '127.0.0.2', '::1', '::ffff:127.0.0.1', '0.0.0.0', '::'])
    t.match(
      await refusal(server.url('/'), { ...own('https://id.example', server.port), resolve: async () => [address] }),
      /this server listens there|not allowed/,
      address,
    )
  t.same(server.asked, [])
})

t.test('redirects are not followed', async (t) => {
  const inside = await serveHttps(t, (_request, reply) => reply.end('secret'))
  for (const status of [301, 302, 303, 307, 308]) {
    const server = await serveHttps(t, (_request, reply) =>
      reply.writeHead(status, { location: inside.url('/') }).end('moved'),
    )
    t.match(await refusal(server.url('/')), `redirect (${status})`)
    t.same(server.asked, ['/'])
  }
  t.same(inside.asked, [])
})

t.test('a response that is not 200 is none', async (t) => {
  for (const status of [201, 204, 206, 400, 401, 404, 500, 503]) {
    const server = await serveHttps(t, (_request, reply) => reply.writeHead(status).end())
    t.equal(await refusal(server.url('/')), `the response has the status ${status}`)
  }
})

/** Sends for as long as the connection is open, and resolves when it is closed. */
function endless(t: Test, head: (reply: Parameters<RequestListener>[1]) => unknown) {
  const ended: Promise<unknown>[] = []
  const answer: RequestListener = (_request, reply) => {
    ended.push(once(reply, 'close'))
    head(reply)
    const more = () => {
      while (!reply.destroyed && reply.write('x'.repeat(10_000)));
    }
    reply.on('drain', more)
    more()
  }
  return { server: serveHttps(t, answer), ended: () => Promise.all(ended) }
}

t.test('a body that is too long is not read to its end', async (t) => {
  const { server, ended } = endless(t, (reply) => reply.writeHead(200))
  t.equal(await refusal((await server).url('/')), 'the response is longer than 1000 bytes')
  await ended()
  const announced = endless(t, (reply) => reply.writeHead(200, { 'content-length': 1e12 }))
  t.equal(await refusal((await announced.server).url('/')), 'the response is longer than 1000 bytes')
  await announced.ended()
})

t.test('a compressed body is refused before it is decompressed', async (t) => {
  const bombs: [string, Buffer][] = [
    ['gzip', gzipSync(Buffer.alloc(10_000_000))],
    ['br', brotliCompressSync(Buffer.alloc(1_000_000))],
    ['deflate', Buffer.alloc(10)],
    ['gzip, gzip', Buffer.alloc(10)],
    ['identity, gzip', Buffer.alloc(10)],
  ]
  for (const [encoding, body] of bombs) {
    const encodings: unknown[] = []
    const server = await serveHttps(t, (request, reply) => {
      encodings.push(request.headers['accept-encoding'])
      reply.writeHead(200, { 'content-encoding': encoding }).end(body)
    })
    t.match(await refusal(server.url('/')), /compressed/, encoding)
    t.same(encodings, ['identity'])
  }
})

t.test('headers that are too long are not read to their end', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, 'x'.repeat(1000)]))
  for (const headers of [many, { 'x-one': 'x'.repeat(20_000) }]) {
    const server = await serveHttps(t, (_request, reply) => reply.writeHead(200, headers).end('ok'))
    t.equal(await refusal(server.url('/')), 'the request failed (UND_ERR_HEADERS_OVERFLOW)')
  }
})

t.test('everything that is slow ends when the time is over', async (t) => {
  const slow = { timeoutMs: 200 }
  const timeIsOver = 'there was no complete response in time'
  const closings: Promise<unknown>[] = []
  const dripping = (begin: (reply: Parameters<RequestListener>[1]) => unknown): RequestListener => {
    return (_request, reply) => {
      closings.push(once(reply, 'close'))
      begin(reply)
    }
  }
  const ways: [string, RequestListener][] = [
    ['no headers', dripping(() => {})],
    [
      'headers, drop by drop',
      dripping((reply) =>
        drip(reply, (index) => reply.socket?.write(index ? `x-${index}: x\r\n` : 'HTTP/1.1 200 OK\r\n')),
      ),
    ],
    ['only informational responses', dripping((reply) => drip(reply, () => reply.writeProcessing()))],
    ['no body', dripping((reply) => reply.writeHead(200).flushHeaders())],
    ['a body, drop by drop', dripping((reply) => drip(reply, () => reply.write('x')))],
  ]
  for (const [name, answer] of ways) {
    const server = await serveHttps(t, answer)
    t.equal(await refusal(server.url('/'), slow), timeIsOver, name)
  }
  await Promise.all(closings)
  // No TLS, and no answer of DNS.
  const silent = net.createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  t.equal(await refusal(`https://${serverName}:${(silent.address() as AddressInfo).port}/`, slow), timeIsOver)
  t.equal(await refusal('https://a.example/', { ...slow, resolve: () => new Promise(() => {}) }), timeIsOver)
})

function drip(reply: Parameters<RequestListener>[1], send: (index: number) => unknown): void {
  let index = 0
  const timer = setInterval(() => {
    if (reply.destroyed) return clearInterval(timer)
    send(index)
    index += 1
  }, 5)
}

t.test('one host cannot take all places for requests, and those that wait are limited', async (t) => {
  const held: (() => void)[] = []
  const server = await serveHttps(t, (_request, reply) => held.push(() => reply.end('ok')))
  const slots = { overall: 3, perHost: 2, maxWaiting: 1, waitMs: 60_000 }
  const outgoing = outgoingToTests({
    slots,
    timeoutMs: 60_000,
    resolve: async () => ['127.0.0.1'],
  })
  const get = (path: string) => outgoing.get(server.url(path), options)
  const elsewhere = (host: string) => outgoing.get(`https://${host}.example:${server.port}/`, options)
  const [first, second] = [get('/1'), get('/2')]
  await t.rejects(get('/3'), /2 requests to the same host are already running/)
  // Their certificates are not valid for them, but they take a place until that is known.
  const [third, waiting] = [elsewhere('b'), elsewhere('c')]
  await t.rejects(elsewhere('d'), /too many requests to other servers are waiting/)
  for (const request of [third, waiting]) await t.rejects(request, /ERR_TLS_CERT_ALTNAME_INVALID/)
  while (held.length < 2) await new Promise((resolve) => setImmediate(resolve))
  for (const end of held) end()
  await Promise.all([first, second])
  const again = get('/3')
  while (held.length < 3) await new Promise((resolve) => setImmediate(resolve))
  held[2]?.()
  t.equal(String((await again).body), 'ok', 'a refusal because of the number is not remembered')
})

t.test('what anybody named takes no place and no room in the cache of what an operator registered', async (t) => {
  const server = await serveHttps(t, (_request, reply) => reply.end('keys'))
  const silent = net.createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const { port } = silent.address() as AddressInfo
  const slots = { overall: 3, perHost: 2, maxWaiting: 1, waitMs: 60_000 }
  const outgoing = outgoingToTests({ slots, timeoutMs: 3_000, cache: { maxEntries: 2, maxBytes: 10_000 } })
  const vouchedFor = { ...options, isVouchedFor: true }
  const first = await outgoing.get(server.url('/jwks'), vouchedFor)
  // As of a domain whose every name leads to the same server.
  const attack = Array.from({ length: 9 }, (_, index) =>
    outgoing.get(`https://a${index}.evil.example:${port}/`, options).catch((error: Error) => error.message),
  )
  // The same address, as others have named it, would share their fate.
  const shared = outgoing.get(server.url('/new'), options).catch((error: Error) => error.message)
  t.equal(String((await outgoing.get(server.url('/new'), vouchedFor)).body), 'keys')
  t.match(await shared, /too many requests to other servers are waiting/)
  await Promise.all(attack)
  t.equal(await outgoing.get(server.url('/jwks'), vouchedFor), first, 'still in the cache')
})

t.test('a server whose certificate is not valid for the name, or not trusted, is not asked', async (t) => {
  const server = await serveHttps(t, (_request, reply) => reply.end('secret'))
  t.match(await refusal(`https://other.example:${server.port}/`), /ERR_TLS_CERT_ALTNAME_INVALID/)
  const settings = { ...closed, allowPrivateNetworks: ['127.0.0.1'] }
  const withoutAuthority = createOutgoing({ settings, resolve: async () => ['127.0.0.1'] })
  await t.rejects(withoutAuthority.get(server.url('/'), options), /DEPTH_ZERO_SELF_SIGNED_CERT/)
  t.same(server.asked, [])
})

t.test('messages contain neither the body nor an address', async (t) => {
  const server = await serveHttps(t, (_request, reply) => reply.writeHead(500, 'SECRET REASON').end('SECRET BODY'))
  const unreachable = { resolve: async () => ['127.0.0.1'] }
  for (const message of [
    await refusal(server.url('/')),
    await refusal(`https://${serverName}:1/`, unreachable),
    await refusal('https://127.0.0.1/', { settings: closed }),
    await refusal('https://10.1.2.3/', { settings: closed }),
  ])
    t.notMatch(message, /SECRET|\d+\.\d+\.\d+\.\d+/, message)
})

t.test('a request says nothing about this server or its clients', async (t) => {
  let headers = {}
  const server = await serveHttps(t, (request, reply) => {
    headers = request.headers
    reply.end('ok')
  })
  await outgoingToTests().get(server.url('/path?a=b'), options)
  t.same(headers, {
    host: `${serverName}:${server.port}`,
    connection: 'keep-alive',
    accept: '*/*',
    'accept-encoding': 'identity',
    'user-agent': 'Signet',
  })
  t.same(server.asked, ['/path?a=b'])
})
