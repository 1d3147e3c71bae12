import t from 'tap'
import { delayInEffect, mustAnnounceDelay } from '../../src/key-ring/schedule.ts'

const [hour, day] = [3_600_000, 86_400_000]
const announcedAt = 1_000 * day
/** A day, in seconds. */
const long = { seconds: 86_400, announcedAt }

t.test(
  'a lowered setting takes effect only when no cache can still hold a set served under the longer one',
  async (t) => {
    const own = 3_600
    // Until the set from the last moment at which a node may have used the long delay has expired: that delay plus two hours.
    for (const age of [0, day, day + 2 * hour - 1]) {
      t.equal(delayInEffect(long, own, announcedAt + age), 86_400, `after ${age} ms`)
      t.equal(
        mustAnnounceDelay(long, own, announcedAt + age),
        false,
        'the stored delay is not replaced by the shorter one',
      )
    }
    t.equal(delayInEffect(long, own, announcedAt + day + 2 * hour), own)
    t.equal(mustAnnounceDelay(long, own, announcedAt + day + 2 * hour), true)
  },
)

t.test('a raised setting takes effect and is stored immediately', async (t) => {
  const own = 2 * 86_400
  t.equal(delayInEffect(long, own, announcedAt), own)
  t.equal(mustAnnounceDelay(long, own, announcedAt), true)
})

t.test('an unchanged setting is stored again every hour', async (t) => {
  t.equal(delayInEffect(long, 86_400, announcedAt), 86_400)
  t.equal(mustAnnounceDelay(long, 86_400, announcedAt + hour - 1), false)
  t.equal(mustAnnounceDelay(long, 86_400, announcedAt + hour), true)
})
