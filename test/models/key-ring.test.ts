// Own process: it takes long.
import fc from 'fast-check'
import t from 'tap'
import { dueFor } from '../../src/key-ring/rotation.ts'
import { live } from './key-ring/history.ts'
import { type Rules, rules } from './key-ring/world.ts'

/** SIGNET_TEST_KEY_HISTORIES=1000000 searches longer. */
const histories = Number(process.env['SIGNET_TEST_KEY_HISTORIES'] ?? 100_000)

/** Runs that many histories, or until one breaks a promise. The shortest such history is reported. */
function explore(rules: Rules, numRuns: number) {
  const history = fc.uint8Array({ minLength: 10, maxLength: 44, size: 'max' })
  const property = fc.property(history, (bytes) => {
    const finding = live(bytes, rules)
    if (finding) throw new Error(finding)
  })
  return fc.check(property, { numRuns, seed: Number(process.env['SIGNET_TEST_SEED'] ?? Date.now() % 2 ** 31) })
}

t.test(
  'verifiers know every signing key and trust no revoked one, whatever nodes, clocks, operators, crashes and backups do',
  async (t) => {
    const outcome = explore(rules, histories)
    t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? '')
    t.equal(outcome.numRuns, histories)
    t.comment(`${outcome.numRuns} histories`)
  },
)

const faults: Record<string, Rules> = {
  'a delay that is a tenth too short': {
    ...rules,
    due: (alg, keys, now, delays) =>
      dueFor(alg, keys, now, { ...delays, activationDelay: delays.activationDelay * 0.9 }),
    rotationDelay: 0.9,
    standbyIsChecked: false,
  },
  'a key that retires before its tokens expire': {
    ...rules,
    due: (alg, keys, now, delays) =>
      dueFor(
        alg,
        keys.map((key) => ({ ...key, longestLifetime: 0 })),
        now,
        { ...delays, clockSkew: 0 },
      ),
  },
  'trust in a restored backup': { ...rules, recover: () => [] },
  'a node that trusts its keys for an hour': { ...rules, overstay: 3_600 },
  'two standbys too few': {
    ...rules,
    due: (alg, keys, now, delays) =>
      dueFor(alg, keys, now, delays).filter(({ what }) => what !== 'create' || keys.length === 0),
  },
}
for (const [fault, faulty] of Object.entries(faults))
  t.test(`the model finds ${fault}`, async (t) => {
    const outcome = explore(faulty, histories)
    t.ok(outcome.failed, `${outcome.numRuns} histories`)
    t.comment(`found in history ${outcome.numRuns}: ${(outcome.errorInstance as Error).message}`)
  })
