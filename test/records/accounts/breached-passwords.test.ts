import t, { type Test } from 'tap'
import { type BreachCheckOutcome, createBreachedPasswords } from '../../../src/records/accounts/breached-passwords.ts'
import { freePort } from '../../support/free-port.ts'
import { sha1, startRangeApi } from '../../support/range-api.ts'

const stolen = 'correct horse battery staple'
/** The rest of another password's hash. */
const others = '0018A45C4D1DEF81644B54AB7F969B88D65:12'

/** A check with everything that it counted and logged. It has no time limit, unless a test sets one. */
function observed(url: string | undefined, options: Parameters<typeof createBreachedPasswords>[3] = {}) {
  const outcomes: BreachCheckOutcome[] = []
  const logged: object[] = []
  const log = { warn: (details: object, message: string) => logged.push({ ...details, message }) }
  const { signal } = new AbortController()
  const check = createBreachedPasswords(url, log, (outcome) => outcomes.push(outcome), {
    startTimeLimit: () => signal,
    ...options,
  })
  return { isListed: check.isListed, outcomes, logged }
}

async function api(t: Test, ...passwords: string[]) {
  const server = await startRangeApi(t, ...passwords)
  return { ...server, ...observed(server.url) }
}

t.test(
  'only five characters of the hash leave, padding is asked for, and the program is named without its version',
  async (t) => {
    const { isListed, received } = await api(t)
    await isListed(stolen)
    t.equal(received.length, 1)
    const [request = ''] = received
    t.ok(request.startsWith(`GET /range/${sha1(stolen).slice(0, 5)}\n`))
    t.match(request, /^add-padding\ntrue$/im)
    t.match(request, /^user-agent\nSignet$/im)
    t.notMatch(request.toUpperCase(), sha1(stolen).slice(0, 6))
    t.notMatch(request, /horse/)
  },
)

t.test(
  'a password in the collection is found, in any case of letters of the hash, and another one is not',
  async (t) => {
    const { isListed, outcomes, answerWith } = await api(t, stolen)
    t.equal(await isListed(stolen), true)
    t.equal(await isListed('quiet lamps over harbours'), false)
    answerWith((_request, reply) => reply.end(`\ufeff${sha1(stolen).slice(5).toLowerCase()}:1\n`))
    t.equal(await isListed(stolen), true)
    t.same(outcomes, ['listed', 'unlisted', 'listed'])
  },
)

t.test('padding, which has the count 0, is not in the collection', async (t) => {
  const { isListed, outcomes, answerWith } = await api(t)
  answerWith((_request, reply) => reply.end(`${sha1(stolen).slice(5)}:0\r\n`))
  t.equal(await isListed(stolen), false)
  t.same(outcomes, ['unlisted'])
})

t.test('a password is looked up as it was typed and as it is stored, with one request for each form', async (t) => {
  const typed = 'ｃｏｒｒｅｃｔ horse battery'
  const normalized = 'correct horse battery'
  for (const form of [typed, normalized]) {
    const { isListed, received } = await api(t, form)
    t.equal(await isListed(typed), true, form)
    t.same(
      received.map((request) => request.split('\n')[0]).sort(),
      [typed, normalized].map((one) => `GET /range/${sha1(one).slice(0, 5)}`).sort(),
    )
  }
  const { isListed, received } = await api(t, normalized)
  t.equal(await isListed(normalized), true)
  t.equal(received.length, 1)
})

t.test('when one of two forms is found, it does not matter that the other one could not be looked up', async (t) => {
  const typed = 'ｃｏｒｒｅｃｔ horse battery'
  const { isListed, outcomes, answerWith } = await api(t)
  answerWith((request, reply) => {
    if (request.url?.endsWith(sha1(typed).slice(0, 5))) reply.end(`${sha1(typed).slice(5)}:7`)
    else reply.writeHead(500).end()
  })
  t.equal(await isListed(typed), true)
  t.same(outcomes, ['listed'])
})

t.test('a server that does not answer, or not with a range, keeps nobody from setting a password', async (t) => {
  const unusable: Record<string, Parameters<Awaited<ReturnType<typeof api>>['answerWith']>[0]> = {
    'the response has the status 500': (_request, reply) => reply.writeHead(500).end('error'),
    'the response has the status 404': (_request, reply) => reply.writeHead(404).end(),
    'the response has the status 302': (_request, reply) => reply.writeHead(302, { location: '/range/00000' }).end(),
    'the response is not a list of hashes': (_request, reply) => reply.end('<!doctype html><title>Portal</title>'),
    'the response is longer than 1048576 bytes': (_request, reply) => reply.end(`${others}\r\n`.repeat(40_000)),
  }
  for (const [reason, answer] of Object.entries(unusable)) {
    const { isListed, outcomes, logged, answerWith, received } = await api(t, stolen)
    answerWith(answer)
    t.equal(await isListed(stolen), false, reason)
    t.same(outcomes, ['failed'])
    t.match(logged, [{ reason, passwords: 1, message: /accepted without/ }])
    t.equal(received.length, 1, 'a redirect is not followed, and nothing is tried again')
    for (const part of [stolen, sha1(stolen).slice(0, 5)]) t.notMatch(JSON.stringify(logged), part)
  }
  for (const body of ['', '\r\n', `${others}\r\nand more`, others.replace(':12', ''), 'null', '{}']) {
    const { isListed, outcomes, answerWith } = await api(t)
    answerWith((_request, reply) => reply.end(body))
    t.equal(await isListed(stolen), false)
    t.same(outcomes, ['failed'], JSON.stringify(body))
  }
  const nobody = observed(`http://127.0.0.1:${await freePort()}/range/`)
  t.equal(await nobody.isListed(stolen), false)
  t.same(nobody.outcomes, ['failed'])
  t.match(nobody.logged, [{ reason: 'the request failed (ECONNREFUSED)' }])
})

t.test('the time limit covers the headers and the body', async (t) => {
  for (const part of ['nothing', 'headers', 'half a body']) {
    const limit = new AbortController()
    const { url, answerWith } = await startRangeApi(t, stolen)
    const { isListed, outcomes, logged } = observed(url, { startTimeLimit: () => limit.signal })
    answerWith((_request, reply) => {
      if (part === 'nothing') return limit.abort()
      reply.flushHeaders()
      reply.write(part === 'headers' ? '' : `${sha1(stolen).slice(5)}:1\r\n`, () => limit.abort())
    })
    t.equal(await isListed(stolen), false, part)
    t.same(outcomes, ['timeout'])
    t.match(logged, [{ reason: 'there was no response in time' }])
  }
})

t.test('a wave of new passwords does not hold any number of connections to a slow server', async (t) => {
  const { isListed, outcomes, logged, received, answerWith } = await api(t, stolen)
  const waiting: (() => void)[] = []
  let allArrived = () => {}
  const arrived = new Promise<void>((resolve) => {
    allArrived = resolve
  })
  answerWith((_request, reply) => {
    waiting.push(() => reply.end(others))
    if (waiting.length === 50) allArrived()
  })
  const checks = Array.from({ length: 60 }, (_, index) => isListed(`${stolen} ${index}`))
  await arrived
  t.same(outcomes, Array(10).fill('failed'), 'those above the limit do not wait')
  t.match(logged, [{ reason: /too many/ }])
  for (const answer of waiting) answer()
  await Promise.all(checks)
  t.equal(received.length, 50)
  answerWith(undefined)
  t.equal(await isListed(stolen), true, 'the places are free again')
})

t.test('failures are logged once a minute, with their number', async (t) => {
  let time = 0
  const { isListed, logged, outcomes } = observed(`http://127.0.0.1:${await freePort()}/range/`, { now: () => time })
  for (let second = 0; second < 120; second += 20) {
    time = second * 1000
    await isListed(stolen)
  }
  t.match(logged, [{ passwords: 1 }, { passwords: 3 }])
  t.equal(outcomes.length, 6)
})

t.test('without a URL nothing is looked up and nothing counted', async (t) => {
  const { isListed, outcomes } = observed(undefined)
  t.equal(await isListed(stolen), false)
  t.same(outcomes, [])
})
