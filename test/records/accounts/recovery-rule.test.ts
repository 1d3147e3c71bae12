import t from 'tap'
import type { Account } from '../../../src/records/accounts/account.ts'
import { recoveryAddress, recoveryNeeds } from '../../../src/records/accounts/recovery-rule.ts'

t.test('a mail replaces only a password that is the sole factor', async (t) => {
  t.same(recoveryNeeds(['password']), [])
  t.same(recoveryNeeds([]), [], 'an account without a password sets its first one this way')
  t.same(recoveryNeeds(['password', 'passkey']), ['passkey'])
  t.same(recoveryNeeds(['passkey']), ['passkey'], 'also if there is no password')
  t.same(recoveryNeeds(['password', 'passkey', 'totp', 'passkey']), ['passkey', 'totp'])
  t.same(recoveryNeeds(['password', 'a kind of a later release']), ['a kind of a later release'])
  t.same(recoveryNeeds(['Password']), ['Password'], 'nothing is guessed')
})

t.test('a link goes only to a verified address of an account that is not disabled', async (t) => {
  const account = (more: Partial<Account>) =>
    recoveryAddress({ email: 'ada@example.com', email_verified: true, disabled: false, ...more } as Account)
  t.equal(account({}), 'ada@example.com')
  t.equal(account({ email_verified: false }), undefined)
  t.equal(account({ disabled: true }), undefined)
  t.equal(account({ email: undefined, email_verified: false }), undefined)
})
