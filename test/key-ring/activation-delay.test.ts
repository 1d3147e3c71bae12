import t from 'tap'
import { delayInEffect, mustAnnounceDelay } from '../../src/key-ring/schedule.ts'

const [hour, day] = [3_600_000, 86_400_000]
const announcedAt = 1_000 * day
/** A day, in seconds. */
const long = { seconds: 86_400, announcedAt }

t.test(
  'a setting that is lowered counts only when no cache can hold what was served under the longer one',
  async (t) => {
    const own = 3_600
    // Until the set of the last moment at which a node may have named it has expired: its delay, and two hours.
    for (const age of [0, day, day + 2 * hour - 1]) {
      t.equal(delayInEffect(long, own, announcedAt + age), 86_400, `after ${age} ms`)
      t.equal(mustAnnounceDelay(long, own, announcedAt + age), false, 'and the shorter one is not written over it')
    }
    t.equal(delayInEffect(long, own, announcedAt + day + 2 * hour), own)
    t.equal(mustAnnounceDelay(long, own, announcedAt + day + 2 * hour), true)
  },
)

t.test('a setting that is raised counts at once, and is named at once', async (t) => {
  const own = 2 * 86_400
  t.equal(delayInEffect(long, own, announcedAt), own)
  t.equal(mustAnnounceDelay(long, own, announcedAt), true)
})

t.test('a setting that stays is named again every hour', async (t) => {
  t.equal(delayInEffect(long, 86_400, announcedAt), 86_400)
  t.equal(mustAnnounceDelay(long, 86_400, announcedAt + hour - 1), false)
  t.equal(mustAnnounceDelay(long, 86_400, announcedAt + hour), true)
})
