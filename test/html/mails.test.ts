import t from 'tap'
import { addressInPart } from '../../src/html/mails/address-in-part.ts'
import { chooseMailTexts } from '../../src/html/mails/choose-mail-texts.ts'
import { composeMail } from '../../src/html/mails/compose-mail.tsx'
import type { Mail } from '../../src/html/mails/mail.ts'
import { textsDe } from '../../src/html/mails/texts-de.ts'
import { textsEn } from '../../src/html/mails/texts-en.ts'
import { uiLocales } from '../../src/html/messages/choose-messages.ts'
import { mailContext, mailIssuer, mailKinds, sampleCode, sampleLink, sampleMails } from './sample-mails.ts'
import { markup } from './sample-pages.tsx'

const all = uiLocales.flatMap((locale) =>
  sampleMails({ locale }).map((mail) => ({ ...mail, about: `${mail.about} (${locale})`, locale })),
)

/** The tags of a document. Attribute values are quoted and cannot contain a quote, so a tag ends at a `>` outside quotes. */
const tagsOf = (html: string) => html.match(/<[a-z!/](?:"[^"]*"|[^">])*>/gi) ?? []

const unknownDevice = { network: '192.0.2.1', device: { browser: undefined, system: undefined } }

/** The words that a reader of the HTML part sees. */
const seen = (html: string) =>
  html
    .replace(/<head>.*?<\/head>/s, '')
    .replace(/<(?:\/?(?:p|h1|h2|div|hr)|br)\b(?:"[^"]*"|[^">])*>/g, '\n')
    .replace(/<(?:"[^"]*"|[^">])*>/g, '')
    .replace(/&lt;|&gt;|&quot;|&amp;/g, (entity) => ({ '&lt;': '<', '&gt;': '>', '&quot;': '"' })[entity] ?? '&')
    .replace(/\s+/g, ' ')

const linkOf = (mail: Mail) =>
  'link' in mail ? mail.link : 'signInLink' in mail ? mail.signInLink : 'undoLink' in mail ? mail.undoLink : undefined

/** Names that could break out of a part, a line or a sentence. None of them passes the check of SIGNET_NAME, and still they must not harm. */
const hostileNames = [
  markup,
  'Acme\r\nBcc: everybody@example.com\r\n\r\n<h1>',
  'Acme\u2028Bcc: x@example.com\u0085\u0000\u007f',
  '{to} {code} {link}',
  '\u202Egnihsihp\u2066 دانشگاه',
  'W'.repeat(5_000),
]

t.test('a hostile name stays text in both parts and makes no second line in a subject', async (t) => {
  for (const name of hostileNames)
    for (const mail of [...Object.values(mailKinds), { kind: 'invitation', link: sampleLink, name, days: 7 } as const])
      for (const locale of uiLocales) {
        const { subject, text, html } = composeMail(
          mail,
          mailContext({ brand: { name }, to: `"${name}"@example.org`, locale }),
        )
        t.notMatch(subject, /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u)
        t.ok(subject.length < 400)
        t.notMatch(text + html, /[^\P{Cc}\n]|\p{Bidi_Control}/u)
        t.notOk(html.includes(markup))
        t.same(
          tagsOf(html).filter((tag) => /<(script|img)|\son[a-z]+=|alert/i.test(tag.replace(/"[^"]*"/g, '""'))),
          [],
        )
      }
})

t.test('no mail loads anything: every address in it is one to follow', async (t) => {
  for (const { about, html } of [
    ...all,
    ...sampleMails({ brand: { accentColor: '#ffee88', helpUrl: 'mailto:help@example.com' } }),
  ]) {
    t.notMatch(
      html,
      /\bsrc|srcset|background=|poster|url\(|@import|@font-face|<(?:link|script|style|img|iframe|object|form|base|meta http)/i,
      about,
    )
    for (const tag of tagsOf(html))
      if (/(?:https?|mailto):/i.test(tag)) t.match(tag, /^<a href="[^"]+" style="[^"]+">$/, about)
  }
})

t.test(
  'names that people choose are in no subject, and a name is in no mail that the operator did not write it into',
  async (t) => {
    for (const { about, mail, subject, text, html } of all) {
      t.notMatch(subject, /Ada|grace|@|\d|https?:/, about)
      t.equal((text + html).includes('Ada Lovelace'), mail.kind === 'invitation' && mail.name !== undefined, about)
    }
  },
)

t.test('the new address of an account is told in part only', async (t) => {
  for (const locale of uiLocales) {
    const changed = sampleMails({ locale }).find(({ mail }) => mail.kind === 'email-changed')
    for (const part of [changed?.text, changed?.html]) {
      t.match(part, 'g…@example.net')
      t.notMatch(part, /grace/)
    }
  }
  t.equal(addressInPart('a@example.org'), 'a…@example.org')
  t.equal(addressInPart('"a@b"@example.org'), '"…@example.org')
  t.equal(addressInPart('👩‍🚀stella@example.org'), '👩‍🚀…@example.org')
  t.equal(addressInPart('@'), '…@')
  t.equal(addressInPart('nothing'), '…')
})

t.test('a link that leads away from the issuer is refused', async (t) => {
  for (const link of [
    'https://evil.example/verify-email',
    `${mailIssuer}.evil.example/x`,
    'javascript:alert(1)',
    '/verify-email',
  ])
    t.throws(() => composeMail({ kind: 'recovery', link, minutes: 30 }, mailContext()), /leads away/, link)
})

t.test('both parts contain the link and the code; in the text each is alone on a line', async (t) => {
  for (const { about, mail, text, html } of all) {
    const link = linkOf(mail)
    if (link !== undefined) {
      t.ok(text.split('\n').includes(link), about)
      t.match(html, `<a href="${link}"`, about)
      t.equal(seen(html).split(link).length, 2, `${about}: the address is also text, once`)
    }
    const code = 'code' in mail ? mail.code : undefined
    t.equal(text.split('\n').includes(sampleCode), code !== undefined, about)
    t.equal(html.includes(`>${sampleCode}</span>`), code !== undefined, about)
  }
})

t.test('the text part says everything that the HTML part says', async (t) => {
  for (const { about, text, html, locale } of all) {
    const { common } = chooseMailTexts(locale).texts
    const flat = ` ${text.replace(/\s+/g, ' ')} `
    const sentences = html
      .replace(/<head>.*?<\/head>/s, '')
      .split(/<\/?(?:p|h1|h2|div)\b(?:"[^"]*"|[^">])*>/)
      .map((block) => seen(block).trim())
      // Only a button needs these.
      .filter((block) => block !== '' && !block.startsWith(common.copyLink) && !/class|href/.test(block))
    t.ok(sentences.length > 4, about)
    const buttons =
      tagsOf(html).length > 0 ? [...html.matchAll(/inline-block[^>]*>([^<]+)<\/a>/g)].map(([, label]) => label) : []
    for (const sentence of sentences.filter((one) => !buttons.includes(one) && one !== 'Example Accounts'))
      t.ok(flat.includes(sentence), `${about}: ${sentence}`)
  }
})

t.test(
  'every mail names the installation, its host, the recipient and what to do if it was not expected',
  async (t) => {
    for (const { about, text, html, locale } of all) {
      const { common, emailChangeUndone } = chooseMailTexts(locale).texts
      for (const part of [text.replace(/\s+/g, ' '), seen(html)]) {
        t.match(part, 'Example Accounts (id.example.com)', about)
        t.match(part, 'ada@example.org', about)
        t.ok(
          [common.notYou, common.notExpected, emailChangeUndone.yours].some((question) => part.includes(question)),
          about,
        )
        t.match(part, /https:\/\/example\.com\/help|Help|Hilfe/, about)
      }
    }
    for (const { text, html } of sampleMails({ brand: { helpUrl: undefined, privacyUrl: undefined } }))
      t.notMatch(text + html, /undefined|null|\[object|example\.com\/(help|privacy)/)
  },
)

t.test('times have a time zone: that of the profile, otherwise UTC', async (t) => {
  const changed = (locale: string, timeZone?: string) =>
    composeMail(
      { kind: 'password-changed', by: 'person', at: Date.UTC(2026, 10, 30, 23, 5) },
      mailContext({ locale, timeZone }),
    ).text.replace(/\s+/g, ' ')
  t.match(changed('en'), 'November 30, 2026 at 23:05 UTC')
  t.match(changed('de'), '30. November 2026 um 23:05 UTC')
  t.match(changed('en', 'Europe/Berlin'), 'December 1, 2026 at 00:05 GMT+1')
  t.match(changed('de', 'Europe/Berlin'), '1. Dezember 2026 um 00:05 MEZ')
  t.match(changed('en', 'Mars/Olympus'), '23:05 UTC', 'an unknown zone costs nobody the mail')
  const undo = sampleMails()
    .find(({ mail }) => mail.kind === 'email-changed')
    ?.text.replace(/\s+/g, ' ')
  t.match(undo, 'until December 7, 2026 at 09:41 UTC')
})

t.test('lines of the text part have at most 72 characters, except links', async (t) => {
  for (const { about, text } of all)
    for (const line of text.split('\n'))
      t.ok([...line].length <= 72 || /^https:\/\/\S+$/.test(line), `${about}: ${line}`)
})

t.test('a mail has the language of the person, else English, and says so where mail programs keep it', async (t) => {
  for (const { about, html, locale } of all) {
    t.match(html, `<html lang="${locale}" dir="ltr">`, about)
    t.match(html, `<div lang="${locale}" dir="ltr"`, about)
    t.match(html, '<meta name="color-scheme" content="light dark"/>', about)
    t.equal(html.match(/<h1 /g)?.length, 1, about)
  }
  const subject = (locale: string | undefined) => composeMail({ kind: 'test' }, mailContext({ locale })).subject
  t.equal(subject('de-AT'), 'Testnachricht von Example Accounts')
  for (const locale of [undefined, '', 'fr', '__proto__', 'constructor'])
    t.equal(subject(locale), 'Test e-mail from Example Accounts')
})

t.test('every language of the pages has all mails, with the same placeholders, and nothing is left over', async (t) => {
  t.same(
    uiLocales.map((locale) => chooseMailTexts(locale).locale),
    uiLocales,
  )
  const placeholders = (text: string) => (text.match(/\{[a-z]+\}/gi) ?? []).sort()
  const used = all.map(({ subject, text, html }) => `${subject} ${text} ${seen(html)}`.replace(/\s+/g, ' '))
  const noHelp = uiLocales.flatMap((locale) =>
    sampleMails({ locale, brand: { helpUrl: undefined }, notMe: undefined, from: unknownDevice }).map(({ text }) =>
      text.replace(/\s+/g, ' '),
    ),
  )
  const everything = [...used, ...noHelp].join('\n')
  for (const [section, texts] of Object.entries(textsEn))
    for (const [key, english] of Object.entries(texts)) {
      const german = (textsDe as Record<string, Record<string, string>>)[section]?.[key] ?? ''
      t.same(placeholders(german), placeholders(english), `${section}.${key}`)
      t.not(german, english, `${section}.${key}`)
      // The longest piece between two placeholders.
      for (const text of [english, german]) {
        const piece = text.split(/\{[a-z]+\}/i).sort((a, b) => b.length - a.length)[0] ?? ''
        t.ok(everything.includes(piece.trim()), `${section}.${key} is in a mail: ${piece}`)
      }
    }
  t.same(Object.keys(textsDe), Object.keys(textsEn))
})
