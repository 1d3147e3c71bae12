import { dictionary } from '@zxcvbn-ts/language-common'
import fc from 'fast-check'
import t from 'tap'
import {
  isShortPassword,
  minLengthFor,
  type PasswordFault,
  type PersonsNames,
  passwordFault,
} from '../../../src/records/accounts/password-rules.ts'

const service = { issuer: 'https://id.acme-corp.example:8443' }
/** Shorter than the default, so that more passwords reach the other rules. */
const minLength = 12
const person: PersonsNames = {
  email: 'anna.mueller+news@mail.example',
  username: 'amueller42',
  name: 'Anna Katharina Müller',
  nickname: 'Nettchen',
}
const faultOf = (password: string, of: PersonsNames = person) => passwordFault(password, service, of, minLength)

/** U+FDFA, a whole phrase in one code point: eighteen characters after NFKC. */
const ligature = '\ufdfa'
const family = '👨‍👩‍👧‍👦'

const refused: Record<Exclude<PasswordFault, 'password_breached'>, readonly string[]> = {
  password_too_short: [
    ...['', 'hunter2', 'x7!kd0-q2lw', ligature, ligature.repeat(11), '😀'.repeat(11), 'ﬃ'.repeat(4), 'ﬃ'.repeat(11)],
    // Six letters with combining accents.
    ...['e\u0301'.repeat(6), 'u\u0308bu\u0308ng', '가나다라마바'.normalize('NFD')],
  ],
  password_too_long: ['x7!kd0-q2lw '.repeat(22), 'a'.repeat(257), 'a'.repeat(100_000)],
  password_personal: [
    ...['anna.mueller+news@mail.example', 'ANNA.MUELLER+NEWS@MAIL.EXAMPLE', 'annamuellernewsmailexample'],
    ...['anna.mueller', 'Anna-Mueller', 'annamueller1', 'anna.mueller2026', '2026annamueller', 'anna mueller 123456'],
    ...['annaannaanna', 'Anna Anna Anna', 'anna123456789', 'nettchen1990', 'NettchenNettchen', 'katharina-1-23'],
    ...[
      'annakatharinamüller',
      'Anna Katharina Muller',
      'müllerkatharinaanna',
      'AnnaMüller1990',
      'muller_anna_01',
      'katharina1990',
    ],
    ...['amueller42amueller42', 'amueller421990', 'annamueller 2026', 'amueller42 amueller42', '12amueller4234'],
  ],
  password_service: [
    ...['signetsignet', 'Signet-Signet', 'signet202612', '12345678signet', 'SIGNET 123456789'],
    ...['acme-corp.example', 'id.acme-corp.example', 'ID.Acme-Corp.Example', 'https://id.acme-corp.example:8443'],
    ...['acmecorp2026', 'acme corp acme corp', 'idacmecorpexample1'],
  ],
  password_pattern: [
    ...[
      'aaaaaaaaaaaa',
      'AAAAaaaaAAAA',
      ' '.repeat(12),
      '............',
      'abababababab',
      'abcabcabcabca',
      '123412341234',
    ],
    ...[
      'x7!kd0x7!kd0',
      '000000000000',
      'aaaaaaaaaaa1',
      '19aaaaaaaaaa',
      'xyxyxyxyxy12',
      '-=-=-=-=-=-=-',
      '\u00a0'.repeat(12),
    ],
    ...[
      ligature.repeat(12),
      '😀😀😀😀😀😀😀😀😀😀😀😀',
      family.repeat(2),
      '🇨🇭'.repeat(6),
      '🇨'.repeat(13),
      'é'.repeat(12),
      'e\u0301'.repeat(12),
    ],
    'ａ'.repeat(12),
  ],
  password_common: [
    ...[
      'passwordpassword',
      'passwordpassword1',
      'Password1234',
      'password20261231',
      'PASSWORD PASSWORD',
      'password-password-password',
    ],
    ...[
      'ｐａｓｓｗｏｒｄ２０２６',
      '123456789012',
      '1qaz2wsx3edc',
      'iloveyou2024',
      '2024iloveyou',
      'password123456789',
      'abacus abacus',
    ],
    ...[
      'password1password1',
      'trustno1trustno1',
      'letmein-12345',
      'blablablabla123456789',
      'ytpyf._ytpyf.',
      '1password1password1',
      'michael19901231',
      'unbelievable',
      '123123password',
    ],
  ],
}

const allowed = [
  ...[
    'correct horse battery staple',
    'correcthorsebatterystaple',
    'password is not my password',
    'my signet ring is gold',
  ],
  ...[
    'anna likes green tea',
    'annalikesgreentea',
    'I am Anna Katharina Müller!',
    'signet keeps my keys',
    'acme corp pays my rent',
  ],
  ...[
    'anna.mueller@elsewhere.example',
    'amueller43 and I',
    'dragon monkey',
    'monkeydragon',
    'correct horse correct horse',
  ],
  ...[
    'x7!kd0-q2lwm',
    '918273645029',
    'le4ve m3 al0ne',
    'wasser wein wasser',
    'aaaaaaaaaaab',
    'aaaaaabbbbbb',
    'abcdefghijklmn',
  ],
  ...[
    'abacus750391846',
    'ab1234567890',
    'Наша маленькая тайна',
    '正しい馬の電池の留め金だ',
    'quiet lamps over harbours',
    'a'.padEnd(12, 'bcd'),
  ],
  ...[
    'anna!?!?!?!?',
    '.,-_ ,.-, _-.',
    '1990 was a good year',
    '12 monkeys escaped 34',
    'пароль не скажу',
    'ⅳ ⅴ ⅵ ⅶ ⅷ ⅸ ⅹ',
  ],
  ...['x7!kd0-q2lw '.repeat(21), '👩🏽‍🚀 up, up and away'],
]

t.test('a password that anybody would try is rejected, and the fault says why', async (t) => {
  for (const [fault, passwords] of Object.entries(refused))
    for (const password of passwords) t.equal(await faultOf(password), fault, JSON.stringify(password.slice(0, 60)))
})

t.test('a password that only contains a listed word, or consists of several, is allowed', async (t) => {
  for (const password of allowed) t.equal(await faultOf(password), undefined, password.slice(0, 60))
})

t.test('personal data that is unknown or hardly a name is no reason to reject a password', async (t) => {
  for (const password of ['anna.mueller', 'annamüller1990', 'anna.mueller@mail.example'])
    t.equal(await passwordFault(password, service, {}, minLength), undefined, password)
  const short: PersonsNames = { email: 'a@b.example', username: 'li', name: 'J. R. Li' }
  for (const password of ['li8374025916', 'j12345678r li', 'a-9-3-8-1-7-2'])
    t.equal(await faultOf(password, short), undefined)
  t.equal(await faultOf('a@b.example', { email: 'a@b.example' }), 'password_too_short')
  t.equal(await faultOf('aa@b.example', { email: 'aa@b.example' }), 'password_personal')
  t.equal(await faultOf('7345521773455217', { username: '73455217' }), 'password_personal', 'a number as a user name')
  t.equal(await faultOf('734552173455', { username: '734552173455' }), 'password_personal')
})

t.test(
  'a password that is the only factor has the length that is set, and one that never signs in alone has eight characters',
  async (t) => {
    for (const passwordMinLength of [8, 15, 128]) {
      const [optional, required] = (['optional', 'required'] as const).map((secondFactor) => ({
        ...{ passwordMinLength, secondFactor },
      })) as [SecondFactorSettings, SecondFactorSettings]
      t.equal(minLengthFor(optional, []), passwordMinLength)
      t.equal(minLengthFor(optional, ['password', 'passkey', 'recovery_codes']), passwordMinLength, 'it signs in alone')
      t.equal(minLengthFor(optional, ['password', 'totp']), 8)
      t.equal(minLengthFor(required, []), 8)
    }
    t.ok(isShortPassword('\u0065\u0301'.repeat(14), { passwordMinLength: 15 }), 'counted as when it was set')
    t.notOk(isShortPassword('x'.repeat(15), { passwordMinLength: 15 }))
  },
)

type SecondFactorSettings = Parameters<typeof minLengthFor>[0]

t.test('the minimum length counts characters before NFKC, and the maximum is 256', async (t) => {
  const phrase = (length: number) =>
    Array.from({ length }, (_, index) => 'quiet lamps over harbours glow'[(index * 7) % 30]).join('')
  const at = (password: string, shortest: number) => passwordFault(password, service, {}, shortest)
  for (const length of [8, 12, 15, 64]) {
    t.equal(await at(phrase(length), length), undefined)
    t.equal(await at(phrase(length - 1), length), 'password_too_short')
  }
  t.equal(await at(phrase(256), 8), undefined)
  t.equal(await at(phrase(257), 8), 'password_too_long')
  // Each is one code point, and two code units or eighteen letters.
  t.equal(await at(`${'🦊🐢🦉🐝🦔🐙🦋🐌🦎🐸🦥'}${ligature}`, 12), undefined)
  t.equal(await at(`${'🦊🐢🦉🐝🦔🐙🦋🐌🦎🐸'}${ligature}`, 12), 'password_too_short')
})

const words = dictionary['diceware-common']
const word = fc.constantFrom(...words)
const runs = { numRuns: 500 }

t.test('random passphrases and random characters are never rejected', async () => {
  const passphrase = fc
    .tuple(fc.uniqueArray(word, { minLength: 4, maxLength: 8 }), fc.constantFrom(' ', '-', '.', '_', '', ', '))
    .map(([chosen, separator]) => chosen.join(separator))
  const decorated = fc
    .tuple(passphrase, fc.nat({ max: 9999 }), fc.constantFrom('', '!', '?'))
    .map((parts) => parts.join(''))
  const characters = (alphabet: string, length: number) =>
    fc
      .array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length + 20 })
      // The generator tends to repeat itself, unlike a password manager.
      .filter((chosen) => new Set(chosen).size >= 7)
      .map((chosen) => chosen.join(''))
  const ascii = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('')
  const random = fc.oneof(
    ...[passphrase, decorated, characters('0123456789abcdef', 20), characters('0123456789', 16), characters(ascii, 12)],
    characters('абвгдежзийклмнопрстуфхцчшщъыьэюя ', 12),
  )
  await fc.assert(
    fc.asyncProperty(random, async (password) => {
      if ([...password].length < minLength) return
      const fault = await faultOf(password)
      if (fault) throw new Error(`${JSON.stringify(password)} is refused: ${fault}`)
    }),
    runs,
  )
})

t.test('a listed word, repeated or with digits of a date or a count, is always rejected', async () => {
  const listed = fc.constantFrom(...words, ...dictionary['passwords-common'].filter((text) => /[a-z]{3}/.test(text)))
  const date = fc.oneof(
    fc.nat({ max: 99_999_999 }).map(String),
    fc.constantFrom('123456789', '1234567890', '000000000'),
  )
  const made = fc.tuple(
    listed,
    fc.integer({ min: 1, max: 5 }),
    fc.constantFrom('', ' ', '-', '_'),
    fc.option(date),
    fc.boolean(),
  )
  await fc.assert(
    fc.asyncProperty(made, async ([text, times, separator, digits, before]) => {
      const repeated = Array(times).fill(text).join(separator)
      const password = digits === null ? repeated : before ? digits + repeated : repeated + digits
      for (const written of [password, password.toUpperCase()]) {
        const fault = await passwordFault(written, service, {}, 8)
        if (!fault) throw new Error(`${JSON.stringify(written)} is allowed`)
      }
    }),
    runs,
  )
})

t.test('a short pattern, repeated, is always rejected', async () => {
  const characters = [...'abcxyzABCÄÖÜéßжλ0189 !?-_#かな漢', '🦊', family, '🇨🇭', '👍🏽', 'n\u0303']
  const pattern = fc.array(fc.constantFrom(...characters), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(pattern, fc.nat({ max: 20 }), fc.nat({ max: 5 }), async (chosen, more, part) => {
      const password = chosen.join('').repeat(12 + more) + chosen.slice(0, part).join('')
      const fault = await faultOf(password, {})
      if (!fault) throw new Error(`${JSON.stringify(password)} is allowed`)
    }),
    runs,
  )
})

t.test("a person's own names are always rejected alone, and never as part of a passphrase", async () => {
  const letters = (alphabet: string) =>
    fc.array(fc.constantFrom(...alphabet), { minLength: 3, maxLength: 10 }).map((chosen) => chosen.join(''))
  const name = fc.oneof(
    letters('abcdefghijklmnopqrstuvwxyzäöüßéñ'),
    letters('абвгдежзиклмнопрстуф'),
    letters('가나다라마바사'),
  )
  const made = fc.record({
    given: name,
    family: name,
    digits: fc.nat({ max: 99_999_999 }).map(String),
    passphrase: fc.uniqueArray(word, { minLength: 4, maxLength: 6 }),
  })
  await fc.assert(
    fc.asyncProperty(made, async ({ given, family, digits, passphrase }) => {
      const names: PersonsNames = {
        name: `${given} ${family}`,
        username: `${given}_${family}`,
        email: `${family}@mail.example`,
      }
      for (const own of [`${given}${family}`, `${family} ${given}`, `${family}@mail.example`, `${given}-${family}`])
        for (const password of [
          own,
          `${own}${digits}`,
          own + own,
          `${own.normalize('NFD')} ${digits}`,
          own.toUpperCase(),
        ]) {
          const fault = await passwordFault(password, service, names, 8)
          if (!fault) throw new Error(`${JSON.stringify(password)} is allowed to ${names.name}`)
        }
      const fault = await faultOf(`${given} ${passphrase.join(' ')} ${family}`, names)
      if (fault) throw new Error(`${given} ... ${family} is refused: ${fault}`)
    }),
    { numRuns: 300 },
  )
})

t.test('the verdict does not depend on how a keyboard composes letters', async () => {
  const alphabet = [...'aeiounAEIOUñçåäöüéèêøßđươậễ한글말차 .-1가각', 'i̇', 'क', 'ि', 'が', 'Å']
  const text = fc.oneof(
    fc.array(fc.constantFrom(...alphabet), { maxLength: 30 }).map((chosen) => chosen.join('')),
    fc.constantFrom(...refused.password_personal, ...refused.password_pattern, ...refused.password_common, ...allowed),
  )
  await fc.assert(
    fc.asyncProperty(text, async (password) => {
      const composed = await faultOf(password.normalize('NFC'))
      const apart = await faultOf(password.normalize('NFD'))
      if (composed !== apart) throw new Error(`${JSON.stringify(password)}: ${composed} composed, ${apart} apart`)
    }),
    runs,
  )
})

t.test('the name of the installation, and each word of it, is not accepted as a password', async (t) => {
  const named = { ...service, name: 'Globex Health Portal' }
  for (const password of ['Globex Health Portal', 'globexhealthportal', 'globex2026', 'GlobexGlobex', 'healthhealth'])
    t.equal(await passwordFault(password, named, {}, 8), 'password_service', password)
  t.equal(await passwordFault('globex sells no health', named, {}, 8), undefined)
})
