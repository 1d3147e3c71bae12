import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { startTimer } from '../../src/platform/wait-queue.ts'
import { eventually } from '../support/eventually.ts'

/** Blocks this process, as if it got no CPU time. */
function stall(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

t.test('a stall longer than the timeout does not fire the timer, which fires afterwards', async (t) => {
  let called = 0
  startTimer(() => called++, 200)
  stall(500)
  // An ordinary timer would fire in this turn of the event loop, before anything is read from a socket.
  await turn()
  await turn()
  t.equal(called, 0)
  await eventually('the timer to fire', () => called > 0)
  t.equal(called, 1)
})

t.test('a timer that was stopped never fires, in whichever part of its wait it was stopped', async (t) => {
  const called: string[] = []
  const atOnce = startTimer(() => called.push('at once'), 50)
  const later = startTimer(() => called.push('later'), 300)
  atOnce()
  const other = startTimer(() => called.push('other'), 100)
  await eventually('another timer to fire', () => called.includes('other'))
  later()
  other()
  startTimer(() => called.push('last'), 400)
  await eventually('the last timer to fire', () => called.includes('last'))
  t.notOk(called.includes('at once'))
})
