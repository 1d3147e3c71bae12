import t from 'tap'
import { shownName } from '../../src/html/account-and-client.tsx'

t.test('characters that reverse the direction of a name or hide in it are removed', async (t) => {
  t.equal(shownName('\u202Enigol\u202C'), 'nigol')
  t.equal(shownName('a\u2066b\u2067c\u2068d\u2069e\u200Ef\u200Fg\u061C'), 'abcdefg')
  t.equal(shownName('  a\r\n\tb\u0000c \u2028 d '), 'a b c d')
})

t.test('a name is truncated between visible characters, however long it is', async (t) => {
  t.equal(shownName('x'.repeat(80)), 'x'.repeat(80))
  t.equal(shownName('x'.repeat(81)), `${'x'.repeat(79)}…`)
  t.equal(shownName('👩‍👩‍👧'.repeat(90)), `${'👩‍👩‍👧'.repeat(79)}…`, 'no family emoji is split')
  t.ok(shownName('e\u0301'.repeat(1_000_000)).length <= 160)
})

t.test('an honest name stays unchanged', async (t) => {
  for (const name of ['Ada Lovelace', 'ارتباط', 'דוגמה', "O'Neil & Søn <Ltd>", '山田 太郎', 'नमस्ते', 'دانش‌آموز'])
    t.equal(shownName(name), name)
})
