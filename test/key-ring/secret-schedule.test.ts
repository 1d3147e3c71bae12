import fc from 'fast-check'
import t from 'tap'
import {
  nextChange,
  publicationTime,
  type SecretMoments,
  secretLease,
  secretStates,
  supersededAt,
} from '../../src/key-ring/secret-schedule.ts'

const first = { purpose: 'csrf', version: 1, publishedAt: 0, activatesAt: Number.NEGATIVE_INFINITY } as const
const second = { purpose: 'csrf', version: 2, publishedAt: 1_000, activatesAt: 5_000 } as const
const other = { purpose: 'session-id', version: 7, publishedAt: 0, activatesAt: 9_000 } as const

const statesAt = (versions: readonly SecretMoments[], now: number) => [...secretStates(versions, now).values()]

t.test('a version is on standby until its activation time, and then replaces the previous one', async (t) => {
  t.same(statesAt([first, second], 4_999), ['active', 'standby'])
  t.same(statesAt([second, first], 5_000), ['active', 'retiring'], 'regardless of the order of the rows')
  t.equal(nextChange([first, second, other], 4_999), 5_000)
  t.equal(nextChange([first, second], 5_000), Number.POSITIVE_INFINITY)
  t.equal(supersededAt(first, [first, second, other], 4_999), undefined)
  t.equal(supersededAt(first, [first, second, other], 5_000), 5_000)
  t.equal(supersededAt(second, [first, second, other], 99_000), undefined)
})

t.test('a purpose always has an active version, even if a clock was set back before all of them', async (t) => {
  t.same(statesAt([other], 0), ['active'])
  t.same(statesAt([second, { ...second, version: 3, activatesAt: 8_000 }], 0), ['active', 'standby'])
})

/** Seconds. */
const keyLease = 60
const nodes = 3

/** What happens, and how many seconds after the previous step. */
type Step = { readonly after: number } & (
  | { readonly what: 'read'; readonly node: number }
  /** The commit comes `lag` seconds after the timestamps were written. */
  | { readonly what: 'rotate'; readonly lag: number }
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant('read' as const), after: seconds(25), node: fc.nat(nodes - 1) }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('rotate' as const), after: seconds(25), lag: seconds(59) }) },
)

function seconds(max: number) {
  return fc.integer({ min: 0, max })
}

/**
 * Simulates any number of rotations while each node reads at its own times. After each step, every node whose lease is valid creates
 * something, and every other node with a valid lease must know the version.
 *
 * @param offsets seconds by which each node's clock is ahead
 * @returns what some node would reject; undefined if there is nothing
 */
function firstRefusal(steps: readonly Step[], offsets: readonly number[], publishedFor: number): string | undefined {
  const rows: (SecretMoments & { readonly visibleAt: number })[] = [{ ...first, visibleAt: 0 }]
  const read = offsets.map(() => ({ at: 0, known: rows.slice() }))
  let now = 0
  for (const step of steps) {
    now += step.after * 1000
    if (step.what === 'read') read[step.node] = { at: now, known: rows.filter(({ visibleAt }) => visibleAt <= now) }
    else if (rows.every(({ activatesAt }) => activatesAt <= now)) {
      const { version } = rows.at(-1) as SecretMoments
      const moments = { publishedAt: now, activatesAt: now + publishedFor * 1000 }
      rows.push({ purpose: 'csrf', version: version + 1, ...moments, visibleAt: now + step.lag * 1000 })
    }
    const isAlive = ({ at }: { at: number }) => now - at < secretLease(keyLease) * 1000
    for (const [node, { known }] of read.entries()) {
      if (!isAlive(read[node]!)) continue
      const states = secretStates(known, now + (offsets[node] ?? 0) * 1000)
      const made = [...states].find(([, state]) => state === 'active')![0].version
      const unaware = read.findIndex((other) => isAlive(other) && !other.known.some(({ version }) => version === made))
      if (unaware >= 0) return `after ${now / 1000} s node ${unaware} does not know version ${made} of node ${node}`
    }
  }
  return undefined
}

const skew = 30
const offsets = fc.array(seconds(skew), { minLength: nodes, maxLength: nodes })
const history = fc.array(step, { minLength: 5, maxLength: 60 })

t.test('no node creates anything that another cannot check, whenever they read and whichever rotates', async () => {
  fc.assert(
    fc.property(history, offsets, (steps, ahead) => {
      const refusal = firstRefusal(steps, ahead, publicationTime(skew))
      if (refusal !== undefined) throw new Error(refusal)
    }),
    { numRuns: 2_000 },
  )
})

t.test('the model finds the failure if a version is published for too short a time', async (t) => {
  const found = fc.check(
    fc.property(history, offsets, (steps, ahead) => firstRefusal(steps, ahead, 60) === undefined),
    { numRuns: 2_000 },
  )
  t.ok(found.failed)
})

t.test('a node uses no secret for more than a minute without confirming it', async (t) => {
  t.equal(secretLease(3), 3)
  t.equal(secretLease(3_600), 60)
  t.ok(publicationTime(0) > secretLease(3_600))
})
