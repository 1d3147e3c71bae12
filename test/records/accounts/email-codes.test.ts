import { randomBytes } from 'node:crypto'
import t from 'tap'
import { codeMac, isCodeOf, newCode, readCode } from '../../../src/records/accounts/email-codes.ts'
import {
  mustKeepEmail,
  mustVerifyEmail,
  unverifiedAtSignIn,
} from '../../../src/records/accounts/email-verification-rule.ts'

const secret = { current: 2, versions: new Map([1, 2].map((version) => [version, randomBytes(32)])) }
const place = { digest: randomBytes(32), browserDigest: randomBytes(32) }

t.test('codes have six digits, and every digit occurs in every place about equally often', async (t) => {
  const counts = Array.from({ length: 6 }, () => new Array<number>(10).fill(0))
  for (let n = 0; n < 20_000; n++) {
    const code = newCode()
    if (!/^[0-9]{6}$/.test(code)) t.fail(code)
    for (const [index, digit] of [...code].entries()) (counts[index] as number[])[Number(digit)]!++
  }
  // 2,000 are expected, with a standard deviation of 42.
  for (const count of counts.flat()) t.ok(count > 1_700 && count < 2_300, `${count} of 20,000`)
})

t.test('a code is read with spaces, dashes and full-width digits, and nothing else', async (t) => {
  for (const typed of ['123456', ' 123 456 ', '123-456', '123\u2013456', '１２３４５６', '123\u00a0456', '1 2 3 4 5 6'])
    t.equal(readCode(typed), '123456', JSON.stringify(typed))
  for (const typed of [undefined, '', '12345', '1234567', '12345a', '१२३४५६', '-12345', `${' '.repeat(50)}123456`])
    t.equal(readCode(typed), undefined, JSON.stringify(typed))
})

t.test('a code is right only for its mail, its browser and a version of the secret that is still there', async (t) => {
  const stored = { ...place, codeMac: codeMac(secret, place, '123456'), codeVersion: 2 }
  t.ok(isCodeOf(secret, stored, '123456'))
  t.notOk(isCodeOf(secret, stored, '123457'))
  t.notOk(isCodeOf(secret, { ...stored, digest: randomBytes(32) }, '123456'))
  t.notOk(isCodeOf(secret, { ...stored, browserDigest: randomBytes(32) }, '123456'))
  t.notOk(isCodeOf(secret, { ...stored, codeVersion: 1 }, '123456'))
  t.notOk(isCodeOf(secret, { ...stored, codeVersion: 3 }, '123456'))
  t.notOk(isCodeOf(secret, { ...stored, codeMac: randomBytes(32) }, '123456'))
  const later = { current: 3, versions: new Map([...secret.versions, [3, randomBytes(32)] as const]) }
  t.ok(isCodeOf(later, stored, '123456'), 'also after the secret was rotated')
})

t.test('who must verify an address', async (t) => {
  const mails = {
    files: { delivery: 'files', folder: '', from: { name: undefined, address: '' } },
    none: { delivery: 'none' },
  } as const
  for (const emailVerification of ['optional', 'required'] as const)
    for (const mail of [mails.files, mails.none])
      for (const signed_up of [false, true, undefined])
        for (const email_verified of [false, true]) {
          const requires = emailVerification === 'required' && mail.delivery !== 'none'
          const what = JSON.stringify({ emailVerification, delivery: mail.delivery, signed_up, email_verified })
          const settings = { emailVerification, mail }
          t.equal(
            mustVerifyEmail(settings, { signed_up, email_verified }),
            requires && signed_up === true && !email_verified,
            what,
          )
          t.equal(mustKeepEmail(settings, { signed_up }), requires && signed_up === true, what)
          t.equal(unverifiedAtSignIn(settings), requires ? 'signed_up_too' : 'instead', what)
        }
})
