import t from 'tap'
import { disableAccount, enableAccount, setPassword, signOutEverywhere } from '../../src/operations/account-access.ts'
import { deleteAccount } from '../../src/operations/delete-account.ts'
import { deleteExpired } from '../../src/records/cleanup/cleanup-store.ts'
import type { Sub } from '../../src/records/ids.ts'
import type { Browser } from '../support/browser.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { cookiesOf, hiddenOf, newPassword } from './account-forms.ts'
import { clearLimits, failuresOf, knownBrowser, setFailures, setWait, tryPassword } from './guesses.ts'

const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' })
const { database } = idp.signet
const operator = { kind: 'operator', by: 'test' } as const
t.beforeEach(() => clearLimits(idp))

let networks = 0
const elsewhere = () => ({ network: `2001:${(++networks).toString(16)}::1` })

/** A failure in a known browser counts for that browser only; in any other, for the account. */
async function isKnown(browser: Browser, person: Person): Promise<boolean> {
  await clearLimits(idp)
  await tryPassword(idp, person.username, 'wrong', { ...elsewhere(), cookie: cookiesOf(browser) })
  return (await failuresOf(idp)).length === 0
}

/** The right password, in a browser, while the account waits after a hundred failures. */
async function signInWhileWaiting(browser: Browser, { username }: Person, password: string): Promise<number> {
  await clearLimits(idp)
  await tryPassword(idp, username, 'wrong', elsewhere())
  await setFailures(idp, 99)
  await tryPassword(idp, username, 'wrong', elsewhere())
  await setWait(idp, 800)
  return (await tryPassword(idp, username, password, { ...elsewhere(), cookie: cookiesOf(browser) })).status
}

const signOut = async (browser: Browser) => {
  const { status } = await browser.submit(await browser.get('/logout'), 'confirm-logout')
  if (status >= 400) throw new Error(`The sign-out ended with ${status}.`)
}

/** Moves the database's records of sign-ins into the past, and deletes those that have expired. */
async function later(person: Person, days: number): Promise<void> {
  for (const [table, columns] of [
    ['sessions', ['auth_time', 'created_at', 'used_at', 'expires_at', 'ended_at']],
    ['known_browsers', ['used_at']],
  ] as const) {
    const moved = columns.map((column) => `${column} = ${column} - make_interval(days => $2)`).join(', ')
    await database.query({ text: `UPDATE ${table} SET ${moved} WHERE sub = $1`, values: [person.sub, days] })
  }
  await deleteExpired(database, 7 * 86_400)
}

t.test('a person who signed out is let in eight days later while their account waits', async (t) => {
  const person = await idp.person()
  const browser = await knownBrowser(idp, person)
  await signOut(browser)
  await later(person, 8)
  const { rowCount } = await database.query({ text: 'SELECT FROM sessions WHERE sub = $1', values: [person.sub] })
  t.equal(rowCount, 0, 'the session itself is deleted')
  t.equal(await signInWhileWaiting(browser, person, person.password), 303)
  t.equal(await signInWhileWaiting(idp.browser(), person, person.password), 403, 'any other browser waits')
})

t.test('a browser is forgotten a year after the last sign-in', async (t) => {
  const person = await idp.person()
  const browser = await knownBrowser(idp, person)
  await signOut(browser)
  await later(person, 360)
  t.ok(await isKnown(browser, person))
  t.equal(await signInWhileWaiting(browser, person, person.password), 303)
  await later(person, 360)
  t.ok(await isKnown(browser, person), 'the year restarts with each sign-in')
  await later(person, 6)
  t.notOk(await isKnown(browser, person))
})

t.test('an operator makes an account forget all browsers', async (t) => {
  const { signet } = idp
  const decisions: Record<string, (sub: Sub) => Promise<unknown>> = {
    'setting the password': (sub) => setPassword(signet, operator, sub, newPassword),
    'disabling the account': async (sub) => {
      await disableAccount(signet, operator, sub)
      await enableAccount(signet, operator, sub)
    },
    'signing out everywhere': (sub) => signOutEverywhere(signet, operator, sub),
    'deleting the account': (sub) => deleteAccount(signet, operator, sub),
  }
  const neighbour = await idp.person()
  const neighbours = await knownBrowser(idp, neighbour)
  for (const [name, decide] of Object.entries(decisions)) {
    const person = await idp.person()
    const [one, other] = [await knownBrowser(idp, person), await knownBrowser(idp, person)]
    await signOut(other)
    t.ok(await isKnown(one, person), `${name}: before`)
    await decide(person.sub)
    t.notOk(await isKnown(one, person), name)
    const { rowCount } = await database.query({
      text: 'SELECT FROM known_browsers WHERE sub = $1',
      values: [person.sub],
    })
    t.equal(rowCount, 0, `${name}: also one that was signed out`)
  }
  t.ok(await isKnown(neighbours, neighbour), 'nobody else is affected')
})

t.test("after a new password a thief's browser must wait like others, but the person's need not", async (t) => {
  for (const applications of ['end', 'keep']) {
    const person = await idp.person()
    const thief = await knownBrowser(idp, person)
    await signOut(thief)
    const own = await knownBrowser(idp, person)
    const form = { ...hiddenOf(await own.get('/account/security'), 'password-change') }
    const change = { ...form, 'current-password': person.password, 'new-password': newPassword }
    const done = await own.post(
      '/account/password',
      applications === 'end' ? { ...change, 'end-applications': '1' } : change,
    )
    t.match(done.location, 'notice=')
    t.equal(await signInWhileWaiting(thief, person, newPassword), 403, 'even a right guess')
    t.notOk(await isKnown(thief, person), 'its failures count for the account')
    t.equal(await signInWhileWaiting(own, person, newPassword), 303)
  }
})

t.test('ending sessions on the account page', async (t) => {
  t.test('when a session is ended, its browser is forgotten, but no other', async (t) => {
    const person = await idp.person()
    const lost = await knownBrowser(idp, person)
    const [kept, here] = [await knownBrowser(idp, person), await knownBrowser(idp, person)]
    const page = await here.get('/account/sessions')
    // The current session is first in the list, followed by the most recently used one.
    t.match((await here.submit(page, 'end-session-3')).location, 'session-ended')
    t.same([await isKnown(lost, person), await isKnown(kept, person), await isKnown(here, person)], [false, true, true])
    await signOut(kept)
    t.match((await here.submit(page, 'end-session-2')).location, 'session-ended')
    t.notOk(await isKnown(kept, person), 'a thief who signs out a moment earlier gains nothing')
  })

  t.test("an old session of the current browser can be ended, but somebody else's is ignored", async (t) => {
    const [person, neighbour] = [await idp.person(), await idp.person()]
    const here = await knownBrowser(idp, person)
    const neighbours = await knownBrowser(idp, neighbour)
    here.cookies.delete(here.names.session)
    const form = { username: person.username, password: person.password }
    await here.submit(await here.get('/sign-in'), 'sign-in', form)
    t.match((await here.submit(await here.get('/account/sessions'), 'end-session-2')).location, 'session-ended')
    t.ok(await isKnown(here, person))
    t.ok(await isKnown(neighbours, neighbour))
  })

  t.test(
    'ending all others forgets all browsers except the one in which the current session was started',
    async (t) => {
      const person = await idp.person()
      const [other, own] = [await knownBrowser(idp, person), await knownBrowser(idp, person)]
      const thief = idp.browser()
      thief.cookies.set(own.names.session, own.cookies.get(own.names.session) ?? '')
      const done = await thief.submit(await thief.get('/account/sessions'), 'end-other-sessions')
      t.match(done.location, 'others-ended')
      t.same(
        [await isKnown(other, person), await isKnown(thief, person), await isKnown(own, person)],
        [false, false, true],
      )
    },
  )
})
