import t from 'tap'
import { setPassword } from '../../src/operations/account-access.ts'
import { createAccount } from '../../src/operations/create-account.ts'
import { updateAccount } from '../../src/operations/update-account.ts'
import type { Sub } from '../../src/records/ids.ts'
import { startSignet } from '../support/idp.ts'

const idp = await startSignet(t)
const { signet } = idp
const operator = { kind: 'operator', by: 'test@here' } as const
const query = async (text: string, values: unknown[] = []) => (await signet.database.query({ text, values })).rows
const countOf = async (table: 'accounts' | 'account_emails' | 'events') =>
  Number((await query(`SELECT count(*) AS count FROM ${table}`))[0].count)
const unverified = (username: string) => ({ profile: { username }, email: undefined, emailVerified: false })
const outcomes = (all: readonly { readonly outcome: string }[]) => all.map(({ outcome }) => outcome).sort()

t.test(
  'of many concurrent requests for the same user name, one succeeds, and nothing of the others remains',
  async (t) => {
    const before = await countOf('accounts')
    const names = ['racer', 'Racer', 'RACER', 'raceR', 'rAcer']
    const created = await Promise.all(names.map((username) => createAccount(signet, operator, unverified(username))))
    t.same(outcomes(created), ['created', ...Array(4).fill('username_taken')])
    t.equal(await countOf('accounts'), before + 1)
    const events = await query(`SELECT detail FROM events WHERE type = 'account_created'`)
    t.same(events, [{ detail: { by: 'test@here', email_verified: false } }])
  },
)

t.test(
  'of many concurrent accounts with the same verified address, one succeeds, and nothing of the others remains',
  async (t) => {
    const before = { accounts: await countOf('accounts'), emails: await countOf('account_emails') }
    const account = { profile: {}, email: 'vouched@example.com', emailVerified: true }
    const created = await Promise.all(Array.from({ length: 5 }, () => createAccount(signet, operator, account)))
    t.same(outcomes(created), ['created', ...Array(4).fill('email_taken')])
    t.equal(await countOf('accounts'), before.accounts + 1)
    t.equal(await countOf('account_emails'), before.emails + 1, 'not even an unverified address')
  },
)

t.test('a change that fails because a name is taken leaves the account unchanged, and no event', async (t) => {
  const { sub } = await idp.person({ username: 'modest', email: 'modest@example.com' })
  const before = {
    account: await query('SELECT * FROM accounts WHERE sub = $1', [sub]),
    events: await countOf('events'),
  }
  const renamed = await updateAccount(signet, operator, sub, { name: 'Immodest', username: 'racer' })
  t.equal(renamed, 'username_taken')
  const address = { name: 'Immodest', email: 'VOUCHED@example.com', email_verified: true }
  t.equal(await updateAccount(signet, operator, sub, address), 'email_taken')
  t.same(await query('SELECT * FROM accounts WHERE sub = $1', [sub]), before.account)
  t.equal(await countOf('events'), before.events)
})

t.test(
  'names are stored in their canonical form, no matter who sets them, and invalid values change nothing',
  async (t) => {
    const before = { accounts: await countOf('accounts'), events: await countOf('events') }
    const nobody = { ...unverified('fine'), email: 'nobody' }
    t.same(await createAccount(signet, operator, nobody), { outcome: 'email_invalid' })
    for (const profile of [{ username: 'a b' }, { username: 'fine', birthdate: 'yesterday' }])
      await t.rejects(createAccount(signet, operator, { ...unverified(''), profile }), { name: 'InvalidProfile' })
    t.equal(await countOf('accounts'), before.accounts)

    const typed = { ...unverified(' Zoë '), email: ' zoe@münchen.example ' }
    const created = await createAccount(signet, operator, typed)
    t.match(created, { outcome: 'created', account: { username: 'zoë', email: 'zoe@xn--mnchen-3ya.example' } })
    const { sub } = created.outcome === 'created' ? created.account : { sub: '' as Sub }
    const changes = { username: 'ZOÉ', email: 'zoe@zürich.example', name: null }
    t.match(await updateAccount(signet, operator, sub, changes), {
      account: { username: 'zoé', email: 'zoe@xn--zrich-kva.example' },
      changed: ['username', 'email'],
    })
    const events = await countOf('events')
    t.equal(await updateAccount(signet, operator, sub, { name: 'Zoë', email: 'nobody' }), 'email_invalid')
    for (const wrong of [{ username: 'a b' }, { website: 'nowhere' }])
      await t.rejects(updateAccount(signet, operator, sub, { name: 'Zoë', ...wrong }), { name: 'InvalidProfile' })
    t.match(await query('SELECT username, name FROM accounts WHERE sub = $1', [sub]), [{ username: 'zoé', name: null }])
    t.equal(await countOf('events'), events)
  },
)

t.test('a password that breaks the rules creates no account, sets no password, and ends nothing', async (t) => {
  const before = { accounts: await countOf('accounts'), events: await countOf('events') }
  const refused = await createAccount(signet, operator, { ...unverified('hopper.grace'), password: 'hopper.grace1906' })
  t.same(refused, { outcome: 'password_refused', fault: 'password_personal', minLength: 15 })
  t.equal(await countOf('accounts'), before.accounts)

  const person = await idp.person()
  const secretOf = () => query('SELECT * FROM account_credentials WHERE sub = $1', [person.sub])
  const secret = await secretOf()
  t.same(await setPassword(signet, operator, person.sub, person.email), {
    outcome: 'password_refused',
    fault: 'password_personal',
    minLength: 15,
  })
  t.same(await setPassword(signet, operator, person.sub, 'short'), {
    outcome: 'password_refused',
    fault: 'password_too_short',
    minLength: 15,
  })
  t.same(await setPassword(signet, operator, 'nobody' as Sub, 'a good long phrase'), { outcome: 'no_such_account' })
  t.same(await secretOf(), secret)
  t.equal(await countOf('events'), before.events)
})

t.test('an account stores everything known about the person, and its password signs them in', async (t) => {
  const account = {
    ...{ profile: { username: 'ada', name: 'Ada' }, email: 'ada@example.com', emailVerified: true },
    password: 'weaving algebraic patterns',
  }
  const created = await createAccount(signet, operator, account)
  t.match(created, {
    outcome: 'created',
    account: { username: 'ada', name: 'Ada', email: 'ada@example.com', email_verified: true, disabled: false },
  })
  const [{ secret }] = await query(
    `SELECT secret FROM account_credentials JOIN accounts USING (sub) WHERE username = 'ada'`,
  )
  t.ok(await signet.passwords.verify(account.password, secret, { network: undefined }))
})
