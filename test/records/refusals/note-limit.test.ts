import t from 'tap'
import { createNoteLimit } from '../../../src/records/refusals/note-limit.ts'

const note = (clientId: string | undefined, detail?: string) => ({ clientId, entry: 'scopes_dropped', detail })

t.test('the same note about the same client is stored once a minute', async (t) => {
  let now = 5
  const isAllowed = createNoteLimit(() => now)
  t.ok(isAllowed(note('a', 'x')))
  t.notOk(Array.from({ length: 1_000 }, () => isAllowed(note('a', 'x'))).some(Boolean))
  t.ok(isAllowed(note('b', 'x')), 'about another client')
  t.ok(isAllowed({ ...note('a', 'x'), entry: 'another' }), 'another note')
  now += 59_999
  t.notOk(isAllowed(note('a', 'x')))
  now += 1
  t.ok(isAllowed(note('a', 'x')))
})

t.test('a flood about one client leaves room for others, and all together are limited', async (t) => {
  const isAllowed = createNoteLimit(() => 0)
  const stored = (clientId: string | undefined) =>
    Array.from({ length: 1_000 }, (_, n) => isAllowed(note(clientId, String(n)))).filter(Boolean).length
  t.equal(stored('a'), 10)
  t.equal(stored('b'), 10)
  t.equal(stored(undefined), 10)
  let all = 30
  for (let client = 0; client < 1_000; client++) all += stored(`client_${client}`)
  t.equal(all, 100)
})
