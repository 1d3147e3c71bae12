import t from 'tap'
import { de } from '../../src/html/messages/de.ts'
import { en } from '../../src/html/messages/en.ts'
import { setPassword } from '../../src/operations/account-access.ts'
import { createAccount } from '../../src/operations/create-account.ts'
import { createBreachedPasswords } from '../../src/records/accounts/breached-passwords.ts'
import type { Sub } from '../../src/records/ids.ts'
import { enter, hiddenOf } from '../attacks/account-forms.ts'
import { startSignet } from '../support/idp.ts'
import { sha1, startRangeApi } from '../support/range-api.ts'

/** Stolen passwords are refused wherever a password is set, and nowhere else. */

const stolen = 'correct horse battery staple'
const fresh = 'quiet lamps over harbours'
const api = await startRangeApi(t, stolen)
const idp = await startSignet(t, { SIGNET_BREACHED_PASSWORDS_URL: api.url })
/** As started, with the time limit of a second. */
const { breachedPasswords: asStarted } = idp.signet
/** Without the time limit: a busy machine may take longer. */
const { signal: never } = new AbortController()
const patient = createBreachedPasswords(api.url, idp.signet.log, undefined, { startTimeLimit: () => never })
Object.assign(idp.signet, { breachedPasswords: patient })
const operator = { kind: 'operator', by: 'test@here' } as const
const accounts = async () => (await idp.signet.database.query({ text: 'SELECT FROM accounts' })).rowCount
const faultAt = (id: string, html: string) => new RegExp(`id="${id}-fault">([^<]*)<`).exec(html)?.[1]
const asked = () => api.received.length

t.test('somebody who signs up is told so in their language, whether or not somebody has the address', async (t) => {
  const known = await idp.person({ password: stolen })
  for (const [language, { faults }] of Object.entries({ en, de }))
    for (const email of ['nobody@example.com', known.email]) {
      const before = { accounts: await accounts(), asked: asked() }
      const page = await idp.browser().post('/sign-up', { email, password: stolen }, { 'accept-language': language })
      t.equal(page.status, 422)
      t.equal(faultAt('password', page.text), faults.password_breached)
      t.same({ accounts: await accounts(), asked: asked() }, { accounts: before.accounts, asked: before.asked + 1 })
    }
  const page = await idp.browser().post('/sign-up', { email: 'nobody@example.com', password: fresh })
  t.equal(page.status, 303)
})

t.test('nothing is looked up that is refused anyway', async (t) => {
  const before = asked()
  for (const password of [
    'short',
    'passwordpassword',
    'aaaaaaaaaaaaaaaa',
    'somebody@example.com',
    'signetsignetsignet',
  ])
    t.equal((await idp.browser().post('/sign-up', { email: 'somebody@example.com', password })).status, 422, password)
  t.equal(asked(), before)
})

t.test('on the account page, only after the current password has been proven', async (t) => {
  const person = await idp.person()
  const browser = await enter(idp, person)
  const hidden = hiddenOf(await browser.get('/account/security'), 'password-change')
  const change = (current: string, wanted: string) =>
    browser.post('/account/password', { ...hidden, 'current-password': current, 'new-password': wanted })
  const before = asked()
  t.equal((await change('a wrong password', stolen)).status, 403)
  t.equal(asked(), before, 'a session alone cannot be used to send requests elsewhere')
  const page = await change(person.password, stolen)
  t.equal(page.status, 422)
  t.equal(faultAt('new-password', page.text), en.faults.password_breached)
  t.notMatch(page.text, stolen)
  t.match((await change(person.password, fresh)).location, /password-changed/)
  t.equal(asked(), before + 2)
})

t.test('operators get no stolen password through either', async (t) => {
  const account = { profile: { username: 'made' }, email: undefined, emailVerified: false }
  const refused = { outcome: 'password_refused', fault: 'password_breached', minLength: 15 }
  t.same(await createAccount(idp.signet, operator, { ...account, password: stolen }), refused)
  const created = await createAccount(idp.signet, operator, { ...account, password: fresh })
  t.equal(created.outcome, 'created')
  const { sub } = created.outcome === 'created' ? created.account : { sub: '' as Sub }
  t.same(await setPassword(idp.signet, operator, sub, stolen), refused)
})

t.test('a password that is already set stays valid, and is not looked up at sign-in', async (t) => {
  const person = await idp.person({ password: stolen })
  const before = asked()
  await enter(idp, person)
  t.equal(asked(), before)
})

t.test('while the collection does not answer, passwords are accepted, and other requests do not wait', async (t) => {
  let answer = () => {}
  const arrived = new Promise<void>((resolve) => {
    api.answerWith((_request, reply) => {
      answer = () => reply.writeHead(503).end()
      resolve()
    })
  })
  t.teardown(() => api.answerWith(undefined))
  Object.assign(idp.signet, { breachedPasswords: asStarted })
  t.teardown(() => Object.assign(idp.signet, { breachedPasswords: patient }))
  const signUp = idp.browser().post('/sign-up', { email: 'patient@example.com', password: stolen })
  await arrived
  t.equal((await idp.browser().get('/sign-in')).status, 200)
  answer()
  t.equal((await signUp).status, 303)
  const samples = idp.signet.metrics.readings.signet_breached_password_checks_total()
  const unusable = samples.filter(({ labels }) => ['failed', 'timeout'].includes(String(labels['outcome'])))
  t.ok(unusable.reduce((sum, { value }) => sum + value, 0) >= 1)
  t.match(idp.logged(), 'SIGNET_BREACHED_PASSWORDS_URL')
})

t.test('neither the password nor its hash is logged or recorded', async (t) => {
  const { rows } = await idp.signet.database.query({ text: 'SELECT row_to_json(events)::text AS event FROM events' })
  const everything = idp.logged() + JSON.stringify(rows)
  for (const secret of [stolen, fresh, sha1(stolen), sha1(stolen).slice(5), `range/${sha1(stolen).slice(0, 5)}`])
    t.notMatch(everything.toUpperCase(), secret.toUpperCase())
})
