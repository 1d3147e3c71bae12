import fc from 'fast-check'
import t from 'tap'
import { deleteExpired } from '../../../src/records/cleanup/cleanup-store.ts'
import {
  type Claim,
  claimAttempt,
  countAll,
  type Success,
  settleSuccess,
} from '../../../src/records/limits/sign-in-limits-store.ts'
import { migratedDatabase } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'

const { openPool } = await migratedDatabase(t)
const db = openPool({ max: 8 })
const hour = 3600
const day = 86_400

/** Starts statements that all need a locked row, and releases it once they wait. If two waited for each other, one would fail. */
async function whileHeld(lock: string, statements: readonly (() => Promise<unknown>)[]): Promise<void> {
  const holder = await db.connect()
  try {
    await holder.query('BEGIN')
    await holder.query(lock)
    const done = Promise.all(statements.map((send) => send()))
    await eventually('all statements to wait for the row, directly or indirectly', async () => {
      const { rows } = await holder.query(
        `WITH RECURSIVE held_up AS (
           SELECT pg_backend_pid() AS pid
           UNION SELECT activity.pid FROM pg_stat_activity AS activity JOIN held_up ON held_up.pid = ANY (pg_blocking_pids(activity.pid))
         ) SELECT FROM held_up`,
      )
      return rows.length > statements.length
    })
    await holder.query('ROLLBACK')
    await done
  } finally {
    holder.release()
  }
}

t.test('windows', async (t) => {
  const count = async (key: string, max = 1000) => (await countAll(db, [{ key, max, seconds: hour }]))[0]
  const settle = (success: Partial<Success>) =>
    settleSuccess(db, { undone: [], cleared: [], others: [], proven: undefined, ...success })
  const shift = (key: string, seconds: number) =>
    db.query('UPDATE rate_limits SET expire = expire + $2::bigint * 1000 WHERE key = $1', [key, seconds])

  t.test('concurrent requests are all counted, and counting does not extend the window', async (t) => {
    const counts = await Promise.all(Array.from({ length: 50 }, () => count('raced')))
    t.same(
      counts.map((window) => window?.counted ?? 0).sort((a, b) => a - b),
      Array.from({ length: 50 }, (_, n) => n + 1),
    )
    t.ok(counts.every((window) => window && window.endsIn > 0 && window.endsIn <= hour * 1000))
    await shift('raced', 60 - hour)
    const window = await count('raced')
    t.equal(window?.counted, 51)
    t.ok(window && window.endsIn <= 60_000, 'counting does not make it longer')
  })

  t.test('an expired window is followed by a new one', async (t) => {
    await count('over')
    await count('over')
    await shift('over', -hour)
    t.match(await count('over'), { counted: 1 })
  })

  t.test('if one counter is full, nothing is written: no row, and no count in any other', async (t) => {
    const counters = ['b', 'full', 'a'].map((key) => ({ key, max: key === 'full' ? 2 : 9, seconds: hour }))
    for (let n = 1; n <= 3; n++)
      t.same(
        (await countAll(db, counters)).map(({ key, counted, isNew }) => [key, counted, isNew]).sort(),
        ['a', 'b', 'full'].map((key) => [key, n, true]),
        'the third is reported as one too many',
      )
    const more = [...counters, { key: 'never', max: 9, seconds: hour }]
    const [closed, ...others] = await countAll(db, more)
    t.match(closed, { key: 'full', counted: 3, isNew: false })
    t.ok(closed && closed.endsIn > 0)
    t.same(others, [])
    const { rows } = await db.query(
      "SELECT key, points FROM rate_limits WHERE key IN ('a', 'b', 'full', 'never') ORDER BY key",
    )
    t.same(
      rows.map(({ key, points }) => [key, points]),
      [
        ['a', 3],
        ['b', 3],
        ['full', 3],
      ],
    )
  })

  t.test('statements that lock the same windows in different orders do not deadlock', async (t) => {
    const keys = ['crossed a', 'crossed b', 'crossed c']
    const counters = keys.map((key) => ({ key, max: 1000, seconds: hour }))
    // Two, because PostgreSQL chooses who comes first, and a count that is taken back from nothing is not owed.
    for (let n = 1; n <= 2; n++) await countAll(db, counters)
    await whileHeld("SELECT FROM rate_limits WHERE key = 'crossed b' FOR UPDATE", [
      () => countAll(db, counters),
      () => countAll(db, counters.toReversed()),
      () => settle({ undone: keys }),
      () => settle({ undone: keys.toReversed() }),
    ])
    t.match(await count('crossed a'), { isNew: true, counted: 3 })
  })

  t.test(
    'a clock that was briefly a year ahead locks nobody out, and one slightly ahead lets nobody in early',
    async (t) => {
      for (let n = 0; n < 3; n++) await count('ahead', 2)
      await shift('ahead', 300)
      t.match(await count('ahead', 2), { counted: 3, isNew: false }, 'five minutes ahead: still closed')
      await shift('ahead', 365 * day)
      const window = await count('ahead', 2)
      t.match(window, { counted: 1, isNew: true })
      t.ok(window && window.endsIn <= hour * 1000)
      await count('left behind')
      await shift('left behind', 365 * day)
      await count('forgotten')
      await shift('forgotten', -hour - 1)
      await deleteExpired(db, hour)
      const { rows } = await db.query("SELECT key FROM rate_limits WHERE key IN ('ahead', 'left behind', 'forgotten')")
      t.same(rows, [{ key: 'ahead' }], 'the cleaner deletes expired windows and impossible ones')
    },
  )

  t.test('taking a count back never gives more than there was', async (t) => {
    await count('back')
    await count('back')
    for (let n = 0; n < 5; n++) await settle({ undone: ['back', 'nobody'] })
    t.match(await count('back'), { counted: 1 })
    await shift('back', -hour)
    await settle({ undone: ['back'] })
    t.match(await count('nobody'), { counted: 1 })
    await count('nobody')
    await settle({ cleared: ['nobody'] })
    t.match(await count('nobody'), { counted: 1 })
  })
})

t.test('consecutive failures', async (t) => {
  const backoff = { free: 100, firstWait: 30, maxWait: 900 }
  const claim = (key: string) => claimAttempt(db, key, backoff)
  const settle = (proven: Claim | undefined, others: readonly Claim[] = []) =>
    settleSuccess(db, { undone: [], cleared: [], others, proven })
  /** Shifts the times of a row, as if so many seconds had passed. */
  const pass = (key: string, seconds: number) =>
    db.query(
      `UPDATE failed_sign_ins SET failed_at = failed_at - make_interval(secs => $2), next_at = next_at - make_interval(secs => $2),
         forgiven_at = forgiven_at - make_interval(secs => $2) WHERE key = $1`,
      [key, seconds],
    )
  const failed = (key: string, failures: number) =>
    db.query(
      `INSERT INTO failed_sign_ins (key, failures, failed_at, next_at) VALUES ($1, $2, now(), now())
       ON CONFLICT (key) DO UPDATE SET failures = $2, failed_at = now(), next_at = now()`,
      [key, failures],
    )
  const wait = async (key: string) => {
    const { rows } = await db.query<{ wait: number }>(
      'SELECT round(extract(epoch FROM next_at - failed_at))::int AS wait FROM failed_sign_ins WHERE key = $1',
      [key],
    )
    return rows[0]?.wait
  }

  t.test('of any number of concurrent attempts, a hundred are let through, then one after each wait', async (t) => {
    await failed('raced', 80)
    const letThrough = async () =>
      (await Promise.all(Array.from({ length: 40 }, () => claim('raced')))).filter((one) => one !== undefined)
    t.equal((await letThrough()).length, 20)
    // Regardless of how long the test takes.
    await pass('raced', -800)
    t.equal((await letThrough()).length, 0)
    await pass('raced', 831)
    t.same(await letThrough(), [{ key: 'raced', failures: 101 }])
  })

  t.test('the wait is 30 seconds and doubles up to 15 minutes', async (t) => {
    await failed('waits', 98)
    const waits: (number | undefined)[] = []
    for (let n = 0; n < 9; n++) {
      t.ok(await claim('waits'))
      waits.push(await wait('waits'))
      await pass('waits', 900)
    }
    t.same(waits, [0, 30, 60, 120, 240, 480, 900, 900, 900])
  })

  t.test('after a day without a failure the count starts again', async (t) => {
    await failed('rested', 150)
    await pass('rested', day + 1)
    t.match(await claim('rested'), { failures: 1 })
  })

  t.test('a clock that was briefly a year ahead makes nobody wait for a year', async (t) => {
    await failed('ahead', 100)
    t.ok(await claim('ahead'))
    await pass('ahead', -365 * day)
    t.match(await claim('ahead'), { failures: 102 })
    t.notOk(await claim('ahead'))
    await failed('left in the future', 5)
    await pass('left in the future', -365 * day)
    await failed('old', 5)
    await pass('old', day + 1)
    await deleteExpired(db, hour)
    const { rows } = await db.query(
      "SELECT key FROM failed_sign_ins WHERE key IN ('ahead', 'left in the future', 'old')",
    )
    t.same(rows, [{ key: 'ahead' }])
  })

  t.test('a success clears all failures once a day, and a few at any time', async (t) => {
    await failed('forgiven', 120)
    await settle(await claim('forgiven'))
    t.match(await claim('forgiven'), { failures: 1 }, 'and ends the wait')
    await failed('forgiven', 120)
    await settle(await claim('forgiven'))
    const again = await claim('forgiven')
    t.match(again, { failures: 121 }, 'the second one takes back only itself')
    await settle(again)
    t.match(await claim('forgiven'), { failures: 121 }, 'including the wait that it started')
    await failed('forgiven', 5)
    await settle(await claim('forgiven'))
    t.match(await claim('forgiven'), { failures: 1 })
    await failed('forgiven', 120)
    await pass('forgiven', 0)
    await db.query("UPDATE failed_sign_ins SET forgiven_at = now() - interval '25 hours' WHERE key = 'forgiven'")
    await settle(await claim('forgiven'))
    t.match(await claim('forgiven'), { failures: 1 }, 'a day later all of them again')
  })

  t.test(
    "a claim that is taken back lets in nobody who would have had to wait, and ends no other attempt's wait",
    async (t) => {
      await failed('taken back', 110)
      const first = await claim('taken back')
      t.ok(first)
      await settle(undefined, first ? [first] : [])
      const second = await claim('taken back')
      t.match(second, { failures: 111 })
      await pass('taken back', 900)
      t.match(await claim('taken back'), { failures: 112 }, 'another attempt while the second is still being checked')
      await settle(undefined, second ? [second] : [])
      t.notOk(await claim('taken back'), 'the wait belongs to the third')
    },
  )

  t.test('successes that settle the same claims in different orders do not deadlock', async (t) => {
    const claims: Claim[] = []
    for (const key of ['crossed a', 'crossed b', 'crossed c']) claims.push((await claim(key)) as Claim)
    await whileHeld("SELECT FROM failed_sign_ins WHERE key = 'crossed b' FOR UPDATE", [
      () => settle(undefined, claims),
      () => settle(undefined, claims.toReversed()),
      () => settle(claims[0], claims.slice(1)),
    ])
    t.match(await claim('crossed a'), { failures: 1 })
  })

  t.test('whatever attackers and the owner do, the number of guesses is bounded', async (t) => {
    // Small limits, so that a short history reaches them.
    const small = { free: 12, firstWait: 30, maxWait: 900 }
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ what: fc.constant('guess' as const), n: fc.integer({ min: 1, max: 4 }) }) },
      { weight: 3, arbitrary: fc.record({ what: fc.constant('pass' as const), n: fc.integer({ min: 1, max: 4000 }) }) },
      { weight: 2, arbitrary: fc.constant({ what: 'owner' as const, n: 1 }) },
      { weight: 1, arbitrary: fc.constant({ what: 'namesake' as const, n: 1 }) },
    )
    let run = 0
    const holds = async (steps: readonly { readonly what: string; readonly n: number }[]) => {
      const key = `model ${++run}`
      let [guesses, forgiven, seconds] = [0, 0, 0]
      for (const { what, n } of steps) {
        if (what === 'pass') {
          seconds += n
          await pass(key, n)
          continue
        }
        const claims = await Promise.all(Array.from({ length: n }, () => claimAttempt(db, key, small)))
        const [claimed] = claims
        if (what === 'guess') guesses += claims.filter((one) => one !== undefined).length
        else if (claimed) await settle(what === 'owner' ? claimed : undefined, what === 'owner' ? [] : [claimed])
        if (what === 'owner' && claimed && claimed.failures <= 10) forgiven += claimed.failures - 1
      }
      // The free attempts and the five short waits; these again once a day after a success, and once after a day without failures; those that
      // an owner's success cleared a few at a time; and one for each quarter of an hour.
      const days = Math.ceil(seconds / day)
      return guesses <= (small.free + 5) * (1 + 2 * days) + forgiven + seconds / small.maxWait
    }
    await t.resolves(
      fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), holds), { numRuns: 25 }),
    )
  })
})
