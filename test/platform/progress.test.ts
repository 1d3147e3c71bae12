import t from 'tap'
import { reportIfSlow, untilAborted } from '../../src/platform/progress.ts'

t.test('a slow step is reported while it runs, and a fast one is not', async (t) => {
  const reported: string[] = []
  t.equal(
    await reportIfSlow(
      (step) => reported.push(step),
      'quick',
      async () => 1,
    ),
    1,
  )
  await t.rejects(
    reportIfSlow(
      (step) => reported.push(step),
      'failing',
      async () => Promise.reject(new Error('no')),
    ),
    { message: 'no' },
  )
  let finish: (value: number) => void = () => {}
  const work = new Promise<number>((resolve) => {
    finish = resolve
  })
  const report = (step: string) => {
    reported.push(step)
    finish(2)
  }
  t.equal(await reportIfSlow(report, 'slow', () => work), 2)
  t.same(reported, ['slow'])
})

t.test('an aborted signal ends the wait for running work, however that ends', async (t) => {
  t.equal(await untilAborted(new AbortController().signal, Promise.resolve('done')), 'done')
  await t.rejects(untilAborted(new AbortController().signal, Promise.reject(new Error('no'))), { message: 'no' })
  await t.rejects(untilAborted(AbortSignal.abort(), Promise.resolve('done')), { name: 'AbortError' })
  const asked = new AbortController()
  let fail: (error: Error) => void = () => {}
  const work = new Promise<never>((_, reject) => {
    fail = reject
  })
  const waiting = untilAborted(asked.signal, work)
  asked.abort()
  await t.rejects(waiting, { name: 'AbortError' })
  fail(new Error('nobody waits for it any longer'))
})
