import t from 'tap'
import { canSignIn, type Removable, whyKept } from '../../../src/records/accounts/factor-removal.ts'

const settings = { issuer: 'https://id.example', passwordSignIn: 'on', secondFactor: 'optional' } as const
const required = { ...settings, secondFactor: 'required' } as const
const withoutPasswords = { ...settings, passwordSignIn: 'off' } as const
const onAddress = { ...settings, issuer: 'http://127.0.0.1:8080' } as const

/** Credentials of these kinds; the first has the id 1. A short password is `short`. */
const of = (...kinds: string[]): Removable[] =>
  kinds.map((kind, place) => ({ id: place + 1, kind: kind === 'short' ? 'password' : kind, isShort: kind === 'short' }))

t.test('only a password or a passkey signs in, if the installation accepts it', async (t) => {
  t.notOk(canSignIn(settings, ['totp', 'recovery_codes']))
  t.ok(canSignIn(settings, ['password']))
  t.notOk(canSignIn(withoutPasswords, ['password']))
  t.ok(canSignIn(withoutPasswords, ['password', 'passkey']))
  t.notOk(canSignIn(onAddress, ['passkey', 'totp']), 'passkeys need a host name')
})

t.test('what somebody needs to sign in is kept', async (t) => {
  t.equal(whyKept(settings, of('password'), 1), 'only_sign_in')
  t.equal(whyKept(settings, of('password', 'totp', 'recovery_codes'), 1), 'only_sign_in')
  t.equal(whyKept(settings, of('passkey', 'totp'), 1), 'only_sign_in')
  t.equal(whyKept(withoutPasswords, of('passkey', 'password'), 1), 'only_sign_in')
  t.equal(whyKept(onAddress, of('password', 'passkey'), 1), 'only_sign_in')
  t.equal(whyKept(settings, of('password', 'passkey'), 1), undefined)
  t.equal(whyKept(settings, of('password', 'passkey'), 2), undefined)
  t.equal(whyKept(settings, of('passkey', 'passkey'), 2), undefined)
  t.equal(whyKept(withoutPasswords, of('passkey', 'password'), 2), undefined)
})

t.test('where a second factor is required, the last one is kept', async (t) => {
  t.equal(whyKept(required, of('password', 'totp'), 2), 'second_factor_required')
  t.equal(whyKept(required, of('password', 'passkey'), 2), 'second_factor_required')
  t.equal(whyKept(required, of('password', 'passkey', 'totp'), 2), undefined)
  t.equal(whyKept(required, of('password', 'passkey', 'totp'), 3), undefined)
  t.equal(whyKept(required, of('password', 'passkey'), 1), undefined, 'a passkey is two factors in one')
})

t.test('a password that is too short to sign in alone keeps the factor because of which it does not', async (t) => {
  t.equal(whyKept(settings, of('short', 'totp'), 2), 'password_short')
  t.equal(
    whyKept(settings, of('short', 'totp', 'passkey'), 2),
    'password_short',
    'a passkey does not stop the password',
  )
  t.equal(whyKept(settings, of('short', 'totp', 'passkey'), 3), undefined)
  t.equal(whyKept(settings, of('short', 'totp', 'passkey'), 1), undefined, 'nor the password itself')
  t.equal(whyKept(required, of('short', 'totp', 'passkey'), 2), undefined)
  t.equal(whyKept(withoutPasswords, of('short', 'totp', 'passkey'), 2), undefined)
  t.equal(whyKept(settings, of('password', 'totp'), 2), undefined)
})
