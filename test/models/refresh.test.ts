import fc from 'fast-check'
import t from 'tap'
import { forgivenFor } from '../../src/tokens/refresh-rotation.ts'
import { faultyRules } from './refresh/faulty-rules.ts'
import { honestHistory, liveHonestly } from './refresh/honest-client.ts'
import { liveInShadow, liveUnnoticed, liveWithThief, shadowHistory, theftHistory } from './refresh/thief.ts'
import { newWorld, present, type Rule } from './refresh/world.ts'

/** SIGNET_TEST_REFRESH_HISTORIES=500000 searches longer. */
const histories = Number(process.env['SIGNET_TEST_REFRESH_HISTORIES'] ?? 2_000)

interface Outcome {
  readonly histories: number
  /** The shortest history that breaks the claim, and how; undefined if none does. */
  readonly finding: string | undefined
}

/** Runs that many histories, or until one breaks the claim. */
function explore<History>(
  history: fc.Arbitrary<History>,
  live: (history: History, rule?: Rule) => string | undefined,
  rule?: Rule,
): Outcome {
  const property = fc.property(history, (steps) => {
    const finding = live(steps, rule)
    if (finding) throw new Error(finding)
  })
  // A fault must be found whatever the seed; the search ends with the first history that shows it.
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
  'a thief who gets the owner signed out loses access too: thieves who use up forgiveness, wait, come once, or hold a spent token':
    outliving,
  'an unnoticed thief has access for a limited time, and holds no token that works afterwards': unnoticed,
  'a thief who shadows each generation is detected the third time that one of the two is late': shadow,
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
  ['a refusal as exhausted that does not end the family', outliving, faultyRules.exhaustedButAlive],
  ['unlimited forgiveness', unnoticed, faultyRules.withoutEnd],
  ['forgiveness that ends a day after it began, whether or not anyone asks', honesty, faultyRules.aDayAfterTheFirst],
  ['forgiveness in any number of generations', shadow, faultyRules.inAnyNumberOfGenerations],
  ['forgiveness in one generation only', honesty, faultyRules.inOneGeneration],
  ['a run that a single refresh within the grace ends', shadow, faultyRules.brokenByTheGrace],
  ['a run that tabs keep going forever', honesty, faultyRules.neverForgotten],
]
for (const [fault, check, rule] of faults)
  t.test(`the model finds ${fault}`, async (t) => {
    const { histories, finding } = check(rule)
    t.ok(finding, `in ${histories} histories`)
  })

t.test('a thief who uses up forgiveness while the owner sleeps ends the family, and must be quick', async (t) => {
  const world = newWorld()
  present(world, 0) // The response is lost, and the thief reads it.
  for (const started = world.now; !world.ended && world.now < started + 2 * forgivenFor; ) {
    world.now += 60
    present(world, 0)
  }
  t.ok(world.ended)
  t.ok(world.now <= forgivenFor + 200, `after ${world.now} seconds`)
  t.equal(present(world, 1).token, undefined, "the thief's token is revoked, too")
})

t.test('a thief who presents a token once signs nobody out, and soon holds nothing that works', async (t) => {
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
