import t from 'tap'
import { readPasskeyName, suggestedPasskeyName } from '../../../src/records/accounts/passkey-names.ts'

t.test('a name is readable and short, or it is none', async (t) => {
  t.equal(readPasskeyName('  My phone '), 'My phone')
  t.equal(readPasskeyName('e\u0301'), 'é')
  t.equal(readPasskeyName('🔑'.repeat(60)), '🔑'.repeat(60))
  for (const name of [
    undefined,
    '',
    ' \t ',
    'x'.repeat(61),
    'x'.repeat(1_000_000),
    'a\u202eb',
    'a\u0000b',
    'a\nb',
    '\ud800',
  ])
    t.equal(readPasskeyName(name), undefined)
})

t.test(
  'the suggested name is that of what keeps the passkey, or the browser, with a number if it is taken',
  async (t) => {
    const windows = '08987058-cadc-4b81-b6e1-30de50dcbe96'
    const unknown = '00000000-0000-0000-0000-000000000000'
    t.equal(suggestedPasskeyName(windows, 'Firefox on Windows', []), 'Windows Hello')
    t.equal(suggestedPasskeyName(unknown, 'Firefox on Windows', ['Windows Hello']), 'Firefox on Windows')
    t.equal(suggestedPasskeyName(windows, 'x', ['Windows Hello', 'Windows Hello 2']), 'Windows Hello 3')
    t.equal(readPasskeyName(suggestedPasskeyName(unknown, 'x'.repeat(100), ['x'.repeat(57)])), `${'x'.repeat(57)} 2`)
  },
)
