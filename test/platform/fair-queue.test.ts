import fc from 'fast-check'
import t from 'tap'
import { createFairQueue, type FairQueueLimits } from '../../src/platform/fair-queue.ts'
import { eventually } from '../support/eventually.ts'

const roomy: FairQueueLimits = { slots: 1, maxWaiting: 100, maxWaitingPerSource: 20, timeoutMs: 60_000 }

/** Waits until everything that needs no further input has happened. */
const settle = () => new Promise(setImmediate)

/** A queue whose jobs end when told to; `begun` lists them in the order in which they began. */
function observed(limits: Partial<FairQueueLimits> = {}) {
  const queue = createFairQueue({ ...roomy, ...limits })
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const outcomes = new Map<string, string>()
  const run = (source: string, name: string, signal?: AbortSignal) => {
    const work = () => {
      begun.push(name)
      return new Promise<void>((resolve) => ends.set(name, resolve))
    }
    return queue.run(source, work, signal).then(
      () => outcomes.set(name, 'done'),
      (error: Error) => outcomes.set(name, `${error.name}: ${error.message}`),
    )
  }
  const end = async (name: string) => {
    ends.get(name)?.()
    ends.delete(name)
    await settle()
  }
  /** Ends running jobs until none is left. */
  const drain = async () => {
    for (; ends.size > 0; await settle()) for (const name of [...ends.keys()]) await end(name)
  }
  return { queue, run, end, drain, begun, outcomes, running: () => [...ends.keys()] }
}

t.test('jobs of one source delay another source by one job, however many are waiting', async (t) => {
  const { run, drain, begun } = observed()
  for (let n = 0; n <= 20; n++) run('flood', `flood ${n}`)
  run('person', 'person')
  run('other', 'other 0')
  run('other', 'other 1')
  await drain()
  t.same(begun.slice(0, 7), ['flood 0', 'flood 1', 'person', 'other 0', 'flood 2', 'other 1', 'flood 3'])
  t.equal(begun.length, 24)
})

t.test('a source that is alone gets all slots, and its jobs run in order', async (t) => {
  const { run, end, drain, begun, running } = observed({ slots: 3 })
  for (let n = 0; n < 8; n++) run('one', `${n}`)
  t.same(running(), ['0', '1', '2'])
  await end('1')
  t.same(running(), ['0', '2', '3'])
  await drain()
  t.same(begun, ['0', '1', '2', '3', '4', '5', '6', '7'])
})

t.test('a source may have a limited number of waiting jobs; the next is rejected, and others are not', async (t) => {
  const { run, drain, begun, outcomes } = observed({ maxWaitingPerSource: 2 })
  for (let n = 0; n < 5; n++) run('one', `${n}`)
  run('two', 'two')
  await settle()
  t.same(Object.fromEntries(outcomes), {
    3: 'QueueFull: 2 from the same source are already waiting.',
    4: 'QueueFull: 2 from the same source are already waiting.',
  })
  await drain()
  t.same(begun, ['0', '1', 'two', '2'])
})

t.test('when the queue is full, the source with the most waiting jobs loses its newest', async (t) => {
  const { run, drain, begun, outcomes } = observed({ maxWaiting: 5 })
  run('running', 'running')
  for (const name of ['a0', 'a1', 'a2', 'b0', 'b1']) run(name.slice(0, 1), name)
  run('c', 'c0')
  run('c', 'c1')
  run('d', 'd0')
  await settle()
  t.same(Object.fromEntries(outcomes), {
    a2: 'QueueFull: It was displaced by a source with fewer waiting.',
    c1: 'QueueFull: 5 are already waiting.',
    a1: 'QueueFull: It was displaced by a source with fewer waiting.',
  })
  await drain()
  t.same(begun, ['running', 'a0', 'b0', 'c0', 'd0', 'b1'])
})

t.test('a few sources that keep the queue full do not shut out a newcomer', async (t) => {
  const { run, end, drain, begun, running } = observed({ maxWaiting: 20, maxWaitingPerSource: 10 })
  run('running', 'running')
  const flood = () => {
    for (const source of ['a', 'b', 'c']) for (let n = 0; n < 20; n++) run(source, `${source} ${begun.length} ${n}`)
  }
  flood()
  run('person', 'person')
  for (let ended = 0; ended < 5 && !begun.includes('person'); ended++) {
    flood()
    await end(running()[0] ?? '')
  }
  t.ok(begun.includes('person'), begun.join())
  await drain()
})

t.test('a job that has waited too long is rejected and never started, and those behind it move up', async (t) => {
  const { run, end, begun, outcomes } = observed({ timeoutMs: 1 })
  run('one', 'running')
  for (const name of ['a', 'b', 'c']) run(name, name)
  await eventually('all three to be refused', () => outcomes.size === 3)
  t.same(new Set(outcomes.values()), new Set(['QueueFull: It waited for 1 ms.']))
  await end('running')
  run('d', 'd')
  t.same(begun, ['running', 'd'])
})

t.test('a caller that gives up frees its place', async (t) => {
  const { run, drain, begun, outcomes } = observed({ maxWaiting: 1, maxWaitingPerSource: 1 })
  const gone = new AbortController()
  const late = new AbortController()
  run('one', 'running', late.signal)
  run('one', 'abandoned', gone.signal)
  gone.abort()
  await settle()
  t.same(Object.fromEntries(outcomes), { abandoned: 'QueueFull: The result is no longer needed.' })
  run('one', 'never there', gone.signal)
  run('one', 'next')
  late.abort()
  await drain()
  t.same(begun, ['running', 'next'])
  t.match(Object.fromEntries(outcomes), { running: 'done', 'never there': /no longer needed/, next: 'done' })
})

t.test('a job that throws, immediately or later, releases its slot', async (t) => {
  const { queue } = observed()
  const atOnce = () => {
    throw new Error('at once')
  }
  await t.rejects(queue.run('one', atOnce), { message: 'at once' })
  await t.rejects(
    queue.run('one', async () => {
      await settle()
      throw new Error('later')
    }),
    { message: 'later' },
  )
  t.equal(await queue.run('one', async () => 'fine'), 'fine')
})

type Step =
  | { readonly kind: 'come'; readonly source: string }
  | { readonly kind: 'end' | 'leave'; readonly pick: number }

t.test('the model holds for any order of arrivals, ends and departures', async () => {
  const source = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('come' as const), source }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('end' as const), pick: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), pick: fc.nat() }) },
  )
  const limits = fc.record({
    slots: fc.integer({ min: 1, max: 3 }),
    maxWaiting: fc.integer({ min: 1, max: 8 }),
    maxWaitingPerSource: fc.integer({ min: 1, max: 4 }),
    timeoutMs: fc.constant(60_000),
  })
  await fc.assert(
    fc.asyncProperty(limits, fc.array(step, { maxLength: 60 }), async (chosen, steps) => {
      const { run, end, drain, begun, outcomes, running } = observed(chosen)
      const sourceOf = (name: string) => name.slice(0, 1)
      const signals = new Map<string, AbortController>()
      const waits = () => [...signals.keys()].filter((name) => !begun.includes(name) && !outcomes.has(name))
      /** For each waiting job: the sources of the jobs that began since it arrived. */
      const overtaken = new Map<string, string[]>()
      let seen = 0
      const check = () => {
        const waiting = waits()
        for (; seen < begun.length; seen++) {
          const name = begun[seen] ?? ''
          for (const [other, sources] of overtaken) if (other !== name) sources.push(sourceOf(name))
          overtaken.delete(name)
        }
        for (const name of overtaken.keys()) if (!waiting.includes(name)) overtaken.delete(name)
        const perSource = new Map<string, number>()
        for (const name of waiting) perSource.set(sourceOf(name), (perSource.get(sourceOf(name)) ?? 0) + 1)
        if (running().length > chosen.slots) throw new Error('Too many run.')
        if (running().length < chosen.slots && waiting.length > 0)
          throw new Error('A slot is free although jobs are waiting.')
        if (waiting.length > chosen.maxWaiting) throw new Error('Too many wait.')
        if (Math.max(0, ...perSource.values()) > chosen.maxWaitingPerSource)
          throw new Error('Too many jobs of one source wait.')
        // No other source overtakes the first waiting job of a source twice.
        for (const [name, sources] of overtaken) {
          const isFirst = waiting.find((other) => sourceOf(other) === sourceOf(name)) === name
          const others = sources.filter((from) => from !== sourceOf(name))
          const own = sources.length - others.length
          if (isFirst && Math.max(0, ...[...'abcde'].map((s) => others.filter((from) => from === s).length)) > own + 1)
            throw new Error(`${name} was overtaken by ${sources.join('')}.`)
        }
      }
      let count = 0
      for (const one of steps) {
        const pickFrom = (names: string[]) => ('pick' in one ? names[one.pick % names.length] : undefined)
        if (one.kind === 'come') {
          const name = `${one.source}${count++}`
          const gone = new AbortController()
          signals.set(name, gone)
          overtaken.set(name, [])
          run(one.source, name, gone.signal)
          await settle()
        } else if (one.kind === 'end') await end(pickFrom(running()) ?? '')
        else {
          const name = pickFrom(waits())
          if (name) signals.get(name)?.abort()
          await settle()
          if (name && !outcomes.get(name)?.startsWith('QueueFull')) throw new Error(`${name} is still there.`)
        }
        check()
      }
      await drain()
      if (new Set(begun).size !== begun.length) throw new Error('Some work ran twice.')
      for (const name of signals.keys())
        if (begun.includes(name) !== (outcomes.get(name) === 'done'))
          throw new Error(`${name}: ${outcomes.get(name) ?? 'neither run nor refused'}`)
    }),
    { numRuns: 300 },
  )
})
