import t from 'tap'
import { everyAccountPage } from '../support/account-pages.ts'
import { freePort, type Person, startSignet } from '../support/idp.ts'
import { cookiesOf, hiddenOf } from './account-forms.ts'
import {
  clearLimits,
  failuresOf,
  knownBrowser,
  setCount,
  setFailures,
  setWait,
  tryPassword,
  trySignUp,
} from './guesses.ts'

// Without mail: nobody can verify an address, so people can share one, and change to it without proof.
const idp = await startSignet(t, {
  SIGNET_TRUST_PROXY: 'loopback',
  SIGNET_ISSUER: 'https://id.example',
  SIGNET_PORT: String(await freePort()),
})
const { database } = idp.signet
t.beforeEach(() => clearLimits(idp))

/** The person who signed in last. */
const lastSignedIn = async () => {
  const text = "SELECT sub FROM events WHERE type IN ('signed_in', 'account_created') ORDER BY id DESC LIMIT 1"
  return (await database.query<{ sub: string }>(text)).rows[0]?.sub
}
const accountsWith = async (email: string) =>
  (await database.query({ text: 'SELECT FROM account_emails WHERE email = $1', values: [email] })).rowCount

/** What has been counted, without expired windows. */
const counts = async () => {
  const text = "SELECT split_part(key, ':', 1) AS limit, points FROM rate_limits WHERE points > 0 ORDER BY 1, 2"
  return (await database.query<{ limit: string; points: number }>(text)).rows.map(
    ({ limit, points }) => `${limit} ${points}`,
  )
}

/** Changes something on the account page, in a browser in which the person has signed in. */
async function change(person: Person, button: string, path: string, values: Record<string, string>): Promise<void> {
  const browser = await knownBrowser(idp, person)
  const form = { ...hiddenOf(await everyAccountPage(browser), button), ...values }
  const { location } = await browser.post(path, form, { 'x-forwarded-for': '203.0.113.77' })
  if (!location?.includes('notice=')) throw new Error(`${path} did not succeed.`)
}
const moveTo = (person: Person, email: string) =>
  change(person, 'sign-in-save', '/account/sign-in', {
    username: person.username,
    email,
    'confirm-password': person.password,
  })
const setPassword = (person: Person, from: string, to: string) =>
  change(person, 'password-change', '/account/password', { 'current-password': from, 'new-password': to })

t.test("accounts created with somebody's address, or changed to it, do not lock its owner out", async (t) => {
  const owner = await idp.person()
  const right = (network: string) => tryPassword(idp, owner.email, owner.password, { network })
  for (let n = 0; n < 6; n++)
    t.match(await trySignUp(idp, owner.email, `another phrase of mine ${n}`, { network: `192.0.2.${n}` }), {
      status: 303,
    })
  for (let n = 0; n < 5; n++) {
    const squatter = await idp.person()
    await database.query({
      text: "UPDATE accounts SET created_at = '2001-01-01' WHERE sub = $1",
      values: [squatter.sub],
    })
    await moveTo(squatter, owner.email)
  }
  t.equal(await accountsWith(owner.email), 12)
  t.match(await right('198.51.100.1'), { status: 303 })
  t.equal(await lastSignedIn(), owner.sub)
  t.match(await right('198.51.100.2'), { status: 303 }, 'in any new browser')
  t.equal(await lastSignedIn(), owner.sub)
})

t.test('of two people with one address in one network', async (t) => {
  const one = await idp.person()
  const two = await idp.person({ email: one.email })
  const from = { network: '192.0.2.7' }

  t.test('the sign-ins of one do not use up the failures of the other', async (t) => {
    for (let n = 0; n < 8; n++)
      for (const person of n % 2 ? [one, two] : [two]) {
        t.match(await tryPassword(idp, person.email, person.password, from), { status: 303 })
        t.equal(await lastSignedIn(), person.sub)
      }
    t.same(await counts(), [], 'none of them remains')
    t.same(await failuresOf(idp), [])
  })

  t.test('a failure counts once for their network, and for each of them', async (t) => {
    t.match(await tryPassword(idp, one.email, 'wrong', from), { status: 403 })
    t.same(await counts(), ['sign-in-name 1', 'sign-in-network 1'])
    t.same(await failuresOf(idp), [1, 1])
    t.match(await tryPassword(idp, two.email, two.password, from), { status: 303 })
    t.same(
      await counts(),
      ['sign-in-name 1', 'sign-in-network 1'],
      'and is not refunded by the success of another request',
    )
    t.same(await failuresOf(idp), [1])
  })

  t.test('one that waits does not make the other wait', async (t) => {
    await tryPassword(idp, one.username, 'wrong', from)
    await setFailures(idp, 150)
    await setWait(idp, 800)
    t.match(await tryPassword(idp, one.email, one.password, from), { status: 403 })
    t.match(await tryPassword(idp, two.email, two.password, from), { status: 303 })
    t.match(await tryPassword(idp, one.email, one.password, from), { status: 403 }, 'nor does its success end the wait')
  })
})

t.test("somebody who owns an account with the victim's address", async (t) => {
  const from = { network: '192.0.2.8' }

  t.test('and sets its password to each guess, has all but a few a day counted', async (t) => {
    const victim = await idp.person()
    const squatter = await idp.person({ email: victim.email })
    let password = squatter.password
    const guess = async (n: number) => {
      const next = `the guess of a squatter ${n}`
      await setPassword({ ...squatter, password }, password, next)
      password = next
      return tryPassword(idp, victim.email, password, from)
    }
    t.match(await guess(0), { status: 303 })
    t.same([await failuresOf(idp), await counts()], [[], []], 'as for people who share an address')
    await database.query('UPDATE failed_sign_ins SET taken_back = 10 WHERE taken_back = 1')
    for (let n = 1; n <= 3; n++) {
      t.match(await guess(n), { status: 303 })
      t.same(await failuresOf(idp), [n], 'for the victim')
      t.same(await counts(), [`sign-in-name ${n}`, `sign-in-network ${n}`], 'and for network and name')
    }
    const { rows } = await database.query({
      text: "SELECT FROM events WHERE type = 'sign_in_failed' AND sub = $1",
      values: [victim.sub],
    })
    t.equal(rows.length, 3, 'on record')
    await setCount(idp, 'sign-in-name', 10)
    t.match(await tryPassword(idp, victim.email, password, from), { status: 429 })
  })

  t.test('and moves it from victim to victim, has the moves counted as new accounts', async (t) => {
    const squatter = await idp.person()
    const victims = [await idp.person(), await idp.person()]
    for (const victim of victims) {
      await moveTo(squatter, victim.email)
      t.match(await tryPassword(idp, victim.email, squatter.password, from), { status: 303 })
    }
    t.match(await counts(), ['sign-up-network 2'])
  })

  t.test('cannot keep the victim waiting by signing in to it', async (t) => {
    const victim = await idp.person()
    const squatter = await idp.person({ email: victim.email })
    const statuses: number[] = []
    for (let n = 0; n < 25; n++) statuses.push((await tryPassword(idp, victim.email, squatter.password, from)).status)
    t.same(statuses, [...Array(20).fill(303), ...Array(5).fill(429)], 'ten a day are free, and ten fit into a window')
    t.same(await failuresOf(idp), [10])
    t.match(await tryPassword(idp, victim.email, victim.password, { network: '192.0.2.99' }), { status: 303 })
    t.equal(await lastSignedIn(), victim.sub)
  })

  t.test("does not reset the other's failures by signing in to it", async (t) => {
    const victim = await idp.person()
    const squatter = await idp.person({ email: victim.email })
    const attacker = await knownBrowser(idp, squatter)
    for (const cookie of ['', cookiesOf(attacker)]) {
      await clearLimits(idp)
      for (let guess = 0; guess < 9; guess++) {
        t.match(await tryPassword(idp, victim.email, `guess ${guess}`, { ...from, cookie }), { status: 403 })
        if (guess % 4 === 3)
          t.match(await tryPassword(idp, victim.email, squatter.password, { ...from, cookie }), { status: 303 })
      }
      t.equal((await failuresOf(idp))[0], 9)
      t.ok((await counts()).includes('sign-in-name 9'))
      await setCount(idp, 'sign-in-name', 10)
      t.equal(
        (await tryPassword(idp, victim.email, victim.password, { ...from, cookie })).status,
        cookie === '' ? 429 : 403,
        'the right one is not checked',
      )
    }
  })

  t.test('gains no guesses by having more accounts', async (t) => {
    const victim = await idp.person()
    await tryPassword(idp, victim.username, 'wrong', from)
    await setFailures(idp, 120)
    await setWait(idp, 800)
    for (let more = 0; more < 2; more++) {
      await idp.person({ email: victim.email })
      t.match(await tryPassword(idp, victim.email, victim.password, { network: `198.51.100.${more}` }), { status: 403 })
    }
  })

  t.test('does not lock the other person out of a browser that they have used', async (t) => {
    const victim = await idp.person()
    const laptop = await knownBrowser(idp, victim)
    for (let more = 0; more < 3; more++) await idp.person({ email: victim.email })
    await tryPassword(idp, victim.email, 'wrong', from)
    await setCount(idp, 'sign-in-name', 10)
    await setCount(idp, 'sign-in-network', 100)
    await setFailures(idp, 150)
    await setWait(idp, 800)
    t.match(await tryPassword(idp, victim.email, victim.password, from), { status: 429 })
    const known = { ...from, cookie: cookiesOf(laptop) }
    t.match(await tryPassword(idp, victim.email, victim.password, known), { status: 303 })
    t.equal(await lastSignedIn(), victim.sub)
  })
})

t.test('signing up again', async (t) => {
  const from = { network: '192.0.2.9' }
  const password = 'a phrase that is long enough'

  t.test(
    'with the same address and password signs in to the existing account, and changes nothing of it',
    async (t) => {
      const email = 'Again@example.com'
      t.match(await trySignUp(idp, email, password, from), { status: 303 })
      const sub = await lastSignedIn()
      const before = (
        await database.query({ text: 'SELECT name, updated_at FROM accounts WHERE sub = $1', values: [sub] })
      ).rows
      await clearLimits(idp)
      const again = await idp.browser().post('/sign-up', { email: 'again@example.com', password, name: 'Another Name' })
      t.match(again, { status: 303 })
      t.ok(again.headers.getSetCookie().some((line) => line.startsWith(idp.cookieNames.session)))
      t.equal(await accountsWith(email), 1)
      t.equal(await lastSignedIn(), sub)
      t.same(
        (await database.query({ text: 'SELECT name, updated_at FROM accounts WHERE sub = $1', values: [sub] })).rows,
        before,
      )
      const { rows } = await database.query({
        text: 'SELECT type FROM events WHERE sub = $1 ORDER BY id',
        values: [sub],
      })
      t.same(rows, [{ type: 'account_created' }, { type: 'signed_in' }])
      t.same(await failuresOf(idp), [], 'and is not a failure')
      t.match(await counts(), ['sign-up-network 1'])
    },
  )

  t.test('with another password creates a second account, and is one guess at the first', async (t) => {
    const owner = await idp.person()
    t.match(await trySignUp(idp, owner.email, password, from), { status: 303 })
    t.equal(await accountsWith(owner.email), 2)
    t.same(await failuresOf(idp), [1])
    t.same(await counts(), ['sign-in-name 1', 'sign-in-network 1', 'sign-up-network 1'])
  })

  t.test('costs the same counts and hashes if nobody has the address', async (t) => {
    const { passwords } = idp.signet
    const [verify, hash] = [passwords.verify, passwords.hash]
    const hashed: string[] = []
    t.capture(passwords, 'verify', (...given: Parameters<typeof verify>) => {
      hashed.push('verify')
      return verify(...given)
    })
    t.capture(passwords, 'hash', (...given: Parameters<typeof hash>) => {
      hashed.push('hash')
      return hash(...given)
    })
    const disabled = await idp.person()
    await database.query({ text: 'UPDATE accounts SET disabled_at = now() WHERE sub = $1', values: [disabled.sub] })
    const taken = (await idp.person()).email
    hashed.splice(0)
    const costs: unknown[] = []
    for (const [email, tried] of [
      ['nobody.yet@example.com', password],
      [taken, password],
      [disabled.email, disabled.password],
    ] as const) {
      await clearLimits(idp)
      const { status, location } = await trySignUp(idp, email, tried.padEnd(12, '-'), from)
      costs.push({
        status,
        location,
        hashed: hashed.splice(0),
        counts: await counts(),
        failures: await failuresOf(idp),
      })
    }
    t.match(costs[0], { status: 303, hashed: ['verify', 'hash'], failures: [1] })
    t.same(costs, Array(3).fill(costs[0]))
  })

  t.test('creates one account if the form is sent twice', async (t) => {
    const email = 'twice@example.com'
    const answers = await Promise.all([1, 2, 3].map(() => trySignUp(idp, email, password, from)))
    t.match(answers, [{ status: 303 }, { status: 303 }, { status: 303 }])
    t.equal(await accountsWith(email), 1)
  })

  t.test('is refused while the account waits, and an unknown name waits in the same way', async (t) => {
    const owner = await idp.person()
    for (const email of [owner.email, 'nobody.yet.3@example.com']) {
      await clearLimits(idp)
      await tryPassword(idp, email, 'wrong', from)
      await setFailures(idp, 120)
      await setWait(idp, 800)
      const answer = await trySignUp(idp, email, email === owner.email ? owner.password : password, from)
      t.match(answer, { status: 429, headers: { 'retry-after': '900' } })
    }
    t.equal(await accountsWith(owner.email), 1)
    t.equal(await accountsWith('nobody.yet.3@example.com'), 0)
    const { rows } = await database.query({
      text: "SELECT detail FROM events WHERE type = 'sign_in_failed' AND sub = $1 ORDER BY id",
      values: [owner.sub],
    })
    t.same(rows, [{ detail: {} }, { detail: { reason: 'waiting' } }], 'on record')
  })

  t.test('is refused past the limit of a name, whether or not somebody has an account with it', async (t) => {
    const owner = await idp.person()
    for (const email of [owner.email, 'nobody.yet.2@example.com']) {
      await clearLimits(idp)
      await tryPassword(idp, email, 'wrong', from)
      await setCount(idp, 'sign-in-name', 10)
      const answer = await trySignUp(idp, email, email === owner.email ? owner.password : password, from)
      t.match(answer, { status: 429, text: 'Too many attempts' })
      t.match(answer.headers, { 'retry-after': /^\d+$/ })
    }
    t.equal(await accountsWith('nobody.yet.2@example.com'), 0)
  })
})
