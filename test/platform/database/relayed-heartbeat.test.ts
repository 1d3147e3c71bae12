import t from 'tap'
import { machineClocks, momentForMachine, momentFromMachine, momentOf } from '../../../src/platform/clock.ts'
import { maxStaleness } from '../../../src/platform/database/heartbeat.ts'
import { createRelayedHeartbeat, pulseForMachine } from '../../../src/platform/database/relayed-heartbeat.ts'

function open() {
  const happened: unknown[] = []
  const heartbeat = createRelayedHeartbeat(
    {
      onNotify: (channel) => happened.push(channel ?? 'anything'),
      onLost: (reason) => happened.push({ lost: reason }),
      onTooMany: () => happened.push('too many'),
    },
    (wish) => happened.push({ wish }),
  )
  return { heartbeat, happened }
}

/** A moment some milliseconds ago, by both clocks. */
function ago(milliseconds: number) {
  const { wall, monotonic } = momentOf(machineClocks)
  return { wall: wall - milliseconds, monotonic: monotonic - milliseconds }
}

const pulse = (age: number, problem?: string) => ({
  what: 'pulse' as const,
  pulse: pulseForMachine({ notifiedUntil: ago(age), writtenAt: ago(age), problem }),
})

t.test('without news, nothing is live, and the database counts as unusable', (t) => {
  const { heartbeat } = open()
  t.notOk(heartbeat.isLive())
  t.match(heartbeat.problem(), /could not be written/)
  t.end()
})

t.test('a pulse counts from the moment that it is about, however late it arrives', (t) => {
  const { heartbeat } = open()
  heartbeat.hear(pulse(0))
  t.ok(heartbeat.isLive())
  t.equal(heartbeat.problem(), undefined)
  heartbeat.hear(pulse(maxStaleness + 1))
  t.notOk(heartbeat.isLive(), 'as after so long without another')
  t.match(heartbeat.problem(), /could not be written/)
  heartbeat.hear(pulse(0, "the database's disk is full"))
  t.equal(heartbeat.problem(), "the database's disk is full")
  heartbeat.hear({ what: 'pulse', pulse: { notifiedUntil: undefined, writtenAt: undefined, problem: undefined } })
  t.notOk(heartbeat.isLive(), 'the connection is lost')
  t.end()
})

t.test('a jump of one clock does not make an old pulse count', (t) => {
  const { heartbeat } = open()
  const now = momentOf(machineClocks)
  for (const stale of [
    { ...now, wall: now.wall - maxStaleness - 1 },
    { ...now, monotonic: now.monotonic - maxStaleness - 1 },
  ]) {
    const known = { notifiedUntil: stale, writtenAt: stale, problem: undefined }
    heartbeat.hear({ what: 'pulse', pulse: pulseForMachine(known) })
    t.notOk(heartbeat.isLive())
  }
  t.end()
})

t.test('news and wishes are passed on, until it is stopped', async (t) => {
  const { heartbeat, happened } = open()
  heartbeat.hear({ what: 'notified', channel: 'signet_clients' })
  heartbeat.hear({ what: 'notified', channel: undefined })
  heartbeat.hear({ what: 'lost', reason: 'gone', isCertain: true })
  heartbeat.hear({ what: 'too-many' })
  heartbeat.reconnect()
  heartbeat.checkDisk()
  t.same(happened, [
    ...['signet_clients', 'anything', { lost: 'gone' }, 'too many'],
    ...[{ wish: 'reconnect' }, { wish: 'check-disk' }],
  ])
  await heartbeat.stop()
  heartbeat.hear({ what: 'notified', channel: 'signet_clients' })
  t.equal(happened.length, 6)
})

t.test('a moment arrives unchanged, also in JSON', (t) => {
  const moment = momentOf(machineClocks)
  const arrived = momentFromMachine(JSON.parse(JSON.stringify(momentForMachine(moment))))
  t.equal(arrived.wall, moment.wall)
  t.ok(Math.abs(arrived.monotonic - moment.monotonic) < 0.01)
  t.end()
})
