import t from 'tap'
import { kindOfNobody } from '../../../src/records/accounts/password-kinds.ts'
import type { KindsOnRecord } from '../../../src/records/accounts/password-kinds-store.ts'

const names = Array.from({ length: 5_000 }, (_, index) => `nobody.${index}`)
const [a, b] = ['$2b$10', '$pbkdf2-sha256$i=27500,l=64']

function onRecord(others: number, ...kinds: [kind: string, imported: number, remaining: number][]): KindsOnRecord {
  return {
    key: '6ff0c2a1e5a94a0f8a6b3c1d2e4f5061',
    others,
    kinds: kinds.map(([kind, imported, remaining]) => ({ kind, imported, remaining })),
  }
}

const kindsOf = (record: KindsOnRecord) => names.map((name) => kindOfNobody(record, name))

function share(kinds: readonly (string | undefined)[], kind: string | undefined): number {
  return kinds.filter((one) => one === kind).length / kinds.length
}

/** How many names changed from one kind to another, for each pair. */
function changes(before: KindsOnRecord, after: KindsOnRecord): Map<string, number> {
  const [from, to] = [kindsOf(before), kindsOf(after)]
  const counts = new Map<string, number>()
  for (const [index, kind] of from.entries())
    if (kind !== to[index]) {
      const change = `${kind ?? 'own'} to ${to[index] ?? 'own'}`
      counts.set(change, (counts.get(change) ?? 0) + 1)
    }
  return counts
}

t.test('names that nobody has are divided into kinds as the accounts are', async (t) => {
  const kinds = kindsOf(onRecord(5000, [a, 3000, 3000], [b, 2000, 1000]))
  t.ok(Math.abs(share(kinds, a) - 0.3) < 0.02, `${share(kinds, a)}`)
  t.ok(Math.abs(share(kinds, b) - 0.1) < 0.02, `${share(kinds, b)}`)
  t.ok(Math.abs(share(kinds, undefined) - 0.6) < 0.02)
})

t.test('if everybody was imported and nobody has signed in, no name has our own kind', async (t) => {
  t.equal(share(kindsOf(onRecord(0, [a, 10, 10])), a), 1)
  t.equal(share(kindsOf(onRecord(0, [a, 10, 0])), a), 0, 'and once all have, every name has it')
  t.equal(share(kindsOf(onRecord(0)), undefined), 1)
})

t.test('a name keeps its kind, whatever the other names are, and another key divides them differently', async (t) => {
  const record = onRecord(1000, [a, 1000, 1000])
  t.equal(kindsOf(record).join(), kindsOf(record).join())
  t.not(kindsOf(record).join(), kindsOf({ ...record, key: 'another' }).join())
})

t.test('when people sign in, names change to our own kind and never back or to another', async (t) => {
  const steps = [
    [3000, 2000],
    [2900, 1500],
    [1000, 1400],
    [10, 3],
    [0, 0],
  ]
  for (const [index, [left = 0, leftOfB = 0]] of steps.slice(1).entries()) {
    const [before = 0, beforeOfB = 0] = steps[index] ?? []
    const counts = changes(
      onRecord(5000, [a, 3000, before], [b, 2000, beforeOfB]),
      onRecord(5000, [a, 3000, left], [b, 2000, leftOfB]),
    )
    t.ok(counts.size > 0)
    t.same(
      [...counts.keys()].filter((change) => !change.endsWith('to own')),
      [],
    )
  }
})

t.test('when others sign up, names change to our own kind only', async (t) => {
  const counts = changes(onRecord(1000, [a, 3000, 2000], [b, 500, 500]), onRecord(4000, [a, 3000, 2000], [b, 500, 500]))
  t.ok(counts.size > 0)
  t.same(
    [...counts.keys()].filter((change) => !change.endsWith('to own')),
    [],
  )
})
