import t from 'tap'
import { maxStaleness, notifyChannels, startHeartbeat } from '../../../src/platform/database/heartbeat.ts'
import { hostsOf } from '../../../src/platform/database/hosts.ts'
import { migratedDatabase, noLog, withoutPooler } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'

withoutPooler(
  t,
  'what was notified before the listener was lost stays known for the stated time, by either clock, and no longer',
  async (t) => {
    const { url, schema, openPool } = await migratedDatabase(t)
    const pool = openPool({ max: 1 })
    const clock = { wall: 1_000_000, monotonic: 5_000 }
    const lost: { reason: string; isCertain: boolean; live: boolean[] }[] = []
    const notified: (string | undefined)[] = []
    const liveAt = (wall: number, monotonic: number) => {
      const now = { ...clock }
      Object.assign(clock, { wall: now.wall + wall, monotonic: now.monotonic + monotonic })
      const isLive = heartbeat.isLive()
      Object.assign(clock, now)
      return isLive
    }
    const heartbeat = startHeartbeat({
      hosts: hostsOf({ connectionString: url }),
      schema,
      channels: [notifyChannels.clients],
      onNotify: (channel) => notified.push(channel),
      onLost: (reason, isCertain) => {
        // Called before anything is opened again.
        const live = [
          liveAt(0, 0),
          liveAt(maxStaleness, maxStaleness),
          liveAt(maxStaleness + 1, 0),
          liveAt(0, maxStaleness + 1),
        ]
        lost.push({ reason, isCertain, live })
      },
      onTooMany: () => {},
      log: noLog,
      clocks: { wall: () => clock.wall, monotonic: () => clock.monotonic },
    })
    t.teardown(() => heartbeat.stop())
    await heartbeat.begun
    await eventually('the first beat', () => heartbeat.isLive())
    t.same(notified, [undefined])
    await pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = left($1, 63)', [
      `signet listener ${schema}`,
    ])
    await eventually('the loss to be noticed', () => lost.length > 0)
    t.match(lost, [{ isCertain: false, live: [true, true, false, false] }])
    await eventually('it to listen again', () => notified.length === 2)
    t.same(notified, [undefined, undefined], 'which empties the cache')
  },
)
