import t from 'tap'
import { createClock, momentOf } from '../../src/platform/clock.ts'

function machine() {
  const state = { wall: 1_000_000, monotonic: 50 }
  const clocks = { wall: () => state.wall, monotonic: () => state.monotonic }
  const pass = (milliseconds: number) => {
    state.wall += milliseconds
    state.monotonic += milliseconds
  }
  return { state, clocks, pass, clock: createClock(clocks) }
}

t.test('the clock follows the database from its first observation', async (t) => {
  const { pass, clock } = machine()
  clock.observe(2_000_000)
  pass(500)
  t.equal(clock.now(), 2_000_500)
  t.equal(clock.seconds(), 2_000)
  pass(499)
  t.equal(clock.seconds(), 2_000, 'seconds are rounded down')
})

t.test('a jump that is corrected has no effect afterwards, even before the database is asked again', async (t) => {
  const { state, pass, clock } = machine()
  clock.observe(2_000_000)
  state.wall += 300_000
  pass(10)
  t.equal(clock.now(), 2_300_010, 'it could have been a suspension')
  state.wall -= 300_000
  pass(10)
  t.equal(clock.now(), 2_000_020)
})

t.test('a jump that lasts is corrected once the database has been asked', async (t) => {
  const { state, pass, clock } = machine()
  clock.observe(2_000_000)
  state.wall += 300_000
  t.equal(clock.now(), 2_300_000)
  pass(1_000)
  clock.observe(2_001_000)
  t.equal(clock.now(), 2_001_000)
  pass(1_000)
  t.equal(clock.now(), 2_002_000)
})

t.test('a wall clock that is set back makes no difference', async (t) => {
  const { state, pass, clock } = machine()
  clock.observe(2_000_000)
  state.wall -= 900_000
  pass(1_000)
  t.equal(clock.now(), 2_001_000)
})

t.test('small corrections are made by standing still', async (t) => {
  const { pass, clock } = machine()
  clock.observe(2_000_000)
  pass(1_000)
  t.equal(clock.now(), 2_001_000)
  clock.observe(2_000_001)
  t.equal(clock.now(), 2_001_000)
  pass(998)
  t.equal(clock.now(), 2_001_000)
  pass(2)
  t.equal(clock.now(), 2_001_001)
})

t.test('a slow response moves the clock no further than necessary', async (t) => {
  const { clocks, pass, clock } = machine()
  clock.observe(2_000_000)
  const asked = momentOf(clocks)
  pass(4_000)
  clock.observe(2_000_100, asked)
  t.equal(clock.now(), 2_004_000, 'consistent if the database read its clock at the start of the four seconds')
  const again = momentOf(clocks)
  pass(4_000)
  clock.observe(2_100_000, again)
  t.equal(clock.now(), 2_100_000, 'inconsistent, and the time is at least that')
  const once = momentOf(clocks)
  pass(4_000)
  clock.observe(2_050_000, once)
  t.equal(clock.now(), 2_054_000, 'inconsistent too, and the time is at most that')
})

t.test('a suspended machine catches up from its wall clock', async (t) => {
  const { state, clock } = machine()
  clock.observe(2_000_000)
  state.wall += 3_600_000
  t.equal(clock.now(), 5_600_000)
})
