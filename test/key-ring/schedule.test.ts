import fc from 'fast-check'
import t from 'tap'
import {
  hasActivated,
  inOrderOfActivation,
  isPublished,
  type KeyMoments,
  keyStates,
} from '../../src/key-ring/schedule.ts'
import { signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'

const key = (kid: string, moments: Partial<KeyMoments>): KeyMoments => ({
  kid,
  alg: 'ES256',
  publishedAt: 0,
  activatesAt: 0,
  retiresAt: undefined,
  revokedAt: undefined,
  ...moments,
})
const states = (keys: KeyMoments[], now: number) =>
  Object.fromEntries([...keyStates(keys, now)].map(([{ kid }, state]) => [kid, state]))

t.test("a key's state depends only on the time", async (t) => {
  const keys = [key('one', { retiresAt: 300 }), key('two', { publishedAt: 50, activatesAt: 200 })]
  t.same(states(keys, 100), { one: 'active', two: 'standby' })
  t.same(states(keys, 199), { one: 'active', two: 'standby' })
  t.same(states(keys, 200), { one: 'retiring', two: 'active' })
  t.same(states(keys, 300), { one: 'retired', two: 'active' })
})

t.test('if the signing key is revoked, no other signs in its place until a decision activates it', async (t) => {
  const keys = [key('one', {}), key('two', { activatesAt: 100, revokedAt: 150 }), key('three', { activatesAt: 900 })]
  t.same(states(keys, 120), { one: 'retiring', two: 'active', three: 'standby' })
  t.same(states(keys, 150), { one: 'retiring', two: 'revoked', three: 'standby' })
})

t.test('a key that was revoked on standby changes nothing, not even at its activation time', async (t) => {
  const keys = [key('one', {}), key('two', { activatesAt: 100, revokedAt: 50 })]
  t.same(states(keys, 120), { one: 'active', two: 'revoked' })
})

t.test('the last key of an algorithm stays active, whatever retirement was recorded for it', async (t) => {
  t.same(states([key('one', { retiresAt: 10 })], 20), { one: 'active' })
})

t.test('algorithms are independent of each other', async (t) => {
  t.same(states([key('ec', {}), key('rsa', { alg: 'RS256', activatesAt: 5 })], 10), { ec: 'active', rsa: 'active' })
})

t.test(
  'for any timestamps, at most one key of an algorithm is active, every node agrees on it, and it is published',
  async (t) => {
    const moment = fc.integer({ min: 0, max: 50 })
    const moments = fc.record({
      kid: fc.uuid(),
      alg: fc.constantFrom(...signingAlgorithms),
      publishedAt: moment,
      activatesAt: moment,
      retiresAt: fc.option(moment, { nil: undefined }),
      revokedAt: fc.option(moment, { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.uniqueArray(moments, { selector: ({ kid }) => kid, maxLength: 8 }), moment, (keys, now) => {
        const found = keyStates(keys, now)
        const backwards = keyStates([...keys].reverse(), now)
        for (const alg of signingAlgorithms) {
          const active = keys.filter((one) => one.alg === alg && found.get(one) === 'active')
          const activated = keys.filter((one) => one.alg === alg && hasActivated(one, now)).sort(inOrderOfActivation)
          const last = activated.at(-1)
          if (active.length !== (last && found.get(last) !== 'revoked' ? 1 : 0)) return false
          if (active[0] && !isPublished(found.get(active[0]) ?? 'revoked')) return false
        }
        return keys.every((one) => found.get(one) === backwards.get(one))
      }),
      { numRuns: 2_000 },
    )
    t.pass('no counterexample')
  },
)
