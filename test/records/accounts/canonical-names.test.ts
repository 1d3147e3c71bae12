import fc from 'fast-check'
import t from 'tap'
import {
  asciiLowerCase,
  canonicalEmail,
  emailInUnicode,
  readUsername,
  typedName,
  type UsernameFault,
} from '../../../src/records/accounts/canonical-names.ts'

const username = (typed: string) => {
  const read = readUsername(typed)
  return 'username' in read ? read.username : undefined
}
/** A name for messages, with unreadable characters as code points. */
const shown = (text: string) =>
  [...text.slice(0, 80)]
    .map((one) => (/^[!-~]$/.test(one) ? one : `<${(one.codePointAt(0) ?? 0).toString(16)}>`))
    .join('')

t.test('invalid addresses and addresses with invisible characters are rejected', async (t) => {
  const invisible = [
    ...[
      '\0',
      '\t',
      '\n',
      '\x1b',
      '\x7f',
      '\x85',
      '\xad',
      '\u034f',
      '\u061c',
      '\u115f',
      '\u180e',
      '\u200b',
      '\u200e',
      '\u202e',
    ],
    ...[
      '\u2028',
      '\u2060',
      '\u2066',
      '\u206f',
      '\u2800',
      '\u3000',
      '\u3164',
      '\ufe0f',
      '\ufeff',
      '\ufff9',
      '\u{e0041}',
      '\u{e0100}',
    ],
    // Unassigned, for private use, and half a surrogate pair.
    ...['\u0378', '\ue000', '\u{10fffe}', '\ud800'],
  ]
  for (const character of invisible)
    for (const email of [`ad${character}a@example.com`, `ada@exam${character}ple.com`])
      t.equal(canonicalEmail(email), undefined, shown(email))
  for (const email of [
    ...['', '@', 'ada', 'ada@', '@example.com', 'ada@example', 'ada@@example.com', 'ada@example.com@example.com'],
    ...[
      'ada@-example.com',
      'ada@example-.com',
      'ada@exa_mple.com',
      'ada@.example.com',
      'ada@example..com',
      'ada@example.com.',
    ],
    // What a URL may have as a host, and what the URL parser converts.
    ...[
      'ada@1.2.3.4',
      'ada@1.2',
      'ada@0x7f.1',
      'ada@example.0x1',
      'ada@%65xample.com',
      'ada@example.com/x',
      'ada@example.com:25',
    ],
    ...[
      'ada@user:pass@example.com',
      'ada@[::1]',
      'ada@example.com?',
      'ada@example.com#x',
      'ada@example\uff05.com',
      'ada@℀.com',
    ],
    // Punycode that no conversion produces; joiners where no language has them; a mark without a letter.
    ...[
      'ada@xn--a.com',
      'ada@xn--abc-.com',
      'ada@xn--u-ccb.com',
      'ada@a\u200cb.com',
      'ada@\u0301x.com',
      '\u0301ada@example.com',
    ],
    ...['ada lovelace@example.com', '"ada"@example.com', 'ada<b>@example.com', 'a,b@example.com', 'ada(x)@example.com'],
  ])
    t.equal(canonicalEmail(email), undefined, shown(email))
})

t.test('the length limit of RFC 5321 applies to the converted address', async (t) => {
  const ok = (email: string) => canonicalEmail(email) !== undefined
  t.ok(ok(`${'a'.repeat(64)}@example.com`))
  t.notOk(ok(`${'a'.repeat(65)}@example.com`))
  t.notOk(ok(`${'é'.repeat(33)}@example.com`), '66 octets')
  t.ok(ok(`a@${'b'.repeat(63)}.com`))
  t.notOk(ok(`a@${'b'.repeat(64)}.com`))
  t.ok(ok(`a@${'ü'.repeat(30)}.com`))
  t.notOk(ok(`a@${'ü日'.repeat(30)}.com`), 'a label of 60 characters that has more than 63 in Punycode')
  const labels = (count: number) => Array.from({ length: count }, () => 'b'.repeat(61)).join('.')
  t.ok(ok(`a@${labels(4)}.de`))
  t.notOk(ok(`aa@${labels(4)}.deee`))
  t.notOk(
    ok(
      `a@${Array.from({ length: 12 }, () => 'ü日本').join('.')}.${'ü日'.repeat(12)}.${'ü日'.repeat(12)}.com`.repeat(2),
    ),
  )
  t.notOk(ok(`a@${'b.'.repeat(1_000_000)}com`), 'without reading all of it')
})

/** Groups of spellings of one address. */
const sameAddress = [
  [
    'ada@münchen.example',
    'ada@xn--mnchen-3ya.example',
    'ada@XN--MNCHEN-3YA.EXAMPLE',
    'ada@mu\u0308nchen.example',
    'Ada@MÜNCHEN.example',
  ],
  [
    'ada@例え.テスト',
    'ada@例え。テスト',
    'ada@例え．テスト',
    'ada@例え｡テスト',
    'ada＠例え。テスト',
    'ada@xn--r8jz45g.xn--zckzah',
  ],
  ['ada@faß.example', 'ada@xn--fa-hia.example', 'ada@FAẞ.example'],
  ['ada@نامه\u200cای.example', 'ada@xn--mgba3gch31f060k.example'],
  ['ada@examples.com', 'ada@exampleſ.com', 'ada@ｅｘａｍｐｌｅｓ.com', 'ada@EXAMPLES.com'],
  ['ada@kelvin.example', 'ada@\u212aelvin.example'],
  ['éa@example.com', 'e\u0301a@example.com', 'éA@example.com'],
  ['kim@example.com', 'KIM@example.com', '\u212aim@example.com'],
]

/** Addresses that are all different, even if they look alike or are equal in upper case in some locale. */
const otherAddresses = [
  ...[
    'sam@example.com',
    'ſam@example.com',
    'ѕam@example.com',
    'ısam@example.com',
    'isam@example.com',
    'İsam@example.com',
  ],
  ...['i\u0307sam@example.com', 'émile@example.com', 'Émile@example.com', 'strasse@example.com', 'straße@example.com'],
  ...[
    'ada@iris.example',
    'ada@ıris.example',
    'ada@İris.example',
    'ada@ιris.example',
    'ada@apple.example',
    'ada@аpple.example',
  ],
  ...[
    'fin@example.com',
    'ﬁn@example.com',
    'ａda@example.com',
    'ada@faß.example',
    'ada@fass.example',
    'ada@σος.example',
    'ada@σοσ.example',
  ],
]

t.test('spellings of one address are the same address, and look-alikes are different ones', async (t) => {
  for (const spellings of sameAddress)
    t.equal(new Set(spellings.map((typed) => typedName(typed).key)).size, 1, spellings.map(shown).join(', '))
  const keys = otherAddresses.map((typed) => typedName(typed).key)
  t.same(
    otherAddresses.filter((_, index) => keys.indexOf(keys[index] ?? '') !== index),
    [],
  )
  for (const typed of [...sameAddress.flat(), ...otherAddresses]) t.type(canonicalEmail(typed), 'string', shown(typed))
  t.equal(
    canonicalEmail('Ada.King@MÜNCHEN.example'),
    'Ada.King@xn--mnchen-3ya.example',
    'the local part keeps its capitals',
  )
  t.equal(emailInUnicode('Ada@xn--mnchen-3ya.example'), 'Ada@münchen.example')
})

/** User names that nobody can choose, by reason. */
const refused: Record<UsernameFault, readonly string[]> = {
  username_invalid: [
    ...[
      '',
      ' ',
      'a b',
      'a@b',
      'a＠b',
      'a/b',
      '<b>',
      'a\u200bb',
      'a\u200db',
      'a\u202eb',
      'a\u2066b',
      'a\xadb',
      'a\ufe0fb',
      'a\0b',
      'a\u034fb',
    ],
    ...['\u3164', '\uffa0', 'a\u115f', '\u1100', 'عـلي', 'i\u0307', '\ud800', '\ue000', '\u0378', '½', '\ufdfa', '❶'],
    ...['x'.repeat(65), '\ufb03'.repeat(22), 'x'.repeat(1_000_000)],
    // Which of two right-to-left names it is depends on where the digits begin.
    ...['1דוד', '-דוד', 'דוד-', '1علي'],
  ],
  username_mixed: [
    // Latin with Cyrillic, Greek, Cherokee, Armenian; Cyrillic with Greek.
    ...['аda', 'pаypal', 'αda', 'Ꭺda', 'adaօ', 'адα', 'adminа'],
    ...['漢字abc', 'かなabc', 'ㄅかな', '한かな', 'דودa', 'دוד'],
    ...['ɑdmin', 'ɡoogle', 'aᴅa', 'ǃa', 'aǀ', 'Ꮪ', 'ꓮ', '\ua9cf', '𓀀'],
    ...['علي١۱', 'a١', 'ж१', 'नमन1१', 'ada०'],
  ],
  username_like_id: [
    ...['abcdefghijklmnopqrstuv', 'AAAAAAAAAAAAAAAAAAAAAA', '-h3cdefghijklmnopqrst_', 'ａ'.repeat(22)],
    ...['123e4567-e89b-12d3-a456-426614174000', '123E4567E89B12D3A456426614174000'],
  ],
}

t.test('user names that look like others or like ids are rejected', async (t) => {
  for (const [fault, names] of Object.entries(refused))
    for (const name of names) t.same(readUsername(name), { fault }, shown(name))
})

/** Groups of spellings of one user name. */
const sameUsername = [
  ['ada', 'Ada', 'ADA', 'ＡＤＡ', 'ａda'],
  ['émile', 'Émile', 'e\u0301mile', 'E\u0301MILE'],
  ['fin', 'ﬁn', 'ﬁN'],
  ['kim', '\u212aim', 'KIM'],
  ['sam', 'ſam'],
  ['istanbul', 'İstanbul', 'I\u0307STANBUL', 'ISTANBUL'],
  ['елена', 'Елена', 'ЕЛЕНА'],
  ['νίκος', 'νίκοσ', 'ΝΊΚΟΣ', 'Νίκος'],
  ['straße', 'STRAẞE'],
  ['ラム', 'ﾗﾑ'],
  ['한국', '\u1112\u1161\u11ab\u1100\u116e\u11a8'],
  ['a2', 'a²', 'a②'],
]

t.test('user names in one script are accepted, and all their spellings are one name', async (t) => {
  for (const spellings of sameUsername) {
    t.equal(new Set(spellings.map((typed) => typedName(typed).key)).size, 1, spellings.map(shown).join(', '))
    for (const typed of spellings) t.equal(asciiLowerCase(username(typed) ?? ''), spellings[0], shown(typed))
  }
  for (const name of [
    ...[
      'Ada.King_1815-x',
      '..',
      '_',
      '1815',
      'a'.repeat(64),
      'a'.repeat(21),
      'a'.repeat(23),
      'christopher.montgomery',
      'hawaiʻi',
    ],
    ...[
      'ada\u0307'.normalize('NFC'),
      'yıldız',
      'ɛwɛ',
      'nguyễn',
      'þór',
      'łukasz',
      '漢字',
      '漢字かなカナ',
      'ラーメン',
      '김철수金',
      '注音ㄓ',
      'דוד1',
      'علي۱۲',
    ],
    ...['ელენე', 'արամ', 'नमन१', 'สมชย', '東京.2024', 'жанна-1'],
  ])
    t.equal(username(name), name, shown(name))
  t.equal(username('Ada.King'), 'Ada.King', 'ASCII keeps its capitals')
  t.equal(username('Ada.Émile'), 'ada.émile')
})

t.test('for any text, the canonical form is its own canonical form and decides which names are equal', async () => {
  const odd = fc.constantFrom(
    ...'aAkKsSiIéÉıİſ\u212a\u0307\u0301ﬁßẞσςΣаАА1१١۱＠@.。．-_ü漢かカ한ɑ\u200c\u200d\u200b\u202e\xad',
    ...['xn--', 'xn--mnchen-3ya', 'münchen', 'example', '.com', '@example.com'],
  )
  const piece = fc.oneof(
    { weight: 4, arbitrary: odd },
    fc.string({ unit: 'grapheme', maxLength: 2 }),
    fc.string({ unit: 'binary', maxLength: 2 }),
  )
  const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
  const address = fc.tuple(text, text).map(([local, domain]) => `${local}@${domain}.example`)
  const variant = fc.constantFrom<(name: string) => string>(
    (name) => name,
    (name) => name.normalize('NFD'),
    (name) => name.normalize('NFC'),
    (name) => name.replace(/[a-z]/g, (letter) => letter.toUpperCase()),
    (name) => (name.includes('@') ? emailInUnicode(name) : name),
    (name) => (name.includes('@') ? name : name.toUpperCase().replaceAll('SS', 'ss')),
  )
  for (const [names, canonical] of [
    [text, username],
    [address, canonicalEmail],
  ] as const)
    await fc.assert(
      fc.asyncProperty(names, names, variant, async (one, other, vary) => {
        const form = canonical(one)
        if (form !== undefined && canonical(form) !== form) throw new Error(`${shown(one)} becomes ${shown(form)}`)
        const otherForm = canonical(other)
        if (form !== undefined && otherForm !== undefined) {
          const isSame = asciiLowerCase(form) === asciiLowerCase(otherForm)
          if (isSame !== (typedName(one).key === typedName(other).key))
            throw new Error(`${shown(one)}, ${shown(other)}`)
        }
        // Only for canonical results. The upper case of a name can contain letters that the name does not have (ß, ᾀ), and NFC composes I with a
        // dot above to İ, which is not folded.
        const isOdd = (name: string) =>
          /[ſıɑ]|i\u0307/.test(name) || [...name].some((letter) => [...letter.toUpperCase()].length > 1)
        if (form !== undefined && !isOdd(form) && canonical(vary(form)) !== undefined)
          if (typedName(vary(form)).key !== typedName(form).key) throw new Error(`${shown(form)}, ${shown(vary(form))}`)
      }),
      { numRuns: 2_000 },
    )
})
