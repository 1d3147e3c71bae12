import t, { type Test } from 'tap'
import { eventually } from '../support/eventually.ts'
import { startSignet } from '../support/idp.ts'
import { cookiesOf, hiddenOf, newPassword } from './account-forms.ts'
import {
  clearLimits,
  comparable,
  failed,
  failuresOf,
  knownBrowser,
  setCount,
  setFailures,
  setWait,
  tryPassword,
  trySignUp,
} from './guesses.ts'
import type { Answer } from './send.ts'

const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' })
const { database } = idp.signet
t.beforeEach(() => clearLimits(idp))

let networks = 0
/** From a different network each time, far from all others. */
const elsewhere = () => ({ network: `2001:${(++networks).toString(16)}::1` })

/** How many passwords were checked, that is compared with the hash of an account and not with the dummy. */
function spyOnHashing(t: Test) {
  const hashes: (string | undefined)[] = []
  const { verify } = idp.signet.passwords
  t.capture(idp.signet.passwords, 'verify', (...[password, hash, requester]: Parameters<typeof verify>) => {
    hashes.push(hash)
    return verify(password, hash, requester)
  })
  return { looked: () => hashes.filter((hash) => hash !== undefined).length, hashes }
}

t.test('after a hundred failures in a row, whatever networks they came from', async (t) => {
  const person = await idp.person()
  const laptop = await knownBrowser(idp, person)
  const disabled = await idp.person()
  await database.query({ text: 'UPDATE accounts SET disabled_at = now() WHERE sub = $1', values: [disabled.sub] })
  const right = () => tryPassword(idp, person.username, person.password, elsewhere())
  const wrong = (name: string = person.username) => tryPassword(idp, name, 'wrong', elsewhere())
  /** Pretends that the names have failed 99 times, and then fails once more. */
  const exhaust = async (...names: string[]) => {
    for (const name of names) await wrong(name)
    await setFailures(idp, 99)
    for (const name of names) t.match(await wrong(name), { status: 403 })
    // However long the test takes.
    await setWait(idp, 800)
  }

  t.test('an unknown browser waits, and the right password fails like a wrong one', async (t) => {
    const before = comparable(await wrong(), person.username)
    await exhaust(person.username)
    const { looked } = spyOnHashing(t)
    t.same(comparable(await right(), person.username), before, 'same page, status and headers')
    t.same(
      comparable(await tryPassword(idp, person.email, person.password, elsewhere()), person.email),
      before,
      'by any name',
    )
    t.equal(looked(), 0)
    t.same(await failuresOf(idp), [100], 'attempts that are not checked are not counted, and do not extend the wait')
    t.match(
      await tryPassword(idp, person.username, person.password, { ...elsewhere(), cookie: cookiesOf(laptop) }),
      { status: 303 },
      'a browser that the person has used works as before',
    )
    const { rows } = await database.query(
      "SELECT detail FROM events WHERE type = 'sign_in_failed' ORDER BY id DESC LIMIT 1",
    )
    t.same(rows, [{ detail: { reason: 'waiting' } }], 'the operator can see why')
  })

  t.test('the same applies to an unknown name and a disabled account, for equally long', async (t) => {
    const names = [person.username, 'nobody.at.all', disabled.username]
    await exhaust(...names)
    const { hashes } = spyOnHashing(t)
    const answers: unknown[] = []
    for (const name of names) answers.push(comparable(await tryPassword(idp, name, person.password, elsewhere()), name))
    t.same(answers, Array(3).fill(answers[0]))
    t.same(hashes, [undefined, undefined, undefined], 'one hash each, of a dummy')
    t.same(await failuresOf(idp), [100, 100, 100])
  })

  t.test('one attempt is allowed per wait', async (t) => {
    await exhaust(person.username)
    const { looked } = spyOnHashing(t)
    for (let waits = 0; waits < 3; waits++) {
      t.equal(failed([await wrong(), await wrong()]), 2)
      t.equal(looked(), waits, 'none during the wait')
      await setWait(idp, 0)
      t.equal(failed(await Promise.all(Array.from({ length: 12 }, () => wrong()))), 12)
      t.equal(looked(), waits + 1, 'one when it is over')
      await setWait(idp, 800)
    }
    await setWait(idp, 0)
    t.match(await right(), { status: 303 }, 'which may be the right one')
    t.same(await failuresOf(idp), [])
    t.match(await right(), { status: 303 }, 'and ends the wait')
  })

  t.test('of any number of parallel attempts on two nodes, no more than a hundred are checked', async (t) => {
    const other = await idp.another()
    await wrong()
    await setFailures(idp, 93)
    const { looked } = spyOnHashing(t)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        tryPassword(n % 2 ? idp : other, person.username, `guess ${n}`, elsewhere()),
      ),
    )
    t.equal(failed(answers), 40)
    t.equal(looked(), 7)
    await other.stop()
  })

  t.test('a stolen session must wait, too, where the password is asked for again', async (t) => {
    const desk = await knownBrowser(idp, person)
    const form = { ...hiddenOf(await desk.get('/account/security'), 'password-change'), 'new-password': newPassword }
    const change = (cookies: Record<string, string>, current: string) => {
      const thief = idp.browser()
      for (const [name, value] of Object.entries(cookies)) thief.cookies.set(name, value)
      const { network } = elsewhere()
      return thief.post('/account/password', { ...form, 'current-password': current }, { 'x-forwarded-for': network })
    }
    const session = { [desk.names.session]: desk.cookies.get(desk.names.session) ?? '' }
    await exhaust(person.username)
    t.match(await change(session, person.password), { status: 403 }, 'guesses on the sign-in page count')
    t.match(await wrong(), { status: 403 })
    await clearLimits(idp)
    await change(session, 'wrong')
    await setFailures(idp, 99)
    await change(session, 'wrong')
    t.match(await change(session, person.password), { status: 403 })
    t.match(await right(), { status: 403 }, 'and the reverse')
  })

  t.test('a sign-up cannot be used to check the password', async (t) => {
    await exhaust(person.email)
    const { looked } = spyOnHashing(t)
    t.match(await trySignUp(idp, person.email, person.password, elsewhere()), { status: 429 })
    t.match(
      await trySignUp(idp, person.email, 'a wrong one, but long', elsewhere()),
      { status: 429 },
      'like a wrong one',
    )
    t.equal(looked(), 0)
    const { rows } = await database.query({
      text: 'SELECT sub FROM account_emails WHERE email = $1',
      values: [person.email],
    })
    t.equal(rows.length, 1, 'no second account, which would split the person in two')
  })
})

t.test('a provider of IPv6 assigns more than single addresses', async (t) => {
  const person = await idp.person()
  const from = (network: string) => tryPassword(idp, `nobody.${++networks}`, 'wrong', { network })

  t.test('a /56 has two hundred failures, a /48 four hundred, and the next one has its own count', async (t) => {
    for (const [range, full, others] of [
      ['2001:db8:1:200::/56', ['2001:db8:1:2fe::1', '2001:db8:1:200::1'], ['2001:db8:1:300::1']],
      ['2001:db8:1::/48', ['2001:db8:1:ff02::1', '2001:db8:1::7'], ['2001:db8:2::1', '192.0.2.1']],
    ] as const) {
      await clearLimits(idp)
      t.match(await from('2001:db8:1:201::1'), { status: 403 })
      await setCount(idp, 'sign-in-network', range.endsWith('56') ? 199 : 399, range)
      t.match(await from('2001:db8:1:2ff::1'), { status: 403 }, `the last one of ${range}`)
      for (const network of full) t.match(await from(network), { status: 429 }, network)
      for (const network of others) t.match(await from(network), { status: 403 }, network)
    }
  })

  t.test('attempts that a /64 is refused do not count for its neighbours', async (t) => {
    await from('2001:db8:1:1::1')
    await setCount(idp, 'sign-in-network', 101, '2001:db8:1:1::/64')
    for (let n = 0; n < 5; n++) t.match(await from('2001:db8:1:1::1'), { status: 429 })
    const { rows } = await database.query(
      "SELECT points FROM rate_limits WHERE key LIKE 'sign-in-network:%' ORDER BY points",
    )
    t.same(rows, [{ points: 1 }, { points: 1 }, { points: 101 }])
  })

  t.test('sign-ups are counted in the same way', async (t) => {
    const signUp = (network: string) =>
      trySignUp(idp, `n${++networks}@example.com`, 'a long enough phrase', { network })
    t.match(await signUp('2001:db8:1:1::1'), { status: 303 })
    await setCount(idp, 'sign-up-network', 120, '2001:db8:1::/48')
    t.match(await signUp('2001:db8:1:ffff::1'), { status: 429 })
    t.match(await signUp('2001:db8:2::1'), { status: 303 })
  })

  t.test('anything that is not an address counts as one network, whatever it says', async (t) => {
    const answers: Answer[] = []
    for (let n = 0; n < 14; n++)
      answers.push(await tryPassword(idp, person.username, 'wrong', { network: `${n}.999.1.1` }))
    t.equal(failed(answers), 10)
  })
})

t.test('a network past its limit adds no further rows', async (t) => {
  const person = await idp.person()
  const laptop = await knownBrowser(idp, person)
  const network = '198.51.100.99'
  const tables = ['rate_limits', 'failed_sign_ins', 'events', 'refusals', 'accounts', 'sessions']
  const rows = async () => {
    const counts: Record<string, number> = {}
    for (const table of tables) counts[table] = (await database.query(`SELECT FROM ${table}`)).rowCount ?? 0
    return counts
  }
  const refusalsOf = async () =>
    (await database.query("SELECT FROM refusals WHERE entry = 'too_many_attempts'")).rowCount

  t.test(
    'neither for the typed names nor for each request: there is a single refusal for the whole window',
    async (t) => {
      await tryPassword(idp, 'nobody', 'wrong', { network })
      await trySignUp(idp, 'somebody@example.org', 'a long enough phrase', { network })
      await setCount(idp, 'sign-in-network', 100)
      await setCount(idp, 'sign-up-network', 30)
      await idp.signet.refusals.stop()
      await database.query({ text: 'DELETE FROM refusals' })
      t.match(await tryPassword(idp, 'first.to.be.refused', 'wrong', { network }), { status: 429 })
      t.match(await trySignUp(idp, 'first.to.be.refused@example.org', 'a long enough phrase', { network }), {
        status: 429,
      })
      await eventually('both refusals to be stored', async () => (await refusalsOf()) === 2)
      const before = await rows()
      for (let n = 0; n < 25; n++) {
        t.match(await tryPassword(idp, `invented.${n}`, 'wrong', { network }), { status: 429 })
        t.match(await tryPassword(idp, person.username, person.password, { network }), { status: 429 })
        t.match(await trySignUp(idp, `invented.${n}@example.org`, 'a long enough phrase', { network }), { status: 429 })
      }
      await idp.signet.refusals.stop()
      t.same(await rows(), before)
      t.match(idp.logged(), /limit: sign-in-network/, 'the log has each of them')
    },
  )

  t.test('nor does a name past its limit', async (t) => {
    for (let n = 0; n < 11; n++) await tryPassword(idp, person.username, 'wrong', { network })
    await idp.signet.refusals.stop()
    const before = await rows()
    for (let n = 0; n < 10; n++)
      t.match(await tryPassword(idp, person.username, person.password, { network }), { status: 429 })
    await idp.signet.refusals.stop()
    t.same(await rows(), before)
  })

  t.test('a known browser can still sign in from there', async (t) => {
    await tryPassword(idp, 'nobody', 'wrong', { network })
    await setCount(idp, 'sign-in-network', 101)
    const from = { network, cookie: cookiesOf(laptop) }
    t.match(await tryPassword(idp, person.username, person.password, from), { status: 303 })
    t.match(await tryPassword(idp, person.username, 'wrong', from), { status: 403 })
  })
})
