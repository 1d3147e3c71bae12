import t from 'tap'
import { basic, startSignet } from '../support/idp.ts'
import { postForm } from './send.ts'

/**
 * How much greater `some` are than `others`, by the rank test of Mann and Whitney: in standard deviations of what chance would do.
 * Only the order of the samples counts, so one that was held up for a second weighs no more than any other.
 */
function rankExcess(some: readonly number[], others: readonly number[]): number {
  let wins = 0
  for (const a of some) for (const b of others) wins += a > b ? 1 : a === b ? 0.5 : 0
  const pairs = some.length * others.length
  return (wins - pairs / 2) / Math.sqrt((pairs * (some.length + others.length + 1)) / 12)
}

/** Chance does this once in three million times. */
const certain = 5

/** Whether `some` took longer than `others` and half as long again: a difference that somebody far away could see. */
const tookLonger = (some: readonly number[], others: readonly number[]) =>
  rankExcess(
    some,
    others.map((milliseconds) => milliseconds * 1.5),
  ) > certain

t.test('the statistic', async (t) => {
  /** Made up, with the spread and the outliers of a busy machine: the same at each run. */
  const samples = (typical: number, seed: number) =>
    Array.from({ length: 40 }, (_, index) => {
      const chance = (((index + seed) * 7919) % 101) / 101
      return typical * (0.7 + chance) + (chance > 0.95 ? 500 : 0)
    })

  t.test('sees a hash that one side leaves out', async (t) => {
    t.ok(tookLonger(samples(40, 1), samples(4, 2)))
    t.notOk(tookLonger(samples(4, 2), samples(40, 1)), 'and which side it is')
    t.ok(tookLonger(samples(40, 1), samples(8, 2)), 'a fifth, too')
  })
  t.test('sees a second hash on one side, if the machine is quiet', async (t) => {
    const quiet = (typical: number) => Array.from({ length: 40 }, (_, index) => typical + (index % 5))
    t.ok(tookLonger(quiet(80), quiet(40)))
  })
  t.test('sees nothing where there is nothing, nor in what one slow answer does', async (t) => {
    t.notOk(tookLonger(samples(40, 1), samples(40, 2)))
    t.notOk(tookLonger(samples(42, 1), samples(40, 2)))
    t.notOk(tookLonger([...samples(40, 1).slice(1), 60_000], samples(40, 2)))
  })
  t.test('is what the books say', async (t) => {
    t.equal(rankExcess([1, 2], [1, 2]), 0)
    t.equal(rankExcess([4, 5, 6], [1, 2, 3]).toFixed(3), '1.964')
    t.equal(rankExcess([1, 2, 3], [4, 5, 6]).toFixed(3), '-1.964')
  })
})

const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' }, { passwordHashing: 'as in production' })

/** Milliseconds until the answer, of requests that are made by turns: what slows the machine down slows down both kinds. */
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

/** From a network of its own each time: how often one may try is not what this is about. */
async function refusedSignIn(username: string): Promise<void> {
  const network = `2001:db8:${(++networks).toString(16)}::1`
  const { status } = await postForm(idp, '/sign-in', new URLSearchParams({ username, password: 'wrong' }).toString(), {
    origin: idp.issuer,
    'x-forwarded-for': network,
  })
  if (status !== 403) throw new Error(`The sign-in ended with ${status}.`)
}

t.test('a refused sign-in takes as long for a name that nobody has', async (t) => {
  const person = await idp.person()
  const disabled = await idp.person()
  await idp.signet.database.query({
    text: 'UPDATE accounts SET disabled_at = now() WHERE sub = $1',
    values: [disabled.sub],
  })
  // The first of each kind makes what is kept: the hash for nobody, plans, compiled code.
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
  t.notOk(tookLonger(locked, nobody), 'nor is a disabled account told apart')
  t.notOk(tookLonger(nobody, locked))
})

t.test('a client that there is not is looked for like one that there is', async (t) => {
  // A digest takes microseconds: no clock shows whether it was left out. What can be seen is what the database is asked.
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
    t.equal(answer.status, 401)
    return query
      .args()
      .map(([statement]) => (statement as unknown as { name?: string; text: string }).name ?? 'unnamed')
  }
  for (const how of ['basic', 'post'] as const) {
    const known = await asked(client.client_id, how)
    t.ok(known.length > 0, 'it was seen')
    t.same(await asked('client_AAAAAAAAAAAAAAAAAAAAAA', how), known)
  }
})
