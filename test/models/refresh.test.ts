import fc from 'fast-check'
import t from 'tap'
import { forgivenFor } from '../../src/tokens/refresh-rotation.ts'
import { faultyRules } from './refresh/faulty-rules.ts'
import { honestHistory, liveHonestly } from './refresh/honest-client.ts'
import { liveInShadow, liveUnnoticed, liveWithThief, shadowHistory, theftHistory } from './refresh/thief.ts'
import { newWorld, present, type Rule } from './refresh/world.ts'

/** SIGNET_TEST_REFRESH_HISTORIES=500000 looks longer. */
const histories = Number(process.env['SIGNET_TEST_REFRESH_HISTORIES'] ?? 2_000)

interface Outcome {
  readonly histories: number
  /** The shortest history that breaks the claim, and how; undefined if none does. */
  readonly finding: string | undefined
}

/** Lives through that many histories, or until one breaks the claim. */
function explore<History>(
  history: fc.Arbitrary<History>,
  live: (history: History, rule?: Rule) => string | undefined,
  rule?: Rule,
): Outcome {
  const property = fc.property(history, (steps) => {
    const finding = live(steps, rule)
    if (finding) throw new Error(finding)
  })
  // A fault must be found however unlucky the seed is; the search ends with the first history that shows it.
  const numRuns = rule ? 1_000_000 : histories
  const outcome = fc.check(property, { numRuns, seed: Number(process.env['SIGNET_TEST_SEED'] ?? Date.now() % 2 ** 31) })
  return {
    histories: outcome.numRuns,
    finding: outcome.failed ? (fc.defaultReportMessage(outcome) ?? 'interrupted') : undefined,
  }
}

const honesty = (rule?: Rule) => explore(honestHistory, liveHonestly, rule)
const outliving = (rule?: Rule) => explore(theftHistory, liveWithThief, rule)
const unnoticed = (rule?: Rule) => explore(theftHistory, liveUnnoticed, rule)
const shadow = (rule?: Rule) => explore(shadowHistory, liveInShadow, rule)

const claims = {
  'whoever put the owner out does not outlive it: thieves who burn, wait, come once, or hold a spent token': outliving,
  'a thief whom nobody notices has access for a bounded time, and nothing that is good afterwards': unnoticed,
  'a thief who lives off each generation is found the third time that one of the two is late': shadow,
  'an honest client with at most two lost responses in a row is never signed out: tabs, outages, nights, restores':
    honesty,
}
for (const [claim, check] of Object.entries(claims))
  t.test(claim, async (t) => {
    t.same(check(), { histories, finding: undefined })
  })

const faults: [string, (rule: Rule) => Outcome, Rule][] = [
  ['ten times, and then a refusal that leaves the family to the thief', outliving, faultyRules.tenTimes],
  ['ten times, which clients that retry use up', honesty, faultyRules.tenTimes],
  ['a refusal for being exhausted that ends nothing', outliving, faultyRules.exhaustedButAlive],
  ['forgiveness without end', unnoticed, faultyRules.withoutEnd],
  ['forgiveness that ends a day after it began, whether or not anybody asks', honesty, faultyRules.aDayAfterTheFirst],
  ['forgiveness in any number of generations', shadow, faultyRules.inAnyNumberOfGenerations],
  ['forgiveness in one generation only', honesty, faultyRules.inOneGeneration],
  ['a run that one refresh within the grace breaks', shadow, faultyRules.brokenByTheGrace],
  ['a run that tabs keep going for ever', honesty, faultyRules.neverForgotten],
]
for (const [fault, check, rule] of faults)
  t.test(`the model finds ${fault}`, async (t) => {
    const { histories, finding } = check(rule)
    t.ok(finding, `in ${histories} histories`)
  })

t.test('a thief who burns forgiveness while the owner sleeps ends the family, and has to be quick', async (t) => {
  const world = newWorld()
  present(world, 0) // The response is lost, and the thief reads it.
  for (const started = world.now; !world.ended && world.now < started + 2 * forgivenFor; ) {
    world.now += 60
    present(world, 0)
  }
  t.ok(world.ended)
  t.ok(world.now <= forgivenFor + 200, `after ${world.now} seconds`)
  t.equal(present(world, 1).token, undefined, 'what the thief holds is gone, too')
})

t.test('a thief who comes once and then no more signs nobody out, and holds nothing soon', async (t) => {
  const world = newWorld()
  const refresh = (token: number) => {
    world.now += 900
    return present(world, token).token
  }
  t.equal(refresh(0), 1, 'the owner')
  t.equal(refresh(0), 1, 'the thief, with the same successor')
  t.equal(refresh(1), 2, 'the owner')
  t.equal(refresh(2), 3, 'the owner')
  t.equal(refresh(1), undefined, 'the thief')
  t.ok(world.ended)
})
