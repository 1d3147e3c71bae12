import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openKeyLedger } from '../../src/key-ring/key-ledger.ts'
import { noLog } from '../database.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-ledger-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const revoked = (kid: string, at = 1_000) => ({ kid, what: 'revoked' as const, at })

t.test('a line cut off by a full disk does not count and does not swallow the next line', async (t) => {
  const file = join(folder, 'torn')
  await (await openKeyLedger(file, noLog)).note([revoked('first')])
  appendFileSync(file, 'revoked seco')
  t.ok(await (await openKeyLedger(file, noLog)).note([revoked('third')]))
  t.same([...(await openKeyLedger(file, noLog)).revokedAt.keys()], ['first', 'third'])
})

t.test('invalid lines are ignored', async (t) => {
  const file = join(folder, 'strange')
  writeFileSync(
    file,
    'revoked\nrevoked a\nrevoked a b\nforgiven a 2020-01-01\n\u0000\nrevoked a 2020-01-01T00:00:00Z more\n',
  )
  const { revokedAt, activatedAt } = await openKeyLedger(file, noLog)
  t.same([revokedAt.size, activatedAt.size], [0, 0])
})

t.test(
  'a failed write is reported once, remembered by the process, and retried until the file can be written',
  async (t) => {
    const file = join(folder, 'away')
    const warnings: string[] = []
    const ledger = await openKeyLedger(file, { warn: (_context, message) => warnings.push(message) })
    mkdirSync(file)
    t.notOk(await ledger.note([revoked('a')]))
    t.notOk(await ledger.note([]))
    t.notOk(await ledger.note([revoked('b')]))
    t.ok(ledger.revokedAt.has('a'))
    t.equal(warnings.length, 1)
    rmdirSync(file)
    t.ok(await ledger.note([]))
    t.same([...(await openKeyLedger(file, noLog)).revokedAt.keys()], ['a', 'b'])
  },
)

t.test('a fact is written once, to a private file, and the earliest timestamp counts', async (t) => {
  const file = join(folder, 'plain')
  const ledger = await openKeyLedger(file, noLog)
  await ledger.note([revoked('a', 2_000)])
  await ledger.note([revoked('a', 2_000)])
  t.equal(readFileSync(file, 'utf8'), 'revoked a 1970-01-01T00:00:02.000Z\n')
  t.equal(statSync(file).mode & 0o777, 0o600)
  await (await openKeyLedger(join(folder, 'plain'), noLog)).note([{ kid: 'a', what: 'activated', at: 1_000 }])
  appendFileSync(file, 'revoked a 1970-01-01T00:00:01.000Z\n')
  t.equal((await openKeyLedger(file, noLog)).revokedAt.get('a'), 1_000)
})
