// Own process: it measures time.
import t from 'tap'
import { jobsSchemaOf } from '../../src/platform/database/job-schema.ts'
import { basic, startSignet } from '../support/idp.ts'
import { postForm } from './send.ts'

/**
 * How much greater `some` are than `others`, by the Mann–Whitney rank test, in standard deviations of the result of chance. Only the order
 * of the samples counts, so a sample that was delayed for a second weighs no more than any other.
 */
function rankExcess(some: readonly number[], others: readonly number[]): number {
  let wins = 0
  for (const a of some) for (const b of others) wins += a > b ? 1 : a === b ? 0.5 : 0
  const pairs = some.length * others.length
  return (wins - pairs / 2) / Math.sqrt((pairs * (some.length + others.length + 1)) / 12)
}

/** Chance exceeds this once in three million times. */
const certain = 5

/** Whether `some` took longer than one and a half times `others`: a difference that is measurable from far away. */
const tookLonger = (some: readonly number[], others: readonly number[]) =>
  rankExcess(
    some,
    others.map((milliseconds) => milliseconds * 1.5),
  ) > certain

t.test('the statistic', async (t) => {
  /** Made-up samples, with the spread and the outliers of a busy machine, identical in each run. */
  const samples = (typical: number, seed: number) =>
    Array.from({ length: 40 }, (_, index) => {
      const chance = (((index + seed) * 7919) % 101) / 101
      return typical * (0.7 + chance) + (chance > 0.95 ? 500 : 0)
    })

  t.test('detects a hash that one side omits', async (t) => {
    t.ok(tookLonger(samples(40, 1), samples(4, 2)))
    t.notOk(tookLonger(samples(4, 2), samples(40, 1)), 'and which side it is')
    t.ok(tookLonger(samples(40, 1), samples(8, 2)), 'a fifth of the hash is detected, too')
  })
  t.test('detects a second hash on one side if the machine is quiet', async (t) => {
    const quiet = (typical: number) => Array.from({ length: 40 }, (_, index) => typical + (index % 5))
    t.ok(tookLonger(quiet(80), quiet(40)))
  })
  t.test('detects nothing if there is no difference, nor because of one slow response', async (t) => {
    t.notOk(tookLonger(samples(40, 1), samples(40, 2)))
    t.notOk(tookLonger(samples(42, 1), samples(40, 2)))
    t.notOk(tookLonger([...samples(40, 1).slice(1), 60_000], samples(40, 2)))
  })
  t.test('agrees with published values', async (t) => {
    t.equal(rankExcess([1, 2], [1, 2]), 0)
    t.equal(rankExcess([4, 5, 6], [1, 2, 3]).toFixed(3), '1.964')
    t.equal(rankExcess([1, 2, 3], [4, 5, 6]).toFixed(3), '-1.964')
  })
})

const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' }, { passwordHashing: 'as in production' })

/** Response times in milliseconds, of requests that alternate: whatever slows the machine down slows down both kinds. */
async function byTurns(times: number, ...kinds: ((turn: number) => Promise<unknown>)[]): Promise<number[][]> {
  const taken = kinds.map((): number[] => [])
  for (let turn = 0; turn < times; turn++)
    for (const [kind, ask] of kinds.entries()) {
      const began = performance.now()
      await ask(turn)
      taken[kind]?.push(performance.now() - began)
    }
  return taken
}

let networks = 0

/** From a different network each time: the limits on attempts are not what this tests. */
async function refusedSignIn(username: string): Promise<void> {
  const network = `2001:db8:${(++networks).toString(16)}::1`
  const { status } = await postForm(idp, '/sign-in', new URLSearchParams({ username, password: 'wrong' }).toString(), {
    origin: idp.issuer,
    'x-forwarded-for': network,
  })
  if (status !== 403) throw new Error(`The sign-in ended with ${status}.`)
}

t.test('a refused sign-in takes equally long for an unknown name', async (t) => {
  const person = await idp.person()
  const disabled = await idp.person()
  await idp.signet.database.query({
    text: 'UPDATE accounts SET disabled_at = now() WHERE sub = $1',
    values: [disabled.sub],
  })
  // The first request of each kind fills caches: the dummy hash, query plans, compiled code.
  await byTurns(
    2,
    () => refusedSignIn(person.username),
    () => refusedSignIn('nobody'),
  )
  const [known = [], unknown = [], address = [], unknownAddress = [], locked = []] = await byTurns(
    20,
    () => refusedSignIn(person.username),
    (turn) => refusedSignIn(`nobody.${turn}`),
    () => refusedSignIn(person.email),
    (turn) => refusedSignIn(`nobody.${turn}@example.com`),
    () => refusedSignIn(disabled.username),
  )
  const somebody = [...known, ...address]
  const nobody = [...unknown, ...unknownAddress]
  t.notOk(tookLonger(somebody, nobody))
  t.notOk(tookLonger(nobody, somebody))
  t.notOk(tookLonger(locked, nobody), 'a disabled account cannot be recognised either')
  t.notOk(tookLonger(nobody, locked))
})

t.test('an unknown client is looked up like a known one', async (t) => {
  // A digest takes microseconds, so no clock shows whether it was omitted. The queries to the database can be observed.
  const client = await idp.client()
  const asked = async (clientId: string, how: 'basic' | 'post') => {
    const query = t.capture(idp.signet.database, 'query', idp.signet.database.query)
    const form = { grant_type: 'client_credentials' }
    const answer =
      how === 'basic'
        ? await postForm(idp, '/token', new URLSearchParams(form).toString(), {
            authorization: basic(clientId, 'wrong'),
          })
        : await postForm(
            idp,
            '/token',
            new URLSearchParams({ ...form, client_id: clientId, client_secret: 'wrong' }).toString(),
          )
    query.restore()
    t.equal(answer.status, how === 'basic' ? 401 : 400)
    return (
      query
        .args()
        .map(([statement]) => statement as unknown as { name?: string; text: string } | string)
        .map((statement) => (typeof statement === 'string' ? { text: statement, name: undefined } : statement))
        // The workers look for jobs at any time.
        .filter(({ text }) => !text.includes(jobsSchemaOf(idp.signet.settings.databaseSchema)))
        .map(({ name = 'unnamed' }) => name)
    )
  }
  for (const how of ['basic', 'post'] as const) {
    const known = await asked(client.client_id, how)
    t.ok(known.length > 0, 'the queries were observed')
    t.same(await asked('client_AAAAAAAAAAAAAAAAAAAAAA', how), known)
  }
})
