import fc from 'fast-check'
import t from 'tap'
import { firstMoments, isPublished, type KeyMoments, keyStates } from '../../src/key-ring/schedule.ts'

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

t.test('a key goes through its states by the time alone', async (t) => {
  const keys = [key('one', { retiresAt: 300 }), key('two', { publishedAt: 50, activatesAt: 200 })]
  t.same(states(keys, 100), { one: 'active', two: 'standby' })
  t.same(states(keys, 199), { one: 'active', two: 'standby' })
  t.same(states(keys, 200), { one: 'retiring', two: 'active' })
  t.same(states(keys, 300), { one: 'retired', two: 'active' })
})

t.test('a revoked key signs nothing, and the one before it or a ripe standby takes its place', async (t) => {
  const keys = [key('one', {}), key('two', { activatesAt: 100, revokedAt: 150 })]
  t.same(states(keys, 120), { one: 'retiring', two: 'active' })
  t.same(states(keys, 150), { one: 'active', two: 'revoked' })
})

t.test('algorithms do not know of each other', async (t) => {
  t.same(states([key('ec', {}), key('rsa', { alg: 'RS256', activatesAt: 5 })], 10), { ec: 'active', rsa: 'active' })
})

t.test('the first keys sign at once, and their standbys when every verifier has seen them', async (t) => {
  t.same(firstMoments(1_000, 90, 20), {
    active: { publishedAt: 1_000, activatesAt: 1_000 },
    standby: { publishedAt: 1_000, activatesAt: 91_000 },
  })
  t.equal(firstMoments(0, 10, 20).standby.activatesAt, 20_000)
})

t.test(
  'whatever the moments, at most one key of an algorithm is active, every node agrees on it, and it is published',
  async (t) => {
    const moment = fc.integer({ min: 0, max: 50 })
    const moments = fc.record({
      kid: fc.uuid(),
      alg: fc.constantFrom('ES256' as const, 'RS256' as const),
      publishedAt: moment,
      activatesAt: moment,
      retiresAt: fc.option(moment, { nil: undefined }),
      revokedAt: fc.option(moment, { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.uniqueArray(moments, { selector: ({ kid }) => kid, maxLength: 8 }), moment, (keys, now) => {
        const found = keyStates(keys, now)
        const backwards = keyStates([...keys].reverse(), now)
        for (const alg of ['ES256', 'RS256']) {
          const active = keys.filter((one) => one.alg === alg && found.get(one) === 'active')
          const alive = keys.filter(
            (one) =>
              one.alg === alg &&
              one.activatesAt <= now &&
              !(Number(one.retiresAt) <= now) &&
              !(Number(one.revokedAt) <= now),
          )
          if (active.length !== Math.min(1, alive.length)) return false
          if (active[0] && !isPublished(found.get(active[0]) ?? 'revoked')) return false
        }
        return keys.every((one) => found.get(one) === backwards.get(one))
      }),
      { numRuns: 2_000 },
    )
    t.pass('no counter-example')
  },
)
