import t from 'tap'
import {
  afterEnd,
  afterStart,
  delayOf,
  isHopeless,
  noRestarts,
  type Restarts,
} from '../../../src/platform/processes/restarts.ts'

const ends = (...served: (number | undefined)[]) => served.reduce<Restarts>(afterEnd, noRestarts)

t.test('the first failure is made good at once, and then the delay doubles up to half a minute', (t) => {
  const delays = Array.from({ length: 9 }, (_, at) => delayOf(ends(...new Array(at + 1).fill(0))))
  t.same(delays, [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  t.end()
})

t.test('an exception after a minute of service is made good at once again', (t) => {
  t.equal(delayOf(ends(0, 0, 0, 60_000)), 0)
  t.equal(delayOf(ends(0, 0, 0, 59_999)), 4_000)
  t.end()
})

t.test('the group gives up only if nobody serves, and three starts in a row have failed', (t) => {
  t.notOk(isHopeless(ends(undefined, undefined), 0))
  t.ok(isHopeless(ends(undefined, undefined, undefined), 0))
  t.notOk(isHopeless(ends(undefined, undefined, undefined), 1))
  t.notOk(isHopeless(ends(0, 0, 0, 0, 0), 0), 'processes that start and then fail are a reason to wait')
  t.notOk(isHopeless(afterStart(ends(undefined, undefined, undefined)), 0), 'one has started since')
  t.notOk(isHopeless(ends(undefined, undefined, 0, undefined), 0))
  t.end()
})
