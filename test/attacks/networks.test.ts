import { connect } from 'node:net'
import t from 'tap'
import { createFairQueue, type FairQueue } from '../../src/platform/fair-queue.ts'
import { createPasswordHashing, hashQueueLimits } from '../../src/records/accounts/password-hashing.ts'
import { eventually } from '../support/eventually.ts'
import { cheapHashing, startSignet } from '../support/idp.ts'
import { postForm } from './send.ts'

/** The server's queue, with a timeout that no slow machine reaches, and what the test observes of it. */
const inner = createFairQueue({ ...hashQueueLimits, timeoutMs: 600_000 })
let joined: string[] = []
let begun: string[] = []
let refused: string[] = []
const queue: FairQueue = {
  run: (source, work, signal) => {
    joined.push(source)
    const watched = () => {
      begun.push(source)
      return work()
    }
    return inner.run(source, watched, signal).catch((error: Error) => {
      refused.push(error.message)
      throw error
    })
  },
}

const passwords = createPasswordHashing(cheapHashing, queue)
const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' }, { passwords })
const person = await idp.person()
const { database } = idp.signet

const signIn = (username: string, password: string, forwardedFor: string) =>
  postForm(idp, '/sign-in', new URLSearchParams({ username, password }).toString(), {
    origin: idp.issuer,
    'x-forwarded-for': forwardedFor,
  })

/** Occupies every slot of the queue until the returned function is called. */
function holdSlots(): () => Promise<unknown> {
  let letGo = () => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const all = Array.from({ length: hashQueueLimits.slots }, (_, slot) => inner.run(`held ${slot}`, () => held))
  return () => {
    letGo()
    return Promise.all(all)
  }
}

t.beforeEach(async () => {
  joined = []
  begun = []
  refused = []
  await database.query({ text: 'DELETE FROM rate_limits' })
})

for (const [kind, network, spelling] of [
  ['from one address with sixty ports', '203.0.113.7', (guess) => `203.0.113.7:${50_000 + guess}`],
  ['from one IPv6 address with sixty ports', '2001:db8::7', (guess) => `[2001:db8::7]:${50_000 + guess}`],
  [
    'behind a second proxy that has ports',
    '203.0.113.8',
    (guess) => `203.0.113.8:${guess}, 127.0.0.1:${50_000 + guess}`,
  ],
  ['from a proxy that gives each request a name', '127.0.0.1', (guess) => `192.0.2.${guess}, _${guess}`],
  ['with sixty texts that are not addresses', '127.0.0.1', (guess) => `${guess}.${'0x7f'.slice(guess % 4)}.1`],
] as readonly (readonly [string, string, (guess: number) => string])[])
  t.test(`sixty guesses ${kind} count for one network`, async (t) => {
    const { username, sub } = await idp.person()
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, guess) => signIn(username, 'wrong', spelling(guess))),
    )
    const count = (status: number) => answers.filter((answer) => answer.status === status).length
    t.ok(count(403) > 0 && count(403) <= 10, `${count(403)} were checked`)
    // A busy machine may turn some away.
    t.equal(count(403) + count(429) + count(503), 60)
    const { rows } = await database.query({
      text: "SELECT DISTINCT network FROM events WHERE type = 'sign_in_failed' AND sub = $1",
      values: [sub],
    })
    t.same(rows, [{ network }])
  })

t.test('if one network floods, its surplus is refused, and a person elsewhere waits for one hash only', async (t) => {
  const release = holdSlots()
  let answered = 0
  // A whole /48, of which each /64 is a separate network for the limits on guessing.
  const flood = Array.from({ length: 60 }, async (_, guess) => {
    const answer = await signIn(`nobody.${guess}`, 'wrong', `[2001:db8:1:${guess.toString(16)}::1]:443`)
    answered++
    return answer
  })
  // A busy machine may turn some away before they reach the hash queue.
  await eventually(
    'each request of the flood to wait for a hash or to be answered',
    () => answered + joined.length - refused.length,
    (count) => count === 60,
  )
  const surplus = joined.length - hashQueueLimits.maxWaitingPerSource
  t.ok(surplus > 0, `${joined.length} reached the hash queue`)
  const honest = signIn(person.username, person.password, '203.0.113.1')
  await eventually('the person to reach the hash queue', () => joined.includes('203.0.113.1'))
  t.same(begun, [])
  t.same(refused, new Array(surplus).fill('20 from the same source are already waiting.'))
  await release()
  t.match(await honest, { status: 303 })
  const answers = await Promise.all(flood)
  t.equal(begun.indexOf('203.0.113.1'), 1, begun.join())
  t.equal(answers.filter(({ status }) => status === 403).length, hashQueueLimits.maxWaitingPerSource)
  const busy = answers.filter(({ status }) => status === 503)
  for (const { headers, text } of busy) {
    t.match(headers, { 'retry-after': /^[1-9]\d*$/, 'cache-control': 'no-store' })
    t.match(text, 'id="sign-in"', 'the form remains available')
  }
  t.equal(idp.logged().split('"detail":"20 from the same source are already waiting."').length - 1, surplus)
  const outcomes = idp.signet.metrics.readings.signet_sign_ins_total()
  t.match(
    outcomes.find(({ labels }) => labels['outcome'] === 'busy'),
    { value: busy.length },
  )
})

t.test('the password of a client that has disconnected is not hashed', async (t) => {
  const release = holdSlots()
  const body = new URLSearchParams({ username: person.username, password: person.password }).toString()
  const socket = connect(idp.signet.settings.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(
    `POST /sign-in HTTP/1.1\r\nHost: ${new URL(idp.issuer).host}\r\nOrigin: ${idp.issuer}\r\nX-Forwarded-For: 198.51.100.9\r\n` +
      `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  await eventually('the request to reach the hash queue', () => joined.includes('198.51.100.9'))
  socket.destroy()
  await eventually('it to leave the queue', () => refused.length > 0)
  t.same(refused, ['The result is no longer needed.'])
  await release()
  t.match(await signIn(person.username, person.password, '198.51.100.10'), { status: 303 })
  t.same(begun, ['198.51.100.10'])
})

t.test('none of this caused a server error', async (t) => {
  t.notMatch(idp.logged(), '"level":50')
})
