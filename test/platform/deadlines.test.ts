import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createDeadlines, startTimer } from '../../src/platform/deadlines.ts'
import { eventually } from '../support/eventually.ts'

/** Blocks this process, as if it got no CPU time. */
function stall(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

const timersThatKeepRunning = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

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

t.test('a stall fires none of the waits of a shared timer, whenever they began', async (t) => {
  const called: number[] = []
  const startWait = createDeadlines(400)
  for (let number = 0; number < 8; number++) {
    startWait(() => called.push(number))
    stall(5)
    await turn()
  }
  t.same(called, [])
  stall(1_000)
  await turn()
  await turn()
  t.same(called, [])
  await eventually('all to end', () => called.length === 8)
  t.same(called, [0, 1, 2, 3, 4, 5, 6, 7], 'in the order in which they began')
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

t.test('of thousands of waits only those that were not cancelled end, each once, and none early', async (t) => {
  const length = 200
  const startWait = createDeadlines(length)
  const waited: number[] = []
  for (let round = 0; round < 20; round++) {
    const cancels = Array.from({ length: 200 }, () => startWait(() => t.fail('a cancelled wait ended')))
    const begun = performance.now()
    startWait(() => waited.push(performance.now() - begun))
    for (const cancel of cancels) cancel()
    for (const cancel of cancels) cancel()
    stall(2)
    await turn()
  }
  await eventually('the others to end', () => waited.length >= 20)
  t.equal(waited.length, 20)
  // Node rounds the length of a timer to milliseconds.
  t.ok(Math.min(...waited) >= length - 20, `the first after ${Math.min(...waited)} ms`)
})

t.test('a wait that ends may start another and cancel others, also those that end with it', async (t) => {
  const called: string[] = []
  const startWait = createDeadlines(100)
  startWait(() => {
    called.push('first')
    cancelSecond()
    startWait(() => called.push('third'))
  })
  const cancelSecond = startWait(() => called.push('second'))
  await eventually('the last to end', () => called.includes('third'))
  t.same(called, ['first', 'third'])
})

t.test('a wait that throws does not keep the others from ending', async (t) => {
  const startWait = createDeadlines(100)
  const called: string[] = []
  const caught: unknown[] = []
  process.once('uncaughtException', (error) => caught.push(error))
  startWait(() => {
    throw new Error('as planned')
  })
  startWait(() => called.push('other'))
  await eventually('the other to end', () => called.length === 1 && caught.length === 1)
  t.match(caught, [{ message: 'as planned' }])
})

t.test('the process is kept running while something waits, and no longer', async (t) => {
  const before = timersThatKeepRunning()
  const startWait = createDeadlines(60_000)
  const cancel = startWait(() => {})
  const cancelAnother = startWait(() => {})
  t.equal(timersThatKeepRunning(), before + 1)
  cancel()
  t.equal(timersThatKeepRunning(), before + 1)
  cancelAnother()
  t.equal(timersThatKeepRunning(), before)
  const again = startWait(() => {})
  t.equal(timersThatKeepRunning(), before + 1)
  again()
  t.equal(timersThatKeepRunning(), before)
})
