import t from 'tap'
import { createTurns } from '../../src/platform/turns.ts'

/** Work that ends when told to. */
function held() {
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  return { end, work: () => ended }
}

t.test('calls for the same key run one at a time, in order, whatever the outcome of the others', async (t) => {
  const { take } = createTurns()
  const order: number[] = []
  let atWork = 0
  const outcomes = await Promise.allSettled(
    Array.from({ length: 60 }, (_, n) =>
      take('one', async () => {
        t.equal(++atWork, 1)
        await new Promise(setImmediate)
        order.push(n)
        atWork--
        if (n % 3 === 0) throw new Error(`failed ${n}`)
        return n
      }),
    ),
  )
  t.same(
    order,
    Array.from({ length: 60 }, (_, n) => n),
  )
  t.equal(outcomes.filter(({ status }) => status === 'rejected').length, 20, 'each gets its own outcome')
  t.equal(await take('one', async () => 'again'), 'again')
})

t.test('a call that throws synchronously releases its turn, too', async (t) => {
  const { take } = createTurns()
  const thrower = () => {
    throw new Error('at once')
  }
  await t.rejects(take('one', thrower), { message: 'at once' })
  t.equal(await take('one', async () => 1), 1)
})

t.test('one key does not block another, whatever its name', async (t) => {
  const { take } = createTurns()
  const slow = held()
  const first = take('__proto__', slow.work)
  for (const key of ['constructor', '', 'a', 'b']) t.equal(await take(key, async () => key), key)
  slow.end()
  await first
})

t.test('beyond the limit calls are rejected without running', async (t) => {
  const { take } = createTurns({ maxWaiting: 3, timeoutMs: 60_000 })
  const slow = held()
  let done = 0
  const begun = [take('one', slow.work), ...[1, 2, 3].map(() => take('one', async () => done++))]
  for (let n = 0; n < 5; n++)
    await t.rejects(
      take('one', async () => done++),
      { name: 'TooManyWaiting' },
    )
  t.equal(done, 0)
  slow.end()
  await Promise.all(begun)
  t.equal(done, 3)
  t.equal(await take('one', async () => done), 3, 'and then there is room again')
})

t.test('a call that waits too long is rejected without running, and those behind it move up', async (t) => {
  const { take } = createTurns({ maxWaiting: 10, timeoutMs: 1 })
  const slow = held()
  const first = take('one', slow.work)
  let done = 0
  await Promise.all(
    [1, 2, 3].map(() =>
      t.rejects(
        take('one', async () => done++),
        { name: 'TooManyWaiting', message: /after 1 ms/ },
      ),
    ),
  )
  slow.end()
  await first
  t.equal(await take('one', async () => 'free'), 'free')
  t.equal(done, 0)
})
