import t from 'tap'
import { dueFor, rotate } from '../../src/key-ring/rotation.ts'

const delays = { rotationPeriod: 1_000, activationDelay: 100, clockSkew: 1, keyLease: 1 }
const key = (kid: string, activatesAt: number, sealedPrivateJwk: object | undefined = {}, publishedAt = 0) => ({
  ...{ kid, alg: 'ES256' as const, publishedAt, activatesAt, retiresAt: undefined, revokedAt: undefined },
  ...{ longestLifetime: 0, sealedPrivateJwk },
})
const ring = [key('active', 0), key('next', 900_000), key('behind', 1_900_000)]

t.test('a row without a private half is never rotated to', async (t) => {
  const planted = { ...key('planted', 200_500), sealedPrivateJwk: undefined }
  t.match(rotate([...ring, planted], 'ES256', 200_000, delays, false), { kid: 'next', activatesAt: 200_000 })
})

t.test('the next key takes over immediately if both standbys are ripe, and otherwise when they are', async (t) => {
  t.match(rotate(ring, 'ES256', 100_000, delays, false), { kid: 'next', activatesAt: 100_000 })
  t.match(rotate(ring, 'ES256', 99_999, delays, false), { kid: 'next', activatesAt: 100_000 })
  const late = [...ring.slice(0, 2), key('behind', 1_900_000, {}, 50_000)]
  t.match(rotate(late, 'ES256', 100_000, delays, false), { activatesAt: 150_000 }, 'a ripe one must remain')
  t.match(rotate(late, 'ES256', 100_000, delays, true), { activatesAt: 100_000, ripeAt: 150_000 }, 'unless forced')
})

t.test(
  'a key that takes over early also signs for the rest of the previous period: the keys behind it are not moved',
  async (t) => {
    const period = delays.rotationPeriod * 1_000
    const early = rotate(ring, 'ES256', 100_000, delays, false)
    t.match(early, { kid: 'next', decisions: [{ what: 'activate', kid: 'next', activatesAt: 100_000 }] })
    const rotated = [key('active', 0), key('next', 100_000), key('behind', 1_900_000)]
    const decisions = dueFor('ES256', rotated, 100_000, delays)
    t.match(
      decisions.find(({ what }) => what === 'create'),
      { activatesAt: 1_900_000 + period },
      'a new standby follows one period after the last',
    )
    t.notOk(decisions.some(({ what }) => what === 'activate' || what === 'postpone'))
    t.ok(1_900_000 - 100_000 > period, 'so it signs for longer than a period')
  },
)

t.test('a rotation is never delayed, and nothing is decided if nothing would happen earlier', async (t) => {
  t.match(rotate(ring, 'ES256', 899_999, delays, false), { activatesAt: 899_999 })
  const soon = [key('active', 0), key('next', 60_000), key('behind', 1_900_000)]
  t.match(rotate(soon, 'ES256', 50_000, delays, false), { activatesAt: 60_000, decisions: [] })
  t.equal(rotate(ring, 'RS256', 100_000, delays, false), undefined)
})
