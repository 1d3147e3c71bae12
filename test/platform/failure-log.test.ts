import t from 'tap'
import { createFailureLog } from '../../src/platform/failure-log.ts'

t.test('a fault is logged once a minute, with the number of failures in between', async (t) => {
  let now = 1_000
  const lines: object[] = []
  const failures = createFailureLog(
    { warn: (about: object) => lines.push(about) },
    ({ fault }: { readonly kind: string; readonly attempt: number; readonly fault: string }) => fault,
    () => now,
  )
  const fail = (fault: 'unreachable' | 'deferred') => failures.failed({ kind: 'recovery', attempt: 1, fault }, 'no')
  for (let count = 0; count < 10_000; count++) fail('unreachable')
  fail('deferred')
  t.match(lines, [
    { kind: 'recovery', attempt: 1, fault: 'unreachable', others: undefined },
    { fault: 'deferred', others: undefined },
  ])
  now += 59_999
  fail('unreachable')
  t.equal(lines.length, 2)
  now += 1
  fail('unreachable')
  fail('unreachable')
  t.match(lines.slice(2), [{ fault: 'unreachable', others: 10_000 }])
  t.equal(lines.length, 3)
})

t.test('however many things there are, only some are remembered, and each is still logged', async (t) => {
  let lines = 0
  const failures = createFailureLog({ warn: () => lines++ }, ({ client }: { readonly client: string }) => client)
  for (let count = 0; count < 3_000; count++) failures.failed({ client: `client ${count}` }, 'no')
  t.equal(lines, 3_000)
  failures.failed({ client: 'client 2999' }, 'no')
  t.equal(lines, 3_000)
})
