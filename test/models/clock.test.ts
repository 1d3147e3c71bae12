import fc from 'fast-check'
import t from 'tap'
import { allowedDifference, assertClocksAgree, ClocksDisagree, createLease } from '../../src/key-ring/lease.ts'
import { type Clock, createClock, type MachineClocks, machineClocks, momentOf } from '../../src/platform/clock.ts'

/*
 * A model of one node's machine and of the database's clock, which is the true one. The node's side consists of the real clock, the real
 * lease and the real comparison, combined as the key ring combines them. Times are in milliseconds.
 */
const histories = Number(process.env['SIGNET_TEST_CLOCK_HISTORIES'] ?? 50_000)

/** Parts of the system that a test can replace with a faulty version. */
interface Rules {
  readonly createClock: typeof createClock
  readonly createLease: typeof createLease
}
const rules: Rules = { createClock, createLease }

/** What can happen to a machine between two readings, and while it waits for an answer. */
const amount = fc.oneof(
  fc.integer({ min: 0, max: 3_000 }),
  fc.integer({ min: 0, max: 400_000 }),
  fc.constantFrom(1_000, 5_000, 6_000, 10_000, 60_000, 61_000, 300_000),
)
const step = fc.oneof(
  fc.record({ what: fc.constant('suspend' as const), ms: amount }),
  fc.record({ what: fc.constant('set' as const), ms: fc.tuple(amount, fc.constantFrom(1, -1)).map(([a, b]) => a * b) }),
  fc.record({ what: fc.constant('correct' as const), ms: fc.integer({ min: -500, max: 500 }) }),
)
const event = fc.oneof(fc.record({ what: fc.constant('run' as const), ms: fc.integer({ min: 1, max: 25_000 }) }), step)
const ask = fc.record({
  what: fc.constant('ask' as const),
  /** The time to the database, and back. Together they are shorter than any timeout. */
  ms: fc.tuple(fc.integer({ min: 0, max: 3_500 }), fc.integer({ min: 0, max: 3_500 })),
  meanwhile: fc.option(step, { nil: undefined, freq: 5 }),
  isFirst: fc.boolean(),
})
const history = fc.record({
  clockSkew: fc.constantFrom(0, 5, 60),
  keyLease: fc.constantFrom(10, 60),
  offset: fc.integer({ min: -70_000, max: 70_000 }),
  events: fc.array(fc.oneof({ weight: 3, arbitrary: event }, { weight: 2, arbitrary: ask }), {
    minLength: 1,
    maxLength: 25,
  }),
})
type Event = HistoryOf<typeof event>

/** @returns what went wrong, if anything did */
function live({ clockSkew, keyLease, offset, events }: HistoryOf<typeof history>, made: Rules): string | undefined {
  let truth = 2_000_000_000
  const machine = { wall: truth + offset, monotonic: 1_000 }
  const clocks: MachineClocks = { wall: () => machine.wall, monotonic: () => machine.monotonic }
  const clock: Clock = made.createClock(clocks)
  const lease = made.createLease({ keyLease, clockSkew }, clocks)
  /** How long the last answer took, and how much time has passed since then that no clock of the machine has measured. */
  let took = 0
  let suspended = 0
  let setBack = 0

  const happen = ({ what, ms }: Event) => {
    switch (what) {
      case 'run':
        truth += ms
        machine.wall += ms
        machine.monotonic += ms
        return
      case 'suspend':
        truth += ms
        machine.wall += ms
        suspended += ms
        return
      case 'set':
        machine.wall += ms
        setBack -= ms
        return
      case 'correct':
        setBack += machine.wall - (truth + ms)
        machine.wall = truth + ms
    }
  }

  for (const one of events) {
    if (one.what !== 'ask') happen(one)
    else {
      const asked = momentOf(clocks)
      const begun = truth
      happen({ what: 'run', ms: one.ms[0] })
      if (one.meanwhile && one.isFirst) happen(one.meanwhile)
      const databaseClock = truth
      if (one.meanwhile && !one.isFirst) happen(one.meanwhile)
      happen({ what: 'run', ms: one.ms[1] })
      try {
        assertClocksAgree(databaseClock, { from: asked.wall, to: machine.wall }, clockSkew)
        clock.observe(databaseClock, asked)
        lease.confirm(asked)
        took = truth - begun
      } catch (error) {
        if (!(error instanceof ClocksDisagree)) throw error
        lease.end()
      }
      // Whatever the result: from now on the node could know.
      suspended = 0
      setBack = 0
    }
    // Pages ask for the time whether or not this node may sign.
    const off = clock.now() - truth
    if (lease.fault() !== undefined) continue
    const allowed = allowedDifference(clockSkew) + 1_000
    if (off > allowed + took) return `a token is dated ${off} ms ahead`
    // If a machine was suspended and its clock was set back by the same amount, no clock has measured the time in between.
    const unseen = Math.max(0, Math.min(suspended, setBack))
    if (-off > allowed + took + unseen) return `a token is dated ${-off} ms behind`
  }
  return undefined
}
type HistoryOf<A> = A extends fc.Arbitrary<infer H> ? H : never

function explore(made: Rules) {
  const property = fc.property(history, (one) => {
    const finding = live(one, made)
    if (finding) throw new Error(finding)
  })
  return fc.check(property, {
    numRuns: histories,
    seed: Number(process.env['SIGNET_TEST_SEED'] ?? Date.now() % 2 ** 31),
  })
}

t.test(
  'a node that may sign never dates a token wrong by more than the clock skew, whatever happens to its clocks',
  async (t) => {
    const outcome = explore(rules)
    t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? '')
    t.equal(outcome.numRuns, histories)
  },
)

const faults: Record<string, Rules> = {
  'a time that never goes backwards': {
    ...rules,
    createClock: (clocks) => {
      const clock = createClock(clocks)
      let latest = 0
      const now = () => {
        latest = Math.max(latest, clock.now())
        return latest
      }
      return { ...clock, now }
    },
  },
  'a lease that uses only the monotonic clock': {
    ...rules,
    createLease: (terms, { monotonic } = machineClocks) => {
      const clocks = { wall: monotonic, monotonic }
      const lease = createLease(terms, clocks)
      return { ...lease, confirm: () => lease.confirm(momentOf(clocks)) }
    },
  },
  'a lease that ignores clocks that disagree': {
    ...rules,
    createLease: (terms, clocks) => createLease({ ...terms, clockSkew: 86_400 }, clocks),
  },
  'a lease that continues when the clocks are known to disagree': {
    ...rules,
    createLease: (terms, clocks) => ({ ...createLease(terms, clocks), end: () => {} }),
  },
  'a slow answer that is treated as a fast one': {
    ...rules,
    createClock: (clocks) => {
      const clock = createClock(clocks)
      return { ...clock, observe: (databaseNow) => clock.observe(databaseNow - 10_000) }
    },
  },
}
for (const [fault, faulty] of Object.entries(faults))
  t.test(`the model finds ${fault}`, async (t) => {
    const outcome = explore(faulty)
    t.ok(outcome.failed, `${outcome.numRuns} histories`)
    t.comment(`found in history ${outcome.numRuns}: ${(outcome.errorInstance as Error | undefined)?.message}`)
  })
