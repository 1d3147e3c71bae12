import t from 'tap'
import type { Outgoing } from '../../../src/platform/outgoing/outgoing.ts'
import { OutgoingRequestFailed } from '../../../src/platform/outgoing-request.ts'
import { eventually } from '../../support/eventually.ts'
import { outgoingToTests, serveHttps } from '../../support/https-server.ts'

/** No request here runs into the time limit, however slow the machine is. */
const timeoutMs = 60_000

const form = { logout_token: 'a token+/=&' }

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
const post = (outgoing: Outgoing, url: string, more: Partial<Parameters<Outgoing['post']>[2]> = {}) =>
  outgoing.post(url, form, { isVouchedFor: true, ...more })
/** Why a request failed. */
const failure = async (answer: Promise<unknown>) => {
  const error = await answer.then(
    (value) => new Error(`It did not fail, but gave ${value}`),
    (error: unknown) => error,
  )
  if (!(error instanceof OutgoingRequestFailed)) throw error
  return error.message
}

t.test('what may not be asked is not asked', async (t) => {
  const server = await serveHttps(t, (_request, reply) => reply.end())
  const outgoing = outgoingToTests()
  const refused = outgoingToTests({ settings: { issuer: 'https://id.example', port: 4000, allowPrivateNetworks: [] } })
  t.match(await failure(post(refused, server.url('/'))), /not allowed/)
  t.match(await failure(post(outgoing, 'http://keys.example/')), /not an https URL/)
  t.match(await failure(post(outgoing, 'https://a:b@keys.example/')), /a user or a password/)
  t.match(await failure(post(outgoing, 'https://id.example/logout')), /this server itself/)
  t.match(await failure(post(outgoing, 'https://169.254.169.254/')), /metadata service/)
  t.match(await failure(post(outgoingToTests({ ca: 'none' }), server.url('/'))), /failed/)
  t.same(server.asked, [])
})

t.test('the form arrives as it is, and every status is an answer', async (t) => {
  const bodies: string[] = []
  const server = await serveHttps(t, async (request, reply) => {
    let body = ''
    for await (const chunk of request) body += chunk
    bodies.push(`${request.method} ${request.headers['content-type']} ${body}`)
    const status = Number(request.url?.slice(1, 4))
    reply.writeHead(status, status === 302 ? { location: server.url('/200') } : {})
    if (request.url?.endsWith('huge')) reply.end(Buffer.alloc(2_000_000))
    else if (request.url?.endsWith('endless')) reply.write('x')
    else reply.end()
  })
  const outgoing = outgoingToTests({ timeoutMs })
  for (const path of ['/200', '/204', '/302', '/400', '/500', '/200-huge', '/200-endless', '/503-endless'])
    t.equal(await post(outgoing, server.url(path)), Number(path.slice(1, 4)), path)
  t.same(bodies.length, 8, 'no redirect was followed')
  t.same([...new Set(bodies)], ['POST application/x-www-form-urlencoded logout_token=a+token%2B%2F%3D%26'])
})

t.test('a host that does not respond gets one request from time to time, until it responds', async (t) => {
  const { clocks, pass } = movableClocks()
  let isDead = true
  const hanging: (() => void)[] = []
  const server = await serveHttps(t, (_request, reply) => {
    if (isDead) hanging.push(() => reply.destroy())
    else reply.end()
  })
  const fine = await serveHttps(t, (_request, reply) => reply.end())
  const outgoing = outgoingToTests({ clocks, timeoutMs })
  const dead = server.url('/')
  /** Sends a request that waits in vain, as one that runs into the time limit. */
  const waitInVain = async () => {
    const before = hanging.length
    const waiting = failure(post(outgoing, dead))
    await eventually('the request', () => hanging.length === before + 1)
    pass(5)
    hanging.at(-1)?.()
    return waiting
  }

  t.match(await waitInVain(), /request failed/)
  t.match(await failure(post(outgoing, dead)), /did not respond to the request before/)
  t.equal(await post(outgoing, fine.url('/')), 200, 'other hosts are not affected')
  pass(29)
  t.match(await failure(post(outgoing, dead)), /did not respond/)
  pass(2)
  t.match(await waitInVain(), /request failed/, 'after half a minute it is tried once more')
  pass(31)
  t.match(await failure(post(outgoing, dead)), /did not respond/, 'then it is left alone for longer')
  pass(30)
  const before = hanging.length
  const probe = failure(post(outgoing, dead))
  await eventually('the probe', () => hanging.length === before + 1)
  t.match(await failure(post(outgoing, dead)), /did not respond/, 'one at a time finds out')
  isDead = false
  pass(5)
  hanging.at(-1)?.()
  await probe
  pass(300)
  t.equal(await post(outgoing, dead), 200)
  t.equal(await post(outgoing, dead), 200)
})

t.test('a host at which two requests have been waiting for a second gets no third one', async (t) => {
  const { clocks, pass } = movableClocks()
  const hanging: (() => void)[] = []
  const server = await serveHttps(t, (_request, reply) => {
    hanging.push(() => reply.end())
  })
  const outgoing = outgoingToTests({ clocks, timeoutMs })
  const running = [post(outgoing, server.url('/1')), post(outgoing, server.url('/2')), post(outgoing, server.url('/3'))]
  await eventually('all of them', () => hanging.length === 3)
  pass(2)
  t.match(await failure(post(outgoing, server.url('/4'))), /earlier requests/)
  for (const end of hanging) end()
  t.same(await Promise.all(running), [200, 200, 200])
})

t.test('a host that fails at once is asked again at once', async (t) => {
  const server = await serveHttps(t, (request) => request.socket.destroy())
  const outgoing = outgoingToTests({ timeoutMs })
  for (let count = 1; count <= 3; count++) {
    t.match(await failure(post(outgoing, server.url('/'))), /request failed/)
    t.equal(server.asked.length, count)
  }
})

t.test(
  'those whom nobody vouched for take only their own places, and do not make a host look dead to others',
  async (t) => {
    const { clocks, pass } = movableClocks()
    const hanging: (() => void)[] = []
    const server = await serveHttps(t, (request, reply) => {
      if (request.url === '/hangs') hanging.push(() => reply.destroy())
      else reply.end()
    })
    const outgoing = outgoingToTests({ clocks, timeoutMs })
    const running = Array.from({ length: 8 }, () =>
      failure(outgoing.post(server.url('/hangs'), form, { isVouchedFor: false })),
    )
    await eventually('all of them', () => hanging.length === 8)
    t.match(await failure(outgoing.post(server.url('/other'), form, {})), /already running/)
    t.equal(await post(outgoing, server.url('/other')), 200)
    pass(5)
    for (const end of hanging) end()
    await Promise.all(running)
    t.match(await failure(outgoing.post(server.url('/other'), form, {})), /did not respond/)
    t.equal(await post(outgoing, server.url('/other')), 200)
  },
)

t.test('a request ends when the node stops', async (t) => {
  const server = await serveHttps(t, () => {})
  const stopping = new AbortController()
  const waiting = failure(post(outgoingToTests(), server.url('/'), { signal: stopping.signal }))
  await eventually('the request', () => server.asked.length === 1)
  stopping.abort()
  t.match(await waiting, /this server is stopping/)
  t.match(
    await failure(post(outgoingToTests(), server.url('/'), { signal: stopping.signal })),
    /this server is stopping/,
  )
  t.equal(server.asked.length, 1)
})
