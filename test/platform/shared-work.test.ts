import t from 'tap'
import { once } from '../../src/platform/shared-work.ts'

t.test('the work is done once for all callers', async (t) => {
  let done = 0
  const ask = once(async () => ++done)
  t.same(await Promise.all([ask(), ask(), ask()]), [1, 1, 1])
  t.equal(await ask(), 1)
})

t.test('a failure is reported to the waiting callers, and the next caller tries again', async (t) => {
  let tries = 0
  const ask = once(async () => {
    tries++
    if (tries < 3) throw new Error(`EMFILE ${tries}`)
    return tries
  })
  const first = ask()
  const second = ask()
  await t.rejects(first, { message: 'EMFILE 1' })
  await t.rejects(second, { message: 'EMFILE 1' })
  await t.rejects(ask(), { message: 'EMFILE 2' })
  t.equal(await ask(), 3)
  t.equal(await ask(), 3)
})
