import fc from 'fast-check'
import t from 'tap'
import { type AdmissionLimits, createAdmission, type ShedReason } from '../../../src/platform/http/admission.ts'

const limits: AdmissionLimits = { slice: 2, patience: 400, deadline: 700, maxWaiting: 4, few: 1, fewDeadline: 700 }

/** An event loop whose clock and turns the test controls. Each request takes one millisecond to begin. */
function eventLoop(some: Partial<AdmissionLimits> = {}) {
  const state = { now: 0, isCongested: false, isConnecting: false, gone: new Set<string>() }
  const did: string[] = []
  const turns: (() => void)[] = []
  const delays: string[] = []
  const admission = createAdmission<string>({
    limits: { ...limits, ...some },
    begin: (item) => {
      did.push(item)
      state.now += 1
    },
    refuse: (item, reason: ShedReason) => did.push(`${item}: ${reason}`),
    isWanted: (item) => !state.gone.has(item),
    isCongested: () => state.isCongested,
    isConnecting: () => state.isConnecting,
    now: () => state.now,
    schedule: (turn, when) => {
      turns.push(turn)
      delays.push(when)
    },
  })
  return {
    ...{ state, admission, delays, scheduled: () => turns.length },
    /** What was done since the last call. */
    did: () => did.splice(0),
    arrive: (...items: string[]) => {
      for (const item of items) admission.arrive(item, item.startsWith('!'))
    },
    turn: () => turns.shift()?.(),
  }
}

t.test('nothing is refused while the queue moves, however many wait', async (t) => {
  const { arrive, turn, did } = eventLoop({ maxWaiting: 1_000 })
  const names = Array.from({ length: 300 }, (_, index) => `${index}`)
  arrive(...names)
  for (let count = 0; count < 200; count++) turn()
  t.same(did(), names, 'all of them, in order of arrival')
})

t.test('while the first has waited too long, nobody else may join', async (t) => {
  const { arrive, turn, did, state } = eventLoop()
  state.isCongested = true
  arrive('a')
  state.now = 400
  arrive('b')
  state.now = 401
  arrive('c')
  t.same(did(), ['c: queue_delay'])
  state.isCongested = false
  turn()
  t.same(did(), ['a', 'b'])
  arrive('d')
  t.same(did(), ['d'], 'and then it is as before')
})

t.test('a request that has waited too long is refused when its turn comes, even if nothing can be begun', async (t) => {
  const { arrive, turn, did, state, delays } = eventLoop()
  state.isCongested = true
  arrive('a')
  state.now = 300
  arrive('b')
  state.now = 701
  turn()
  t.same(did(), ['a: too_late'])
  t.same(delays, ['at once', 'in a moment'], 'a loop that can only wait does not spin')
})

t.test('a few may wait longer: they show a pause and not an overload', async (t) => {
  const { arrive, turn, did, state } = eventLoop({ few: 3, fewDeadline: 2_000 })
  state.isCongested = true
  arrive('a', 'b')
  state.now = 1_900
  arrive('c')
  t.same(did(), [])
  arrive('d')
  t.same(did(), ['d: queue_delay'], 'three are not a few')
  turn()
  t.same(did(), ['a: too_late'])
  turn()
  t.same(did(), [])
  state.now = 2_001
  turn()
  t.same(did(), ['b: too_late'])
})

t.test('the queue is bounded', async (t) => {
  const { arrive, did, state, admission } = eventLoop()
  state.isCongested = true
  arrive('a', 'b', 'c', 'd', 'e')
  t.same(did(), ['e: queue_full'])
  t.equal(admission.waiting, 4)
})

t.test('essential requests are never refused, and others cannot keep them waiting', async (t) => {
  const { arrive, turn, did, state } = eventLoop()
  state.isCongested = true
  arrive('a', 'b', 'c', 'd', '!1', 'e')
  t.same(did(), ['!1', 'e: queue_full'])
  state.now += 100
  arrive(...Array.from({ length: 6 }, (_, index) => `!${index + 2}`))
  t.same(did(), [], 'but they share turns with them')
  state.isCongested = false
  turn()
  t.same(did(), ['!2', '!3', 'a', 'b'])
  state.isCongested = true
  turn()
  t.same(did(), ['!4', '!5'])
})

t.test('while connections are opened, one request is begun per turn, so that the next can be accepted', async (t) => {
  const { arrive, turn, did, state } = eventLoop()
  arrive('a', 'b', 'c', 'd', 'e')
  t.same(did(), ['a', 'b'])
  state.isConnecting = true
  turn()
  t.same(did(), ['c'])
  turn()
  t.same(did(), ['d'])
})

t.test('nothing is done for a client that has hung up, and its place is free', async (t) => {
  const { arrive, turn, did, state, admission } = eventLoop()
  state.isCongested = true
  arrive('a', 'b')
  state.gone.add('a')
  state.isCongested = false
  turn()
  t.same(did(), ['b'])
  t.equal(admission.waiting, 0)
})

t.test('a node with nothing to do schedules nothing', async (t) => {
  const { arrive, turn, scheduled } = eventLoop()
  arrive('a')
  t.equal(scheduled(), 1)
  turn()
  t.equal(scheduled(), 0)
})

t.test(
  'every request is begun or refused exactly once, and none that began had waited longer than the deadline',
  async () => {
    const step = fc.oneof(
      fc.record({ arrive: fc.boolean() }),
      fc.record({ pass: fc.integer({ min: 0, max: 500 }) }),
      fc.record({ congested: fc.boolean() }),
      fc.constant('turn' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const { arrive, turn, did, state, admission, scheduled } = eventLoop()
        const arrived = new Map<string, number>()
        const done: string[] = []
        const check = () => {
          for (const entry of did()) {
            const [name = '', reason] = entry.split(': ')
            done.push(name)
            // Those that began before it in this turn took a millisecond each.
            const waited = state.now - (arrived.get(name) ?? 0)
            if (reason === undefined && !name.startsWith('!') && waited > limits.deadline + 4)
              throw new Error(`${name}: ${waited}`)
            if (reason !== undefined && name.startsWith('!')) throw new Error(`${name} was refused.`)
          }
        }
        for (const [index, one] of steps.entries()) {
          if (one === 'turn') turn()
          else if ('pass' in one) state.now += one.pass
          else if ('congested' in one) state.isCongested = one.congested
          else {
            const name = `${one.arrive ? '!' : ''}${index}`
            arrived.set(name, state.now)
            arrive(name)
          }
          check()
        }
        state.isCongested = false
        while (scheduled() > 0) {
          turn()
          check()
        }
        if (admission.waiting > 0 || done.length !== arrived.size || new Set(done).size !== done.length)
          throw new Error(`${done}`)
      }),
    )
  },
)
