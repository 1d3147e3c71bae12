import t from 'tap'
import { setEmailVerified } from '../../src/records/accounts/accounts-store.ts'
import { clearLimits, enter, hiddenOf } from '../attacks/account-forms.ts'
import type { Browser } from '../support/browser.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce } from '../support/journey.ts'

/**
 * A name counts as the same in every spelling, and as different from every other, however similar they look. Browsers change spellings,
 * too.
 */

const idp = await startSignet(t)
const password = 'quiet lamps over harbours'
const rows = async (text: string, values: unknown[] = []) => (await idp.signet.database.query({ text, values })).rows

const signUp = async (email: string, more: Record<string, string> = {}) =>
  idp.browser().post('/sign-up', { email, password, ...more })
const signInStatus = async (username: string, secret = password) =>
  (await idp.browser().post('/sign-in', { username, password: secret })).status
const emailsOf = (sub: string) =>
  rows('SELECT email, verified_at IS NOT NULL AS verified FROM account_emails WHERE sub = $1', [sub])

/** Submits the form for the names as it is on the page, with these changes. */
async function saveNames(browser: Browser, person: Person, names: Record<string, string>) {
  const hidden = hiddenOf(await browser.get('/account/sign-in'), 'sign-in-save')
  return browser.post('/account/sign-in', {
    ...hidden,
    ...{ username: person.username, email: person.email, 'confirm-password': person.password },
    ...names,
  })
}
const saved = { status: 303, location: /sign-in-saved$/ }
const faultAt = (id: string) => ({ status: 422, text: `id="${id}-fault"` })

t.test('after signing up with an address in Punycode, as Chrome sends it, its Unicode form signs in', async (t) => {
  t.equal((await signUp('ada@xn--mnchen-3ya.example')).status, 303)
  for (const spelling of [
    'ada@münchen.example',
    'ADA@MÜNCHEN.EXAMPLE',
    'ada@mu\u0308nchen.example',
    'ada＠münchen。example',
  ])
    t.equal(await signInStatus(spelling), 303, spelling)
  for (const other of ['ada@munchen.example', 'ada@mün\u200bchen.example', 'аda@münchen.example'])
    t.equal(await signInStatus(other), 403, other)
  await clearLimits(idp)
})

t.test('and the reverse', async (t) => {
  t.equal((await signUp('bob@zürich.example')).status, 303)
  t.equal(await signInStatus('bob@xn--zrich-kva.example'), 303)
  t.same(await rows('SELECT email FROM account_emails WHERE email LIKE $1', ['bob@%']), [
    { email: 'bob@xn--zrich-kva.example' },
  ])
})

t.test('deceptive addresses cannot be used for an account', async (t) => {
  const count = async () => (await rows('SELECT FROM accounts')).length
  const before = await count()
  for (const email of [
    ...[
      'eve\u200b@example.com',
      'eve\u202e@example.com',
      'eve@exam\xadple.com',
      'eve\u3164@example.com',
      'eve@1.2.3.4',
    ],
    ...['eve@%65xample.com', 'eve@example.com/x', `${'é'.repeat(33)}@example.com`, `a@${'ü日'.repeat(30)}.com`],
  ])
    t.match(await signUp(email), faultAt('email'), JSON.stringify(email))
  t.equal(await count(), before)
})

t.test(
  'an address that comes with an authorization request appears in the sign-up form in canonical form',
  async (t) => {
    const client = await idp.client()
    const emailFor = async (hint: string) => {
      const parameters = authorizationParameters(client, pkce(), { prompt: 'create', login_hint: hint })
      const browser = idp.browser()
      const { text } = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
      const [input = ''] = text.match(/<input[^>]*id="email"[^>]*>/) ?? []
      return /value="([^"]*)"/.exec(input)?.[1]
    }
    t.equal(await emailFor('ada@MÜNCHEN.example'), 'ada@xn--mnchen-3ya.example')
    for (const hint of ['ada\u202e@example.com', 'ada', '@', 'x@1.2.3.4'])
      t.equal(await emailFor(hint), undefined, hint)
  },
)

t.test('a verified address stays verified in every spelling, and no look-alike is verified', async (t) => {
  const cases: [email: string, same: string[], others: string[]][] = [
    ['kim@iris.example', ['KIM@IRIS.example', '\u212aim@iris.example', 'kim@ｉris.example'], ['kim@ıris.example']],
    ['sam@xn--mnchen-3ya.example', ['sam@münchen.example'], ['sam@munchen.example', 'ſam@münchen.example']],
    ['isa@example.org', ['Isa@Example.org'], ['ısa@example.org', 'İsa@example.org', 'isa@examp\u04cfe.org']],
    ['émile@example.org', ['e\u0301mile@example.org'], ['Émile@example.org']],
  ]
  for (const [email, same, others] of cases)
    for (const other of others) {
      const person = await idp.person({ email })
      await setEmailVerified(idp.signet.database, person.sub)
      const browser = await enter(idp, person)
      for (const spelling of same) {
        t.match(await saveNames(browser, person, { email: spelling }), saved, spelling)
        t.match(await emailsOf(person.sub), [{ verified: true }], spelling)
      }
      t.match(await saveNames(browser, person, { email: other }), { status: 303, location: /\/verify-email\?/ }, other)
      t.match(await emailsOf(person.sub), [{ verified: true }], `${other} must be confirmed first`)
      const pending = await rows('SELECT email FROM email_verifications WHERE sub = $1', [person.sub])
      t.not(pending[0]?.['email'], email, other)
      await clearLimits(idp)
      await rows('DELETE FROM account_emails WHERE sub = $1', [person.sub])
    }
  await clearLimits(idp)
})

t.test('a user name cannot pass for another one, nor for an id', async (t) => {
  const owner = await idp.person({ username: 'émile.king' })
  const person = await idp.person()
  const browser = await enter(idp, person)
  const taken = await saveNames(browser, person, { username: 'Émile.KING' })
  t.match(taken, { status: 422, text: 'This user name is already taken' })
  for (const username of [
    ...['е\u043cile', 'pаypal', 'a\u200bb', 'ɑdmin', owner.sub, 'abcdefghijklmnopqrstuv', '1דוד', 'علي١۱'],
    '123e4567-e89b-12d3-a456-426614174000',
  ])
    t.match(await saveNames(browser, person, { username }), faultAt('username'), username)
  t.match(await saveNames(browser, person, { username: 'ÉLODIE' }), saved)
  for (const spelling of ['élodie', 'Élodie', 'E\u0301lodie', 'éLODIE'])
    t.equal(await signInStatus(spelling, person.password), 303, spelling)
  t.equal(await signInStatus('elodie', person.password), 403)
  t.match(await saveNames(browser, person, { username: 'ＡＤＡ' }), saved)
  t.same(await rows('SELECT username FROM accounts WHERE sub = $1', [person.sub]), [{ username: 'ADA' }])
  await clearLimits(idp)
})

t.test('existing names that could not be chosen today still work', async (t) => {
  const person = await idp.person({ username: 'Аda', email: 'x\u200by@münchen.example' })
  await setEmailVerified(idp.signet.database, person.sub)
  const names = [person.username, person.email]
  for (const name of names) t.equal(await signInStatus(name, person.password), 303, name)
  const browser = await enter(idp, person)
  t.match(await saveNames(browser, person, {}), saved, 'an unchanged name is not checked')
  t.same(await emailsOf(person.sub), [{ email: person.email, verified: true }])
  t.match(await saveNames(browser, person, { email: 'plain@example.net' }), { location: /\/verify-email\?/ })
  t.equal(await signInStatus('Аda', person.password), 303)
  await clearLimits(idp)
})

t.test('an existing address stays verified when the browser sends it in Punycode', async (t) => {
  const person = await idp.person({ email: 'kept@köln.example' })
  await setEmailVerified(idp.signet.database, person.sub)
  const browser = await enter(idp, person)
  t.match(await saveNames(browser, person, { username: 'kept.too', email: 'kept@xn--kln-sna.example' }), saved)
  t.match(await emailsOf(person.sub), [{ verified: true }])
  t.equal(await signInStatus('kept@köln.example', person.password), 303)
})

t.test('guesses at a name that nobody has are counted together, however it is spelled', async (t) => {
  await clearLimits(idp)
  const groups = [
    ['nobody@münchen.example', 'nobody@xn--mnchen-3ya.example', 'NOBODY@MÜNCHEN.example', 'nobody＠münchen。example'],
    ['Nobodé', 'nobodé', 'nobode\u0301', 'ＮＯＢＯＤé'],
  ]
  for (const [first = '', ...others] of groups) {
    for (let guess = 0; guess < 10; guess++) t.equal(await signInStatus(first, 'wrong'), 403)
    for (const spelling of others) t.equal(await signInStatus(spelling, 'wrong'), 429, spelling)
  }
  // Text that cannot be a name belongs to nobody, and is handled in the same way.
  for (let guess = 0; guess < 10; guess++) t.equal(await signInStatus('nobody\u202e@example.com', 'wrong'), 403)
  t.equal(await signInStatus('nobody\u202e@example.com', 'wrong'), 429)
  await clearLimits(idp)
})

t.test('a name that equals the password is refused', async (t) => {
  const person = await idp.person({ password: 'lovelace1815@köln.example' })
  const browser = await enter(idp, person)
  for (const email of ['lovelace1815@köln.example', 'Lovelace1815@xn--kln-sna.example'])
    t.match(await saveNames(browser, person, { email }), faultAt('email'), email)
  const other = await idp.person({ password: 'lovelace lovelace 1815' })
  const theirs = await enter(idp, other)
  t.match(await saveNames(theirs, other, { username: 'Lovelace' }), faultAt('username'))
  t.match(await saveNames(theirs, other, { email: 'love.lace@example.com' }), faultAt('email'))
  const wrong = await saveNames(theirs, other, { username: 'Lovelace', 'confirm-password': 'not this' })
  t.equal(wrong.status, 403, 'shown only after the right password')
  t.match(await saveNames(theirs, other, { username: 'lovelace.augusta' }), saved)
  t.match(await saveNames(browser, person, {}), saved, 'an unchanged name is not checked')
})
