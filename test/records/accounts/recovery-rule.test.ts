import fc from 'fast-check'
import t from 'tap'
import type { Account } from '../../../src/records/accounts/account.ts'
import {
  addedAround,
  type NewFactor,
  plantedDays,
  type RecoveryProof,
  recoveryAddress,
  recoveryNeeds,
  removable,
  removedBy,
} from '../../../src/records/accounts/recovery-rule.ts'

const now = Date.UTC(2027, 2, 1)
const day = 86_400_000
const daysAgo = (days: number) => new Date(now - days * day)

/** `old`, `young`: when the account got its first factor, which had a password then. `first`: it had none. */
type Age = 'old' | 'young' | 'first'
const since = { old: daysAgo(plantedDays), young: daysAgo(plantedDays - 0.01), first: undefined } as const

let ids = 0
const credential = (kind: string, age: Age = 'old') => ({
  ...{ id: ++ids, kind, createdAt: daysAgo(1) },
  factorsSince: kind === 'password' ? undefined : since[age],
})
const on = { passwordSignIn: 'on' } as const
const off = { passwordSignIn: 'off' } as const

t.test('every combination of factors, ages and settings needs exactly this', async (t) => {
  // Without `earlier`, the same whatever the age. `p`: for a new password. `k`: for a new passkey.
  const table: readonly (readonly [kinds: string, p: string, k: string])[] = [
    ['', 'nothing', 'nothing'],
    ['password', 'nothing', 'nothing'],
    ['recovery_codes', 'nothing', 'nothing'],
    ['password recovery_codes', 'nothing', 'nothing'],
    ['passkey', 'passkey', 'passkey'],
    ['password passkey', 'passkey', 'passkey'],
    ['totp', 'totp', 'totp'],
    ['password totp', 'totp', 'totp'],
    ['passkey recovery_codes', 'passkey recovery_code', 'passkey recovery_code'],
    ['password passkey recovery_codes', 'passkey recovery_code', 'passkey recovery_code'],
    ['totp recovery_codes', 'totp recovery_code', 'totp recovery_code'],
    ['password totp recovery_codes', 'totp recovery_code', 'totp recovery_code'],
    ['passkey totp', 'passkey totp', 'passkey'],
    ['password passkey totp', 'passkey totp', 'passkey'],
    ['passkey totp recovery_codes', 'passkey totp recovery_code', 'passkey recovery_code'],
    ['password passkey totp recovery_codes', 'passkey totp recovery_code', 'passkey recovery_code'],
    ['password unknown', '', ''],
    ['password unknown recovery_codes', '', ''],
    ['passkey unknown', 'passkey', 'passkey'],
  ]
  for (const [kinds, forPassword, forPasskey] of table)
    for (const age of ['old', 'young', 'first'] as const)
      for (const settings of [on, off]) {
        const credentials = kinds
          .split(' ')
          .filter(Boolean)
          .map((kind) => credential(kind, age))
        const isRecent = age === 'young' && settings === on
        const expected = (row: string) =>
          row === 'nothing' ? undefined : [...row.split(' ').filter(Boolean), ...(isRecent ? ['earlier_password'] : [])]
        const what = `${kinds || 'nothing'}, ${age}, passwords ${settings.passwordSignIn}`
        t.same(recoveryNeeds(credentials, settings, 'password', now), expected(forPassword), `${what}: a password`)
        t.same(recoveryNeeds(credentials, settings, 'passkey', now), expected(forPasskey), `${what}: a passkey`)
      }
})

t.test('one factor that is old, or was the first of an account without a password, closes the exception', async (t) => {
  const young = [credential('password'), credential('totp', 'young'), credential('recovery_codes', 'young')]
  t.ok(recoveryNeeds(young, on, 'password', now)?.includes('earlier_password'))
  for (const age of ['old', 'first'] as const)
    t.notOk(recoveryNeeds([...young, credential('passkey', age)], on, 'password', now)?.includes('earlier_password'))
  const later = now + 0.01 * day
  t.notOk(recoveryNeeds(young, on, 'password', later)?.includes('earlier_password'), 'to the millisecond')
})

const credentials = fc
  .array(
    fc.record({
      kind: fc.constantFrom('password', 'passkey', 'totp', 'recovery_codes', 'unknown'),
      createdAt: fc.integer({ min: -20, max: 0 }).map((days) => daysAgo(-days)),
      factorsSince: fc.option(
        fc.integer({ min: -20, max: 0 }).map((days) => daysAgo(-days)),
        { nil: undefined },
      ),
    }),
    { maxLength: 6 },
  )
  .map((rows) => rows.map((row) => ({ ...row, id: ++ids })))
const settings = fc.constantFrom(on, off)
const sets = fc.constantFrom<NewFactor>('password', 'passkey')
const proofs = fc.constantFrom<RecoveryProof>('passkey', 'totp', 'recovery_code', 'earlier_password')

t.test('no link replaces or removes a factor that is stronger than what was proven', async () => {
  fc.assert(
    fc.property(credentials, settings, sets, fc.array(fc.nat(5)), (all, some, set, chosen) => {
      const needs = recoveryNeeds(all, some, set, now)
      const others = all.filter(({ kind }) => kind !== 'password' && kind !== 'recovery_codes')
      if (needs === undefined) return others.length === 0
      const remove = chosen.flatMap((index) => all[index]?.id ?? [])
      const isRecent = (moment: Date | undefined) => moment !== undefined && now - moment.getTime() < plantedDays * day
      return needs.every((proof) => {
        // What may have been planted counts for nothing, but only the password from before all of it says so.
        if (proof === 'earlier_password') return others.every(({ factorsSince }) => isRecent(factorsSince))
        const held = proof === 'recovery_code' ? 'recovery_codes' : proof
        if (!all.some(({ kind }) => kind === held)) return false
        if (proof !== 'totp') return true
        // Codes can be phished, and passkeys cannot.
        const removed = removedBy(all, proof, remove, set)
        const isNewPasskeyFirst = set === 'password' || others.every(({ kind }) => kind !== 'passkey')
        return isNewPasskeyFirst && removed.every(({ kind }) => kind === 'totp' || !survives(all, removed))
      })
    }),
    { numRuns: 1000 },
  )
})

/** Whether a factor is left that recovery codes stand in for. */
const survives = (all: readonly { kind: string }[], removed: readonly { kind: string }[]) =>
  all.some((one) => one.kind !== 'password' && one.kind !== 'recovery_codes' && !removed.includes(one))

t.test(
  'only what was chosen and can be removed is removed, never the password, and no codes stay without a factor',
  async () => {
    fc.assert(
      fc.property(
        credentials,
        fc.option(proofs, { nil: undefined }),
        sets,
        fc.array(fc.nat(5)),
        (all, proof, set, chosen) => {
          const remove = chosen.flatMap((index) => all[index]?.id ?? [])
          const removed = removedBy(all, proof, remove, set)
          const others = all.filter(({ kind }) => kind !== 'password')
          if (removed.some(({ kind }) => kind === 'password')) return false
          if (proof === 'earlier_password') return removed.length === others.length
          const isChosen = removed.every(
            (one) => (remove.includes(one.id) && removable(all, proof).includes(one)) || one.kind === 'recovery_codes',
          )
          const codesLeft = others.some((one) => one.kind === 'recovery_codes' && !removed.includes(one))
          return isChosen && (removed.length === 0 || set === 'passkey' || survives(all, removed) || !codesLeft)
        },
      ),
      { numRuns: 1000 },
    )
  },
)

t.test('an undone change of address removes what was added since, and what may have been planted before', async (t) => {
  const changedAt = daysAgo(2)
  const at = (kind: string, created: number, first: number | undefined) => ({
    ...{ kind, createdAt: daysAgo(created) },
    factorsSince: first === undefined ? undefined : daysAgo(first),
  })
  const kept = [
    at('password', 1, undefined),
    at('passkey', 30, 30),
    at('totp', 3, 30), // vouched for by the one above
    at('recovery_codes', 9, 9),
    at('passkey', 3, undefined), // the account was created with it
  ]
  const removed = [
    at('passkey', 1, 30),
    at('recovery_codes', 2, 30),
    at('passkey', 1, undefined),
    at('totp', 3, 3),
    at('passkey', 2.5, 8.9), // vouched for by one that was planted
  ]
  t.same(addedAround([...kept, ...removed], changedAt), removed)
})

t.test('a link goes only to a verified address of an account that is not disabled', async (t) => {
  const account = (more: Partial<Account>) =>
    recoveryAddress({ email: 'ada@example.com', email_verified: true, disabled: false, ...more } as Account)
  t.equal(account({}), 'ada@example.com')
  t.equal(account({ email_verified: false }), undefined)
  t.equal(account({ disabled: true }), undefined)
  t.equal(account({ email: undefined, email_verified: false }), undefined)
})
