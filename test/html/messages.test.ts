import t from 'tap'
import { chooseMessages, uiLocales } from '../../src/html/messages/choose-messages.ts'
import { de } from '../../src/html/messages/de.ts'
import { en } from '../../src/html/messages/en.ts'
import { durationInWords, faultText, fill, fillText } from '../../src/html/messages/messages.ts'
import { inspectMessages } from '../../src/pages/inspect/inspect-messages.ts'
import { englishInspectMessages } from '../../src/pages/inspect/inspect-messages-en.ts'

const chosen = (wish: string | undefined, header?: string) => chooseMessages(wish, header).locale

t.test('what a browser or an application sends as languages never fails, whatever it is', async (t) => {
  for (const rubbish of [
    '',
    ' ',
    '-',
    '*',
    ';;;',
    'q=1',
    'constructor',
    '__proto__',
    '\u0000',
    'de;q=',
    ',,,',
    '1'.repeat(99_999),
  ])
    t.doesNotThrow(() => chooseMessages(rubbish, rubbish), JSON.stringify(rubbish.slice(0, 20)))
  t.equal(chosen('constructor __proto__ toString'), 'en')
  t.equal(chosen(`${'xx '.repeat(50_000)}de`), 'en', 'a wish behind fifty thousand others is not read')
})

t.test(
  "the application's wish comes before the browser's, and a wish for what is not spoken is no error",
  async (t) => {
    t.equal(chosen('de', 'en'), 'de')
    t.equal(chosen('fr-CA fr de'), 'de')
    t.equal(chosen('fr', 'de'), 'de')
    t.equal(chosen('fr', 'it'), 'en')
    t.equal(chosen(undefined), 'en')
    t.equal(chooseMessages('de', undefined).messages, de)
    t.equal(chooseMessages('en', undefined).messages, en)
  },
)

t.test('a tag finds its language, whatever its case and its region', async (t) => {
  for (const tag of ['de-AT', 'DE', 'de-Latn-CH-1996', 'de-DE-u-co-phonebk', 'de_CH', 'DE_at'])
    t.equal(chosen(tag, 'en'), 'de', tag)
  t.equal(chosen('den', undefined), 'en', 'Slavey is not German')
  t.equal(chosen('en-GB de'), 'en')
})

t.test('the header goes by quality, not by order', async (t) => {
  t.equal(chosen(undefined, 'en;q=0.5, de;q=0.9'), 'de')
  t.equal(chosen(undefined, 'fr, de-CH;q=0.8, en;q=0.7'), 'de')
  t.equal(chosen(undefined, 'de;q=0, en'), 'en')
  t.equal(chosen(undefined, 'de;q=0'), 'en', 'q=0 means not this')
  t.equal(chosen(undefined, 'de;q=2, en;q=0.1'), 'en', 'a quality above one is none')
  t.equal(chosen(undefined, 'de;q=, en;q=0.1'), 'en', 'and neither is an empty one')
  t.equal(chosen(undefined, 'de;q=0.1234, en;q=0.1'), 'en', 'or one with four decimals')
  t.equal(chosen(undefined, `${'xx,'.repeat(5_000)}de`), 'en', 'a language behind five thousand others is not read')
  t.equal(chosen(undefined, 'de ; Q=0.9 , en;q=0.8'), 'de')
  t.equal(chosen(undefined, '*, de;q=0.1'), 'de', 'anything is less than something')
})

t.test('every language has a text for every message, with the same places in it', async (t) => {
  t.same(uiLocales, ['en', 'de'])
  const places = (message: string) => (message.match(/\{[^}]*\}/g) ?? []).sort()
  t.same([...inspectMessages.keys()], uiLocales)
  type Texts = Readonly<Record<string, Readonly<Record<string, string>>>>
  const compare = (english: Texts, german: Texts) => {
    t.same(Object.keys(german), Object.keys(english))
    for (const [section, messages] of Object.entries(english)) {
      t.same(Object.keys(german[section] ?? {}), Object.keys(messages), section)
      for (const [key, message] of Object.entries(messages)) {
        const translated = german[section]?.[key] ?? ''
        t.ok(message.trim() && translated.trim(), `${section}.${key} says something`)
        t.same(places(translated), places(message), `${section}.${key}`)
      }
    }
  }
  compare(en, de)
  compare(englishInspectMessages, inspectMessages.get('de') ?? {})
})

t.test('what is put into a message is never read as a message', async (t) => {
  t.same(fill('To {client} at {host}.', { client: '{host}', host: '{client}' }), [
    'To ',
    '{host}',
    ' at ',
    '{client}',
    '.',
  ])
  t.equal(fillText('{client}', { client: '$& $1 {client}' }), '$& $1 {client}')
  t.throws(() => fill('{client}', {}), /No value for \{client\}/)
  t.throws(() => fill('{constructor}', {}), /No value for/)
})

t.test('a wait is said in words, and never shorter than it is', async (t) => {
  t.equal(durationInWords(0, 'en'), '1 second')
  t.equal(durationInWords(0.2, 'en'), '1 second')
  t.equal(durationInWords(90, 'en'), '90 seconds')
  t.equal(durationInWords(91, 'en'), '2 minutes')
  t.equal(durationInWords(5401, 'de'), '2 Stunden')
})

t.test('a fault that passes says when, others say what to do', async (t) => {
  const english = chooseMessages('en', undefined)
  t.equal(faultText(english, 'busy'), `${en.faults.busy} Please try again later.`)
  t.equal(
    faultText(english, 'too_many_attempts', { retryAfterSeconds: 61 }),
    `${en.faults.too_many_attempts} Please try again in 61 seconds.`,
  )
  t.match(faultText(english, 'password_too_short', { minPasswordLength: 12 }), 'at least 12 characters')
  t.equal(faultText(english, 'wrong_credentials', { retryAfterSeconds: 5 }), en.faults.wrong_credentials)
})
