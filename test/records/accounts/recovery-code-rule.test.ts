import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { PurposeSecret } from '../../../src/platform/secrets/purpose-secrets.ts'
import {
  matchingRecoveryCode,
  newRecoveryCodes,
  readRecoveryCode,
  storedRecoveryCode,
  usableRecoveryCodes,
} from '../../../src/records/accounts/recovery-code-rule.ts'
import type { Sub } from '../../../src/records/ids.ts'

const [anna, ben] = ['anna', 'ben'] as Sub[] as [Sub, Sub]
const versions = new Map([1, 2, 3].map((version) => [version, randomBytes(32)]))
const secretWith = (...known: number[]): PurposeSecret => ({
  current: Math.max(...known),
  versions: new Map(known.map((version) => [version, versions.get(version) as Buffer])),
})

t.test('ten different codes of 75 bits, without characters that look alike', async (t) => {
  const sets = Array.from({ length: 200 }, newRecoveryCodes)
  t.ok(sets.every((codes) => codes.length === 10))
  const all = sets.flat()
  t.equal(new Set(all).size, 2000)
  t.ok(all.every((code) => /^[0-9A-HJKMNP-TV-Z]{5}(?:-[0-9A-HJKMNP-TV-Z]{5}){2}$/.test(code)))
  t.equal(new Set(all.join('').replaceAll('-', '')).size, 32, 'all 32 characters occur: five bits each')
})

t.test('a code is read as people type it, and as nothing else', async (t) => {
  const code = '01ABC-DEFGH-JKMNP'
  for (const typed of [
    code,
    code.toLowerCase(),
    code.replaceAll('-', ''),
    ` ${code.replaceAll('-', ' ')}\n`,
    'OIabc–defgh—jkmnp',
    'olABC.DEFGH_JKMNP',
    '０１ＡＢＣ-ＤＥＦＧＨ-ＪＫＭＮＰ',
  ])
    t.equal(readRecoveryCode(typed), '01ABCDEFGHJKMNP', typed)
  for (const typed of [
    undefined,
    '',
    '123456',
    '01ABC-DEFGH-JKMN',
    '01ABC-DEFGH-JKMNPQ',
    '01ABC-DEFGH-JKMNU',
    'é'.repeat(15),
  ])
    t.equal(readRecoveryCode(typed), undefined, String(typed))
})

t.test('a code matches with the version of the secret that it was stored with, for its account only', async (t) => {
  const [code = '', other = ''] = newRecoveryCodes()
  const stored = [
    storedRecoveryCode(secretWith(1, 2), anna, other),
    storedRecoveryCode(secretWith(1), anna, code),
    storedRecoveryCode(secretWith(1, 2, 3), anna, newRecoveryCodes()[0] as string),
  ]
  const typed = readRecoveryCode(code) as string
  t.equal(matchingRecoveryCode(secretWith(1, 2, 3), anna, stored, typed), stored[1])
  t.equal(matchingRecoveryCode(secretWith(1, 2, 3), ben, stored, typed), undefined)
  t.equal(matchingRecoveryCode(secretWith(2, 3), anna, stored, typed), undefined, 'its version was revoked')
  t.same(usableRecoveryCodes(secretWith(2, 3), stored), [stored[0], stored[2]])
  t.equal(matchingRecoveryCode(secretWith(1, 2, 3), anna, [], typed), undefined)
})
