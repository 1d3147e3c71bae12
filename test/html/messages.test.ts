import t from 'tap'
import { locales } from '../../src/cli/flags.ts'
import { chooseMessages, uiLocales } from '../../src/html/messages/choose-messages.ts'
import { de } from '../../src/html/messages/de.ts'
import { en } from '../../src/html/messages/en.ts'
import { durationInWords, faultText, fill, fillText } from '../../src/html/messages/messages.ts'
import { inspectMessages } from '../../src/pages/inspect/inspect-messages.ts'
import { englishInspectMessages } from '../../src/pages/inspect/inspect-messages-en.ts'

const chosen = (wish: string | undefined, header?: string) => chooseMessages(wish, header).locale

t.test('a list of preferred languages from a browser or an application never causes an error', async (t) => {
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
  t.equal(chosen(`${'xx '.repeat(50_000)}de`), 'en', 'a language behind fifty thousand others is not read')
})

t.test(
  "the application's languages take precedence over the browser's, and unsupported ones are not an error",
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

t.test('a language tag matches regardless of case and region', async (t) => {
  for (const tag of ['de-AT', 'DE', 'de-Latn-CH-1996', 'de-DE-u-co-phonebk', 'de_CH', 'DE_at'])
    t.equal(chosen(tag, 'en'), 'de', tag)
  t.equal(chosen('den', undefined), 'en', 'Slavey is not German')
  t.equal(chosen('en-GB de'), 'en')
})

t.test('the header is ordered by quality, not by position', async (t) => {
  t.equal(chosen(undefined, 'en;q=0.5, de;q=0.9'), 'de')
  t.equal(chosen(undefined, 'fr, de-CH;q=0.8, en;q=0.7'), 'de')
  t.equal(chosen(undefined, 'de;q=0, en'), 'en')
  t.equal(chosen(undefined, 'de;q=0'), 'en', 'q=0 means not acceptable')
  t.equal(chosen(undefined, 'de;q=2, en;q=0.1'), 'en', 'a quality above one is invalid')
  t.equal(chosen(undefined, 'de;q=, en;q=0.1'), 'en', 'so is an empty one')
  t.equal(chosen(undefined, 'de;q=0.1234, en;q=0.1'), 'en', 'and one with four decimals')
  t.equal(chosen(undefined, `${'xx,'.repeat(5_000)}de`), 'en', 'a language behind five thousand others is not read')
  t.equal(chosen(undefined, 'de ; Q=0.9 , en;q=0.8'), 'de')
  t.equal(chosen(undefined, '*, de;q=0.1'), 'de', 'any language ranks below a named one')
})

t.test('every language has a text for every message, with the same placeholders', async (t) => {
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
        t.ok(message.trim() && translated.trim(), `${section}.${key} is not empty`)
        t.same(places(translated), places(message), `${section}.${key}`)
      }
    }
  }
  compare(en, de)
  compare(englishInspectMessages, inspectMessages.get('de') ?? {})
})

t.test('a value inserted into a message is never read as a message', async (t) => {
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

t.test('a waiting time is given in words and never rounded down', async (t) => {
  t.equal(durationInWords(0, 'en'), '1 second')
  t.equal(durationInWords(0.2, 'en'), '1 second')
  t.equal(durationInWords(90, 'en'), '90 seconds')
  t.equal(durationInWords(91, 'en'), '2 minutes')
  t.equal(durationInWords(5401, 'de'), '2 Stunden')
})

t.test('a temporary error says when to retry, others say what to do', async (t) => {
  const english = chooseMessages('en', undefined)
  t.equal(faultText(english, 'busy'), `${en.faults.busy} Please try again later.`)
  t.equal(
    faultText(english, 'too_many_attempts', { retryAfterSeconds: 61 }),
    `${en.faults.too_many_attempts} Please try again in 61 seconds.`,
  )
  t.match(faultText(english, 'password_too_short', { minPasswordLength: 12 }), 'at least 12 characters')
  t.equal(faultText(english, 'wrong_credentials', { retryAfterSeconds: 5 }), en.faults.wrong_credentials)
})

t.test('the flag --locale of commands takes exactly the languages that there are', async (t) => {
  t.same(locales, uiLocales)
})
