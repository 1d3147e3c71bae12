import t from 'tap'
import type { Interaction } from '../../src/interaction/interaction.ts'
import { type StepUp, type StepUpNeed, stepUpFor, stepUpNeed } from '../../src/interaction/step-up-rule.ts'
import { isFreshlyProven } from '../../src/records/accounts/factors.ts'

const now = 1_763_779_200_000
const minutes = (count: number) => now - count * 60_000
const byPassword = { amr: ['pwd'], authTime: minutes(60), factor: undefined, factorTime: undefined }
const byPasskey = {
  amr: ['pop', 'user', 'mfa'],
  authTime: minutes(60),
  factor: 'passkey',
  factorTime: minutes(60),
} as const
const settings = { issuer: 'https://id.example.com', passwordSignIn: 'on', secondFactor: 'optional' } as const

/** In words, so that a row of a table is one line. */
function inWords(step: StepUp): string {
  if (step.kind === 'done') return 'done'
  if (step.kind === 'set_up') return `set up ${step.factors.join(', ') || 'nothing'}`
  const { passkey, password, codes } = step.ways
  const typed = [...(password ? ['password'] : []), ...(codes.length > 0 ? [codes.join('/')] : [])].join(' + ')
  return [...(passkey ? ['passkey'] : []), ...(typed ? [typed] : [])].join(' or ')
}

t.test('how a person can prove what is missing', async (t) => {
  const recent = { ...byPassword, authTime: minutes(9) }
  const table: [need: StepUpNeed, kinds: string[], session: typeof byPassword | typeof byPasskey, expected: string][] =
    [
      ['fresh', ['password'], byPassword, 'password'],
      ['fresh', ['password'], recent, 'done'],
      ['fresh', ['password', 'totp', 'recovery_codes'], byPassword, 'password + one-time-code/recovery-code'],
      ['fresh', ['password', 'totp'], recent, 'one-time-code'],
      ['fresh', ['password', 'passkey', 'recovery_codes'], byPassword, 'passkey or password + recovery-code'],
      ['fresh', ['password', 'passkey'], byPassword, 'passkey'],
      ['fresh', ['password', 'passkey', 'totp', 'recovery_codes'], byPassword, 'passkey or password + recovery-code'],
      ['fresh', ['passkey', 'recovery_codes'], byPasskey, 'passkey or recovery-code'],
      ['aal2', ['password'], byPassword, 'set up passkey, totp'],
      ['aal2', ['password', 'recovery_codes'], byPassword, 'set up passkey, totp'],
      ['aal2', ['password', 'totp', 'recovery_codes'], byPassword, 'password + one-time-code/recovery-code'],
      ['aal2', ['password', 'passkey', 'recovery_codes'], byPassword, 'passkey or password + recovery-code'],
      ['aal2', ['password', 'passkey', 'totp'], recent, 'passkey or one-time-code'],
      ['phr', ['password', 'totp', 'recovery_codes'], byPassword, 'set up passkey'],
      ['phr', ['password', 'passkey', 'recovery_codes'], byPassword, 'passkey'],
    ]
  for (const [need, kinds, session, expected] of table)
    t.equal(inWords(stepUpFor(need, session, kinds, settings, now)), expected, `${need}: ${kinds.join(', ')}`)
  const onAddress = { ...settings, issuer: 'http://127.0.0.1:4000' }
  t.equal(inWords(stepUpFor('aal2', byPassword, ['password'], onAddress, now)), 'set up totp')
  const withoutPasswords = { ...settings, passwordSignIn: 'off' } as const
  t.equal(inWords(stepUpFor('aal2', byPassword, ['password'], withoutPasswords, now)), 'set up passkey')
  // Where no password is right, none is asked for. A one-time code alone would not be a fresh proof, so the page would ask again and again.
  for (const [kinds, expected] of [
    [['password'], ''],
    [['password', 'totp'], ''],
    [['password', 'totp', 'recovery_codes'], 'recovery-code'],
    [['password', 'passkey', 'recovery_codes'], 'passkey or recovery-code'],
  ] as const)
    t.equal(inWords(stepUpFor('fresh', byPassword, kinds, withoutPasswords, now)), expected, `off: ${kinds.join(', ')}`)
  t.equal(inWords(stepUpFor(undefined, byPassword, ['password'], settings, now)), 'done')
})

t.test('a fresh proof is done exactly when the account pages accept it', async (t) => {
  const kinds = ['passkey', 'totp', 'recovery_codes']
  const factors = [undefined, 'passkey', 'totp', 'recovery_code'] as const
  let count = 0
  for (let bits = 0; bits < 2 ** kinds.length; bits++)
    for (const factor of factors)
      for (const authTime of [minutes(9), minutes(10)])
        for (const factorTime of factor ? [minutes(9), minutes(10)] : [undefined]) {
          const has = ['password', ...kinds.filter((_, index) => bits & (2 ** index))]
          const session = { amr: ['pwd'], authTime, factor, factorTime }
          const isDone = stepUpFor('fresh', session, has, settings, now).kind === 'done'
          if (isDone !== isFreshlyProven(session, has, now)) t.fail(JSON.stringify({ has, session }))
          count++
        }
  t.ok(count > 100, `${count} cases`)
})

t.test('why somebody has to prove more', async (t) => {
  const optional = { secondFactor: 'optional' } as const
  const required = { secondFactor: 'required' } as const
  const page = (destination: object | undefined) => ({ kind: 'own_page', destination }) as Interaction
  const security = page({ page: 'security' })
  t.equal(stepUpNeed(security, byPassword, optional), 'fresh')
  t.equal(stepUpNeed(security, byPassword, required), 'aal2')
  t.equal(stepUpNeed(security, byPasskey, required), 'fresh')
  t.equal(stepUpNeed(page(undefined), byPassword, required), 'aal2')
  for (const name of ['new-passkey', 'new-codes', 'recovery-codes'])
    t.equal(stepUpNeed(page({ page: name }), byPassword, required), 'fresh', 'or nobody could set up a first factor')
  const device = page({ page: 'device', needs: 'phr' })
  t.equal(stepUpNeed(device, byPassword, optional), 'phr')
  t.equal(stepUpNeed(device, byPasskey, optional), undefined)
  const request = (step: string, classes: string[]) =>
    ({ kind: 'authorization', step: { step }, request: { acr: { classes } } }) as unknown as Interaction
  t.equal(stepUpNeed(request('step-up', ['phr', 'aal2']), byPassword, optional), 'aal2', 'the weakest that is enough')
  t.equal(stepUpNeed(request('step-up', []), byPassword, required), 'aal2')
  t.equal(stepUpNeed(request('sign-in', ['phr']), byPassword, optional), undefined, 'another step comes first')
})
