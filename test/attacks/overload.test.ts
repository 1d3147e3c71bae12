import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { metricDeclarations } from '../../src/platform/metrics.ts'
import { createOverloadGuard, overloadLimits } from '../../src/protocol/http/overload.ts'
import { eventually } from '../support/eventually.ts'
import { defaultRedirectUri, type Idp, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { type Answer, type Sent, send as sendOn } from './send.ts'

/*
 * What happens while more requests arrive than can be served. The overload is not made by load but switched on: requests wait as if the
 * database was busy, and the queue for them is as long as the test says. A rest of an hour shows that nothing ends it but what is tested.
 */

const hour = 3_600_000
const load = { isCongested: false, maxWaiting: overloadLimits.maxWaiting, rest: [hour, hour] as [number, number] }
const overload = {
  isCongested: () => load.isCongested,
  limits: {
    ...overloadLimits,
    // A machine that is really busy must change nothing.
    ...{ patience: hour, deadline: hour, fewDeadline: hour },
    get maxWaiting() {
      return load.maxWaiting
    },
    get rest() {
      return load.rest
    },
  },
}
const idp = await startSignet(t, { SIGNET_LOG_LEVEL: 'info' }, { overload })
const machine = await idp.client({ grant_types: ['client_credentials'], scope: '' })
const { database } = idp.signet

/** Runs a part of a test in which all that may be refused is refused. */
async function whileOverloaded<T>(part: () => Promise<T>): Promise<T> {
  Object.assign(load, { isCongested: true, maxWaiting: 0 })
  try {
    return await part()
  } finally {
    Object.assign(load, { isCongested: false, maxWaiting: overloadLimits.maxWaiting, rest: [hour, hour] })
  }
}

/** On a new connection: one that was refused before is not read. */
const send = (idp: Idp, { headers, ...sent }: Sent) =>
  sendOn(idp, { ...sent, headers: { ...headers, connection: 'close' } })

/** A connection of its own that is kept open, without anything that would read responses or wait for them. */
async function open({ signet }: Idp) {
  const socket = connect(signet.settings.port, '127.0.0.1')
  let came = ''
  let isClosed = false
  socket.on('error', () => {})
  socket.setEncoding('latin1').on('data', (text) => (came += text))
  socket.once('close', () => (isClosed = true))
  t.teardown(() => socket.destroy())
  return {
    socket,
    isClosed: () => isClosed,
    statuses: () => Array.from(came.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => Number(status)),
    came: () => came,
  }
}
const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`

async function counts() {
  const { rows } = await database.query(
    'SELECT (SELECT count(*)::int FROM events) AS events, (SELECT count(*)::int FROM refusals) AS refusals',
  )
  return rows[0]
}

const shedCount = () =>
  idp.signet.metrics.readings.signet_requests_shed_total().reduce((sum, { value }) => sum + value, 0)

const isShed = ({ status, json, headers }: Pick<Answer, 'status' | 'json' | 'headers'>) =>
  status === 503 && json?.['error'] === 'temporarily_unavailable' && headers['retry-after'] !== undefined

t.test('health, metrics, keys and metadata are never refused; everything else is, at once', async (t) => {
  await whileOverloaded(async () => {
    for (const path of [
      ...['/healthz', '/readyz', '/metrics', '/.well-known/jwks.json', '/.well-known/jwks.json?x=1'],
      ...['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'],
    ])
      t.equal((await send(idp, { path })).status, 200, path)
    for (const [method, path] of [
      ...[
        ['POST', '/token'],
        ['POST', '/introspect'],
        ['POST', '/revoke'],
        ['POST', '/par'],
        ['GET', '/userinfo'],
      ],
      ...[
        ['GET', '/authorize'],
        ['GET', '/sign-in'],
        ['POST', '/sign-in'],
        ['GET', '/'],
        ['GET', '/assets/x.css'],
      ],
      ...[
        ['GET', '/healthz/'],
        ['GET', '//healthz'],
        ['GET', '/healthz/../token'],
        ['GET', '/%'],
        ['GET', '/none'],
      ],
    ] as const) {
      const answer = await send(idp, { method, path })
      t.ok(isShed(answer), `${method} ${path}`)
      t.match(answer.headers, {
        'retry-after': /^[1-9]\d*$/,
        'x-request-id': /^[0-9a-f]{16}$/,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      })
      t.match(answer.json?.['error_uri'], `request_id=${answer.headers['x-request-id']}#overloaded`)
    }
  })
  t.equal((await send(idp, { path: '/' })).status, 200)
})

t.test('a script of another origin can read the refusal, and its preflight is never refused', async (t) => {
  const origin = 'https://spa.example'
  const [preflight, refused, head] = await whileOverloaded(async () => [
    await send(idp, {
      method: 'OPTIONS',
      path: '/token',
      headers: { origin, 'access-control-request-method': 'POST' },
    }),
    await send(idp, { method: 'POST', path: '/token', headers: { origin } }),
    await send(idp, { method: 'HEAD', path: '/userinfo' }),
  ])
  t.equal(preflight.status, 204)
  t.match(refused.headers, { 'access-control-allow-origin': '*', 'access-control-expose-headers': /Retry-After/ })
  t.match(head, { status: 503, text: '', headers: { 'retry-after': String, 'content-length': /^\d{2,}$/ } })
})

t.test('a person gets a page in their language, with the headers of every other page', async (t) => {
  const headers = { accept: 'text/html,application/xhtml+xml', 'accept-language': 'de' }
  const ordinary = await send(idp, { path: '/sign-in?x', headers })
  const [page, again, program] = await whileOverloaded(async () => [
    await send(idp, { path: '/sign-in', headers }),
    await send(idp, { path: '/sign-in', headers: { accept: 'text/html' } }),
    await send(idp, { method: 'POST', path: '/token', headers }),
  ])
  t.match(page.text, /<html lang="de"[\s\S]*503[\s\S]*ein paar Sekunden/)
  t.match(page.text, `<code>${page.headers['x-request-id']}</code>`)
  t.match(again.text, /<html lang="en"[\s\S]*in a few seconds/)
  t.not(page.headers['x-request-id'], again.headers['x-request-id'])
  const security = /^(?:content-security|cross-origin|origin-agent|referrer|strict|x-(?!request-id))/
  const securityOf = (answer: Answer) =>
    Object.fromEntries(Object.entries(answer.headers).filter(([name]) => security.test(name)))
  const style = /<style>([\s\S]*?)<\/style>/.exec(page.text)?.[1] ?? ''
  const policy = String(ordinary.headers['content-security-policy'])
    .replace("script-src 'self';", '')
    .replace("style-src 'self'", `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`)
    .replace("img-src 'self'", 'img-src data:')
  t.same(securityOf(page), { ...securityOf(ordinary), 'content-security-policy': policy })
  const loaded = [...page.text.matchAll(/<(?:link|img|script|source|iframe)\b[^>]*?(?:href|src)="([^"]*)"/g)]
  t.same(
    loaded.map(([, address]) => address),
    ['data:,'],
    'nothing has to be loaded, because it would be refused, too, and the connection is not read',
  )
  const sheet = readFileSync(join(packageFolder, 'public/signet.css'), 'utf8')
  for (const [colour] of style.matchAll(/#[0-9a-f]{6}/g)) t.match(sheet, colour, 'the colours are those of other pages')
  t.ok(isShed(program), 'an endpoint for programs sends JSON, whatever the request accepts')
})

t.test('a refused request has used nothing up: the code still works, and there is no event', async (t) => {
  const client = await idp.client()
  const { code, pkce } = await signIn(idp, client)
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: defaultRedirectUri,
    code_verifier: pkce.verifier,
  }
  const before = await counts()
  const answers = await whileOverloaded(() => Promise.all([1, 2, 3].map(() => idp.token(client, form))))
  t.same(
    answers.map(({ status }) => status),
    [503, 503, 503],
  )
  t.same(await counts(), before)
  t.equal((await idp.token(client, form)).status, 200)
})

t.test('who waits for a turn is served in turn, and nothing is done for who has left', async (t) => {
  load.isCongested = true
  const before = servedAt('/token')
  const left = await open(idp)
  const body = `grant_type=client_credentials&client_id=${machine.client_id}&client_secret=${machine.secret}`
  const type = 'content-type: application/x-www-form-urlencoded'
  left.socket.write(`POST /token HTTP/1.1\r\nhost: a\r\n${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  const stays = idp.token(machine, { grant_type: 'client_credentials' })
  const wrong = idp.token({ ...machine, secret: 'wrong' }, { grant_type: 'client_credentials' })
  left.socket.destroy()
  await send(idp, { path: '/healthz' })
  load.isCongested = false
  t.equal((await stays).status, 200)
  t.equal((await wrong).status, 401)
  t.same(left.statuses(), [])
  t.equal(servedAt('/token'), before + 2)
})

t.test(
  'after a refusal the connection is not read, however much is sent there, until there is time again',
  async (t) => {
    const one = await open(idp)
    await whileOverloaded(async () => {
      one.socket.write(get('/first'))
      await eventually('the refusal', one.statuses, ([status]) => status === 503)
      const before = shedCount()
      // Node would parse and answer all of it.
      for (let count = 0; count < 500; count++) one.socket.write(get('/second'))
      await send(idp, { path: '/healthz' })
      await send(idp, { path: '/elsewhere' })
      t.equal(shedCount(), before + 1, 'only the one on another connection')
      t.same(one.statuses(), [503])
    })
    t.equal((await send(idp, { path: '/' })).status, 200)
    await eventually('all others to be served', one.statuses, ({ length }) => length === 501)
  },
)

t.test('it is read again when Retry-After has passed, even if the overload has not', async (t) => {
  await whileOverloaded(async () => {
    load.rest = [1, 1]
    const one = await open(idp)
    one.socket.write(get('/first'))
    await eventually('the refusal', one.statuses, ({ length }) => length === 1)
    one.socket.write(get('/second'))
    await eventually('the second one', one.statuses, ({ length }) => length === 2)
    one.socket.write(get('/.well-known/jwks.json'))
    await eventually('the keys', one.statuses, (statuses) => statuses[2] === 200)
    t.match(one.came(), /retry-after: 1\r\n/)
  })
})

t.test('a client that does not wait for responses gets one turn at a time, so it cannot fill the queue', async (t) => {
  Object.assign(load, { isCongested: true, maxWaiting: 2 })
  const greedy = await open(idp)
  greedy.socket.write(get('/greedy').repeat(100))
  await send(idp, { path: '/healthz' })
  const polite = [send(idp, { path: '/' }), send(idp, { path: '/' })]
  t.ok(isShed(await Promise.race(polite)), 'there are two places, of which it has one')
  Object.assign(load, { isCongested: false, maxWaiting: overloadLimits.maxWaiting })
  const statuses = (await Promise.all(polite)).map(({ status }) => status)
  t.same(statuses.sort(), [200, 503])
  await eventually('all to be served', greedy.statuses, ({ length }) => length === 100)
  t.same(new Set(greedy.statuses()), new Set([404]))
})

t.test(
  'what was sent behind a refused request is not lost, and costs nothing until the connection is read again',
  async (t) => {
    const greedy = await open(idp)
    const before = await whileOverloaded(async () => {
      const shed = shedCount()
      greedy.socket.write(get('/greedy').repeat(100))
      await eventually('the refusal', greedy.statuses, ({ length }) => length === 1)
      await send(idp, { path: '/healthz' })
      return shed
    })
    await eventually('the others to be served', greedy.statuses, ({ length }) => length === 100)
    t.same(greedy.statuses(), [503, ...Array(99).fill(404)])
    t.equal(shedCount(), before + 1)
  },
)

/** A server of its own, whose requests are begun as the guard says. */
async function guarded(t: Test, listener: RequestListener) {
  const guard = createOverloadGuard({
    ...{ issuer: 'https://id.example', log: idp.signet.log, brand: idp.signet.brand, keepAliveTimeout: hour },
    ...{ isTrustedProxy: () => false, isEssential: () => false, isForPrograms: () => true },
    ...{ isCongested: () => false, noteShed: () => {} },
    limits: overload.limits,
  })
  const begin = guard.before(listener)
  const seen = { requests: 0 }
  const server = createServer((request, response) => {
    seen.requests++
    begin(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  return { client, seen }
}

t.test('a client that does not wait for responses is read only as fast as it is served', async (t) => {
  const total = 5_000
  // Node reads at most 64 KiB at a time.
  const padded = `GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(600)}\r\n\r\n`
  const atATime = Math.ceil(65_536 / padded.length)
  let [served, most] = [0, 0]
  const { client, seen } = await guarded(t, (_request, response) => {
    served++
    most = Math.max(most, seen.requests - served)
    response.end()
  })
  client.resume().write(padded.repeat(total))
  await eventually('all to be served', () => served === total)
  t.ok(most <= overloadLimits.maxPipelined + atATime, `${most} waited at a time`)
})

t.test('what a client has sent that has left is not served', async (t) => {
  const left: boolean[] = []
  const { client } = await guarded(t, ({ socket }, response) => {
    left.push(socket.destroyed)
    socket.destroy()
    response.end()
  })
  client.write(get('/').repeat(100))
  await new Promise((done) => client.once('close', done))
  for (let turns = 0; turns < 300; turns++) await new Promise((done) => setImmediate(done))
  t.same(left, [false])
})

t.test('a stop ends connections that are not read', async (t) => {
  const other = await idp.another()
  const one = await open(other)
  await whileOverloaded(async () => {
    one.socket.write(get('/first'))
    await eventually('the refusal', one.statuses, ({ length }) => length === 1)
    one.socket.write(get('/second'))
    await other.stop()
    await eventually('the connection to be closed', one.isClosed)
  })
  t.pass('it did not wait for an hour')
})

t.test('a request that is refused after a stop has begun is the last on its connection', async (t) => {
  let deadline = hour
  const limits = {
    ...overload.limits,
    ...{ maxWaiting: 1, rest: [hour, hour] as const },
    get fewDeadline() {
      return deadline
    },
  }
  const other = await startSignet(t, {}, { overload: { isCongested: () => true, limits } })
  const one = await open(other)
  one.socket.write(get('/waits'))
  await send(other, { path: '/healthz' })
  const stopped = other.stop()
  const isRefused = () =>
    send(other, { path: '/healthz' }).then(
      () => false,
      () => true,
    )
  await eventually('the port to be closed', isRefused)
  deadline = -1
  await stopped
  t.match(one.came(), /^HTTP\/1\.1 503 [\s\S]*connection: close/i)
})

t.test('a connection of a trusted proxy rests for a tenth of the time, because others use it too', async (t) => {
  const limits = { ...overloadLimits, maxWaiting: 0, rest: [hour, hour] as const, proxyPart: 1e-6 }
  const trusting = { SIGNET_TRUST_PROXY: '127.0.0.1' }
  const behind = await startSignet(t, trusting, { overload: { isCongested: () => true, limits } })
  const proxy = await open(behind)
  proxy.socket.write(get('/of-a-stranger'))
  await eventually('the refusal', proxy.statuses, ({ length }) => length === 1)
  proxy.socket.write(get('/.well-known/jwks.json'))
  await eventually('somebody else to be served', proxy.statuses, (statuses) => statuses[1] === 200)
  t.equal(overloadLimits.proxyPart, 0.1)
})

t.test('each refusal is counted, and each overload is one line in the log', async (t) => {
  const before = { shed: shedCount(), log: idp.logged() }
  await whileOverloaded(async () => {
    for (let count = 0; count < 5; count++) await send(idp, { path: '/' })
  })
  t.equal(shedCount(), before.shed + 5)
  t.equal(
    idp
      .logged()
      .slice(before.log.length)
      .match(/"level":(?!30)/g)?.length ?? 0,
    0,
  )
  t.equal(idp.logged().split('More requests arrive than can be served in time').length - 1, 1)
  const { text } = await send(idp, { path: '/metrics' })
  for (const reason of metricDeclarations.signet_requests_shed_total.labels.reason)
    t.match(text, `signet_requests_shed_total{reason="${reason}"}`)
  t.match(text, /signet_refusals_total\{entry="overloaded"\} [1-9]/)
  t.match(text, /signet_http_request_duration_seconds_count\{route="none",method="GET",status="5xx"\} [1-9]/)
})

t.test('two servers of one process, such as those for both addresses of localhost, have one queue', async (t) => {
  const refused: string[] = []
  let isCongested = true
  const guard = createOverloadGuard({
    ...{ issuer: 'https://id.example', log: idp.signet.log, brand: idp.signet.brand, keepAliveTimeout: hour },
    ...{ isTrustedProxy: () => false, isEssential: () => false, isForPrograms: () => true },
    isCongested: () => isCongested,
    noteShed: (_method, reason) => refused.push(reason),
    limits: { ...overloadLimits, patience: hour, deadline: hour, maxWaiting: 1 },
  })
  const [one, other] = await Promise.all(
    ['one', 'other'].map(async (name) => {
      const server = createServer(guard.before((_request, response) => response.end(name)))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      t.teardown(() => server.close())
      return (server.address() as AddressInfo).port
    }),
  )
  let hasArrived = false
  const first = request({ port: one, agent: false }).once('socket', (socket) =>
    socket.once('connect', () => (hasArrived = true)),
  )
  const served = new Promise<string>((resolve, reject) =>
    first.once('error', reject).once('response', (response) => response.setEncoding('utf8').once('data', resolve)),
  )
  first.end()
  await eventually('the first request to be sent', () => hasArrived)
  const second = await fetch(`http://127.0.0.1:${other}/`, { headers: { connection: 'close' } })
  t.equal(second.status, 503)
  t.same(refused, ['queue_full'])
  isCongested = false
  t.equal(await served, 'one', 'each with its own listener')
})

function servedAt(route: string): number {
  return idp.signet.metrics.readings
    .signet_http_request_duration_seconds()
    .filter(({ labels, metricName }) => labels['route'] === route && metricName?.endsWith('_count'))
    .reduce((sum, { value }) => sum + value, 0)
}
