import t from 'tap'
import { createClock } from '../../src/platform/clock.ts'

function machine() {
  const state = { wall: 1_000_000, monotonic: 50 }
  return {
    state,
    clock: createClock(
      () => state.wall,
      () => state.monotonic,
    ),
  }
}

t.test('the clock follows the database from the moment it has seen it', async (t) => {
  const { state, clock } = machine()
  clock.observe(2_000_000)
  state.wall += 500
  state.monotonic += 500
  t.equal(clock.now(), 2_000_500)
  t.equal(clock.seconds(), 2_000)
  state.wall += 499
  state.monotonic += 499
  t.equal(clock.seconds(), 2_000, 'seconds are rounded down')
})

t.test('the clock never goes back, whatever the database or this machine says', async (t) => {
  const { state, clock } = machine()
  clock.observe(2_000_000)
  t.equal(clock.now(), 2_000_000)
  clock.observe(1_500_000)
  t.equal(clock.now(), 2_000_000)
  state.wall -= 900_000
  t.equal(clock.now(), 2_000_000)
})

t.test('a suspended machine catches up by its wall clock', async (t) => {
  const { state, clock } = machine()
  clock.observe(2_000_000)
  state.wall += 3_600_000
  t.equal(clock.now(), 5_600_000)
})
