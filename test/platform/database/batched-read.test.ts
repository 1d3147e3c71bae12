import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { createBatchedRead } from '../../../src/platform/database/batched-read.ts'
import { DatabaseUnavailable } from '../../../src/platform/database/unavailable.ts'

/** A read whose statements are answered by the test: each key with itself in capitals. */
function heldRead(options: { readonly maxBatch?: number; readonly maxRunning?: number } = {}) {
  const sent: { keys: readonly string[]; answer: () => void; fail: (error: Error) => void }[] = []
  const read = createBatchedRead<string, string>({
    ...options,
    textOf: (key) => key,
    read: (keys) =>
      new Promise((resolve, reject) => {
        sent.push({ keys, answer: () => resolve(keys.map((key) => key.toUpperCase())), fail: reject })
      }),
  })
  return { read, sent, keys: () => sent.map(({ keys }) => keys) }
}

t.test('keys of one turn of the event loop are in one statement, each once', async (t) => {
  const { read, sent, keys } = heldRead()
  const results = Promise.all(['a', 'b', 'a', 'c', 'b'].map(read))
  t.same(sent, [], 'nothing is sent before the turn is over')
  await nextTurn()
  t.same(keys(), [['a', 'b', 'c']])
  sent[0]?.answer()
  t.same(await results, ['A', 'B', 'A', 'C', 'B'])
})

t.test(
  'a key that is asked for while it is being read is read again: the running statement may be older',
  async (t) => {
    const { read, sent, keys } = heldRead()
    const first = read('a')
    await nextTurn()
    const second = read('a')
    await nextTurn()
    t.same(keys(), [['a'], ['a']])
    sent[1]?.answer()
    t.equal(await second, 'A')
    sent[0]?.answer()
    t.equal(await first, 'A')
  },
)

t.test('keys wait while two statements run, and are sent when one of them ends', async (t) => {
  const { read, sent, keys } = heldRead()
  const results: Promise<string>[] = []
  for (const key of ['a', 'b', 'c', 'd']) {
    results.push(read(key))
    await nextTurn()
  }
  t.same(keys(), [['a'], ['b']])
  sent[1]?.answer()
  t.equal(await results[1], 'B')
  await nextTurn()
  t.same(keys(), [['a'], ['b'], ['c', 'd']], 'the first statement still runs')
  sent[2]?.answer()
  t.same(await Promise.all(results.slice(2)), ['C', 'D'])
  sent[0]?.answer()
  t.equal(await results[0], 'A')
})

t.test('a full batch is sent whatever is running, so nobody waits for more than one statement of others', async (t) => {
  const { read, sent, keys } = heldRead({ maxBatch: 2, maxRunning: 1 })
  const results = [read('a')]
  await nextTurn()
  results.push(read('b'))
  await nextTurn()
  t.same(keys(), [['a']])
  results.push(read('c'), read('d'))
  await nextTurn()
  t.same(keys(), [['a'], ['b', 'c']], 'no statement has more than two keys')
  for (const { answer } of sent) answer()
  t.same(await Promise.all(results.slice(0, 3)), ['A', 'B', 'C'])
  await nextTurn()
  sent[2]?.answer()
  t.equal(await results[3], 'D')
})

t.test('an unavailable database fails every caller of the statement, and no later one', async (t) => {
  const { read, sent } = heldRead({ maxRunning: 1 })
  const failing = [read('a'), read('b')]
  await nextTurn()
  const later = read('a')
  sent[0]?.fail(new DatabaseUnavailable('gone'))
  for (const result of failing) await t.rejects(result, { message: 'gone' })
  await nextTurn()
  t.equal(sent.length, 2, 'it was not tried again for those')
  sent[1]?.answer()
  t.equal(await later, 'A')
})

t.test('a value that makes the statement fail harms nobody else', async (t) => {
  const read = createBatchedRead<string, string>({
    textOf: (key) => key,
    read: async (keys) => {
      if (keys.includes('\0')) throw new Error('invalid byte sequence')
      return keys.map((key) => key.toUpperCase())
    },
  })
  const [a, poison, b] = [read('a'), read('\0'), read('b')]
  await t.rejects(poison, { message: 'invalid byte sequence' })
  t.same(await Promise.all([a, b]), ['A', 'B'])
})

t.test('a read that throws, or does not answer every key, leaves nobody waiting', async (t) => {
  const throwing = createBatchedRead<string, string>({
    textOf: (key) => key,
    read: () => {
      throw new Error('no connection')
    },
  })
  await t.rejects(throwing('a'), { message: 'no connection' })
  const short = createBatchedRead<string, string>({ textOf: (key) => key, read: async () => [] })
  await t.rejects(Promise.all([short('a'), short('b')]), { message: '1 keys have 0 results.' })
})

t.test('a thousand callers in one turn get their own results', async (t) => {
  let statements = 0
  const read = createBatchedRead<number, number>({
    textOf: String,
    read: async (keys) => {
      statements++
      await nextTurn()
      return keys.map((key) => key * 2)
    },
  })
  const keys = Array.from({ length: 1_000 }, (_, index) => index)
  t.same(
    await Promise.all(keys.map(read)),
    keys.map((key) => key * 2),
  )
  t.equal(statements, 10)
})
