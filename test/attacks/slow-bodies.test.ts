// Own process: it waits for most of its time.
import { Agent, get as httpGet } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { createServer, serverLimits } from '../../src/protocol/http/server.ts'
import { basic, startSignet } from '../support/idp.ts'
import { send, sendBytes } from './send.ts'

const idp = await startSignet(t)
const job = await idp.client({ grant_types: ['client_credentials'] })

/** The same server with two routes, and shorter timeouts than in production, so that a test can wait for them. */
const impatient = createServer(idp.signet.settings, idp.signet.log, () => {}, {
  ...{ ...serverLimits, headersTimeout: 400, requestTimeout: 800, connectionsCheckingInterval: 50 },
  ...{ keepAliveTimeout: 300, idleTimeout: 1200 },
})
impatient.get('/healthz', async () => ({ status: 'ok' }))
impatient.get('/large', async () => 'x'.repeat(20 * 1024 * 1024))
impatient.post('/token', async () => ({}))
await impatient.listen({ host: '127.0.0.1', port: 0 })
t.teardown(() => impatient.close())
const impatientPort = (impatient.server.address() as AddressInfo).port

const form = 'content-type: application/x-www-form-urlencoded\r\n'
const post = `POST /token HTTP/1.1\r\nhost: x\r\n${form}`

interface Slow {
  /** Sent immediately. */
  readonly first: string
  /** Sent after that, repeatedly. */
  readonly drop?: string
}

const slowClients: Record<string, Slow> = {
  'says nothing': { first: '' },
  'sends half a request line': { first: 'GET /hea' },
  'sends its headers octet by octet': { first: 'GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ', drop: 'a' },
  'sends header after header': { first: 'GET /healthz HTTP/1.1\r\nhost: x\r\n', drop: 'x: y\r\n' },
  'promises 32 KB and sends nothing': { first: `${post}content-length: 32768\r\n\r\n` },
  'sends its body octet by octet': { first: `${post}content-length: 32768\r\n\r\n`, drop: 'a' },
  'sends a body in chunks of one octet': { first: `${post}transfer-encoding: chunked\r\n\r\n`, drop: '1\r\na\r\n' },
  'waits for 100 Continue': { first: `${post}expect: 100-continue\r\ncontent-length: 9\r\n\r\n` },
  'is slow with its second request': {
    first: `GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n${post}content-length: 32768\r\n\r\n`,
    drop: 'a',
  },
}

interface Opened {
  readonly socket: Socket
  /** What arrived until the connection was closed. */
  readonly ended: Promise<string>
}

/** Opens a connection and sends as slowly as `slow` says, until it is closed. */
async function open(port: number, { first, drop }: Slow): Promise<Opened> {
  let came = ''
  const socket = connect(port, '127.0.0.1')
  let dripping: NodeJS.Timeout | undefined
  const ended = new Promise<string>((resolve) => {
    socket.on('data', (chunk) => {
      came += chunk.toString('latin1')
    })
    socket.on('error', () => {}) // A write after the end. 'close' follows in any case.
    socket.on('close', () => {
      clearInterval(dripping)
      resolve(came)
    })
  })
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write(first)
  if (drop !== undefined && !socket.destroyed) dripping = setInterval(() => socket.write(drop), 20)
  return { socket, ended }
}

const askForToken = () =>
  send(idp, {
    method: 'POST',
    path: '/token',
    headers: {
      authorization: basic(job.client_id, job.secret ?? ''),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'grant_type=client_credentials',
  })

t.test('hundreds of clients that never finish: other clients are answered meanwhile', async (t) => {
  const opened: Opened[] = []
  for (let round = 0; round < 40; round++)
    opened.push(...(await Promise.all(Object.values(slowClients).map((slow) => open(idp.signet.settings.port, slow)))))
  t.equal(opened.length, 360)
  const page = await idp.browser().get('/sign-in')
  const answers = await Promise.all(Array.from({ length: 20 }, askForToken))
  t.ok(
    opened.every(({ socket }) => !socket.destroyed && socket.readyState === 'open'),
    'none of the slow ones has left',
  )
  t.equal(page.status, 200)
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  for (const { socket } of opened) socket.destroy()
  await Promise.all(opened.map(({ ended }) => ended))
  t.equal((await send(idp, { path: '/readyz' })).status, 200, 'and after they have left')
})

t.test("these are the server's default limits", async (t) => {
  const { server } = createServer(idp.signet.settings, idp.signet.log, () => {})
  const { headersTimeout, requestTimeout, connectionsCheckingInterval, idleTimeout } = serverLimits
  t.match(server, { headersTimeout, requestTimeout, keepAliveTimeout: 130_000, timeout: idleTimeout })
  // To Node, 0 means no limit.
  t.ok([headersTimeout, requestTimeout, connectionsCheckingInterval, idleTimeout].every((limit) => limit > 0))
})

t.test('a connection without requests stays open for as long as the operator has set', async (t) => {
  const [long, short] = await Promise.all(
    ['620s', '1s'].map((time) => idp.another({ SIGNET_KEEP_ALIVE_TIMEOUT: time })),
  )
  const get = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'
  for (const [node, header] of [
    [idp, 'timeout=130'],
    [long, 'timeout=620'],
  ] as const)
    t.equal(
      (await send(node ?? idp, { path: '/healthz', headers: { connection: 'keep-alive' } })).headers['keep-alive'],
      header,
    )
  // It is longer than the timeouts for headers, for a request and for a silent client, none of which may cut it.
  t.match(await sendBytes(short ?? idp, get), /^HTTP\/1\.1 200 OK\r\n[\s\S]*Keep-Alive: timeout=1\r\n[\s\S]*\}$/i)
  const hastier = createServer({ ...idp.signet.settings, keepAliveTimeout: 600 }, idp.signet.log, () => {}, {
    ...{ headersTimeout: 200, requestTimeout: 300, connectionsCheckingInterval: 50, idleTimeout: 400 },
  })
  hastier.get('/', async () => 'here')
  t.teardown(() => hastier.close())
  await hastier.listen({ host: '127.0.0.1', port: 0 })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const ask = () =>
    new Promise<{ status: number | undefined; reused: boolean }>((resolve, reject) => {
      const request = httpGet(
        { agent, host: '127.0.0.1', port: (hastier.server.address() as AddressInfo).port },
        (response) =>
          response.resume().on('end', () => resolve({ status: response.statusCode, reused: request.reusedSocket })),
      ).on('error', reject)
    })
  t.same(await ask(), { status: 200, reused: false })
  await pause(1000)
  t.same(await ask(), { status: 200, reused: true }, 'a second later, on the same connection')
})

t.test('the server disconnects a client that', async (t) => {
  const waiting = Object.entries(slowClients).map(async ([name, slow]) => {
    const opened = await Promise.all(Array.from({ length: 10 }, () => open(impatientPort, slow)))
    return [name, slow, await Promise.all(opened.map(({ ended }) => ended))] as const
  })
  for (const [name, slow, came] of await Promise.all(waiting))
    t.test(name, async (t) => {
      const answers = came.map((text) =>
        text.replace(/^(HTTP\/1\.1 100 Continue\r\n\r\n|HTTP\/1\.1 200 OK\r\n[\s\S]*?\{[^}]*\})/, ''),
      )
      // A client that continues to send may find the connection closed before it has read why.
      const silent = slow.drop === undefined
      t.ok(
        answers.every((text) => text.startsWith('HTTP/1.1 408 ') || (!silent && text === '')),
        JSON.stringify([...new Set(answers)]),
      )
    })

  t.test('has had its response and asks for nothing more', async (t) => {
    const { ended } = await open(impatientPort, { first: 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n' })
    t.match(await ended, /^HTTP\/1\.1 200 /)
  })

  t.test('does not read the response', async (t) => {
    const closed = new Promise((resolve) =>
      impatient.server.once('connection', (taken) => taken.once('close', resolve)),
    )
    const greedy = connect(impatientPort, '127.0.0.1', () => greedy.write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n'))
    greedy.on('error', () => {})
    greedy.pause()
    await closed
    t.ok(greedy.bytesRead < 20 * 1024 * 1024, 'it had not read')
    greedy.destroy()
  })
})

t.test('a client that closes its half of the connection', async (t) => {
  const { port } = idp.signet.settings

  t.test('after a complete request gets the response', async (t) => {
    const { socket, ended } = await open(port, { first: 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n' })
    socket.end()
    t.match(await ended, /^HTTP\/1\.1 200 /)
  })

  t.test('in the middle of a request is disconnected, and the partial request has no effect', async (t) => {
    const { rows: before } = await idp.signet.database.query({ text: 'SELECT count(*) FROM events' })
    for (const half of [
      'GET /healthz HTTP/1.1\r\nhost: x\r\n',
      `${post}content-length: 100\r\n\r\ngrant_type=client_credentials`,
      `${post}authorization: ${basic(job.client_id, job.secret ?? '')}\r\ncontent-length: 100\r\n\r\ngrant_type=client_credentials`,
      `${post}transfer-encoding: chunked\r\n\r\n1d\r\ngrant_type=client_credentials\r\n`,
    ]) {
      const { socket, ended } = await open(port, { first: half })
      socket.end()
      t.match(await ended, /^(HTTP\/1\.1 400 |$)/)
    }
    t.same((await idp.signet.database.query({ text: 'SELECT count(*) FROM events' })).rows, before)
  })

  t.test('two hundred clients leave while their response is prepared: no database connection is lost', async (t) => {
    const body = 'grant_type=client_credentials'
    const first = `${post}authorization: ${basic(job.client_id, job.secret ?? '')}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    const logBefore = idp.logged().length
    const opened = await Promise.all(Array.from({ length: 200 }, () => open(port, { first })))
    for (const { socket } of opened) socket.resetAndDestroy()
    await Promise.all(opened.map(({ ended }) => ended))
    const answers = await Promise.all(Array.from({ length: 20 }, askForToken))
    t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
    t.notMatch(idp.logged().slice(logBefore), '"level":50')
  })
})

t.test('pipelined requests', async (t) => {
  const { port } = idp.signet.settings
  const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`
  const statuses = (came: string) => [...came.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status)

  t.test('are answered in order', async (t) => {
    const paths = Array.from({ length: 300 }, (_, index) => ['/readyz', '/no-such-path', '/userinfo'][index % 3] ?? '')
    const sent = paths.map((path, index) => get(path, index === 299 ? 'connection: close\r\n' : '')).join('')
    const { ended } = await open(port, { first: sent })
    t.same(
      statuses(await ended),
      paths.map((_, index) => ['200', '404', '401'][index % 3]),
    )
  })

  t.test('and a request in the body of another is not one', async (t) => {
    const inner = get('/assets/signet.css')
    const outer = `${post}content-length: ${inner.length}\r\n\r\n${inner}`
    const { ended } = await open(port, { first: `${outer}${get('/healthz', 'connection: close\r\n')}` })
    t.same(statuses(await ended), ['400', '200'])
  })

  t.test('hundreds from a client that never reads: other clients are answered', async (t) => {
    const greedy = connect(port, '127.0.0.1')
    greedy.pause()
    greedy.on('error', () => {})
    await new Promise((resolve) => greedy.once('connect', resolve))
    greedy.write(get('/assets/signet.css').repeat(400))
    const answers = await Promise.all(Array.from({ length: 20 }, askForToken))
    t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
    greedy.destroy()
  })
})
