import fc from 'fast-check'
import { newWorld, present, type Rule, type World } from './world.ts'

/* An application with any number of tabs that share their storage, on networks and servers that lose responses. */

const minute = 60
const hour = 3600
const day = 24 * hour

/** Seconds between two presentations of the same token while its responses are lost. */
type Retries = readonly number[]

/** Responses are lost for up to half an hour, and the tabs retry. */
const outage: fc.Arbitrary<Retries> = fc
  .record({ duration: fc.integer({ min: 1, max: 30 * minute }), every: fc.integer({ min: 2, max: 5 * minute }) })
  .map(({ duration, every }) => Array.from({ length: Math.ceil(duration / every) }, () => every))

/** The person stops trying and returns after minutes, on the next day, or after three weeks. */
const away = fc.oneof(
  fc.integer({ min: 1, max: 2 * hour }),
  fc.integer({ min: hour, max: 3 * day }),
  fc.constant(21 * day),
)

/** A device that sleeps, wakes up to refresh, and falls asleep before the response arrives: for eleven hours. */
const night: fc.Arbitrary<Retries> = fc
  .array(fc.integer({ min: 20, max: 4 * hour }), { minLength: 1, maxLength: 20 })
  .map((pauses) =>
    pauses.filter((_, at) => pauses.slice(0, at + 1).reduce((sum, pause) => sum + pause, 0) <= 11 * hour),
  )

/** Up to two outages, after each of which the person is away, or a night. */
const losses: fc.Arbitrary<Retries> = fc.oneof(
  fc
    .array(fc.tuple(outage, away), { minLength: 1, maxLength: 2 })
    .map((sittings) => sittings.flatMap(([retries, pause]) => [...retries, pause])),
  outage,
  night,
  fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
)

/** When the other tabs present the same token, in seconds after the first. All of them are within the grace. */
const tabs = (minLength: number) => fc.array(fc.integer({ min: 0, max: 9 }), { minLength, maxLength: 4 })

const refreshes = (tabs: fc.Arbitrary<number[]>, oneLostIn: number, restores: boolean) =>
  fc.record({
    /** Seconds since the previous refresh. */
    pause: fc.oneof(fc.nat(30), fc.nat(hour), fc.nat(9 * day)),
    lost: fc.oneof({ arbitrary: fc.constant(undefined), weight: oneLostIn - 1 }, { arbitrary: losses, weight: 1 }),
    tabs,
    /** The database is restored to its state before that many refreshes. */
    restored: restores ? fc.option(fc.nat(8), { nil: undefined, freq: 8 }) : fc.constant(undefined),
  })

/** On a bad network, or for a long time with tabs that always refresh together. */
export const honestHistory = fc.oneof(
  fc.array(refreshes(fc.oneof(fc.constant<number[]>([]), tabs(0)), 2, true), {
    minLength: 1,
    maxLength: 40,
    size: 'max',
  }),
  fc.array(refreshes(tabs(1), 10, false), { minLength: 40, maxLength: 80, size: 'max' }),
)
export type HonestHistory = typeof honestHistory extends fc.Arbitrary<infer History> ? History : never

/** How many generations a run of lost responses can last because tabs doubled each refresh. */
const doubledInARow = 16

/**
 * Runs a history with at most two lost responses in a row: a third one is delivered.
 *
 * @returns what went wrong, if anything did
 */
export function liveHonestly(history: HonestHistory, rule?: Rule): string | undefined {
  const world = newWorld(rule)
  const backups: World['family'][] = []
  const run = { lost: 0, doubled: 0 }
  let held = 0
  for (const [step, { pause, lost, tabs, restored }] of history.entries()) {
    world.now += pause
    backups.push(world.family)
    if (restored !== undefined) world.family = backups.at(-1 - restored) ?? world.family
    const first = world.now
    if (lost && run.lost < 2)
      for (const retry of lost) {
        if (present(world, held).token === undefined) return `refused in step ${step}, at a retry`
        world.now += retry
      }
    const arrival = world.now
    let stored = held
    for (const after of [0, ...tabs].sort((one, other) => one - other)) {
      world.now = arrival + after
      const { token } = present(world, held)
      if (token === undefined) return `refused in step ${step}`
      stored = Math.max(stored, token)
    }
    if (stored === held) return `no new token in step ${step}`
    held = stored
    count(run, world.now - first > world.grace, lost !== undefined || tabs.length > 0)
  }
  return undefined
}

function count(run: { lost: number; doubled: number }, late: boolean, doubled: boolean): void {
  if (late) Object.assign(run, { lost: run.lost + 1, doubled: 0 })
  else if (run.lost > 0 && doubled && run.doubled < doubledInARow) run.doubled++
  else Object.assign(run, { lost: 0, doubled: 0 })
}
