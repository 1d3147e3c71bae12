import t from 'tap'
import { HashQueueFull } from '../../src/records/accounts/password-hashing.ts'
import { startSignet } from '../support/idp.ts'
import { cookiesOf } from './account-forms.ts'
import { clearLimits, comparable, type From, knownBrowser, setCount, tryPassword, trySignUp } from './guesses.ts'

/*
 * The rest of an allowance must not reveal who has an account: somebody who fails at a name can count how often the name, and then the
 * network, may fail again.
 */

const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' })
const { database } = idp.signet

const person = await idp.person()
const shared = await idp.person()
await idp.person({ email: shared.email })
const disabled = await idp.person()
const passwordless = await idp.person()
const update = (text: string, sub: string) => database.query({ text, values: [sub] })
await update('UPDATE accounts SET disabled_at = now() WHERE sub = $1', disabled.sub)
await update('DELETE FROM account_credentials WHERE sub = $1', passwordless.sub)

let network = 0
/** A network for which nothing has been counted yet. */
const fresh = (): From => ({ network: `198.51.100.${++network}` })

/** How many more names may fail from here: only the last of the hundred are actually tried. */
async function left(from: From): Promise<number> {
  const { rows } = await database.query<{ points: number }>(
    "SELECT max(points) AS points FROM rate_limits WHERE key LIKE 'sign-in-network:%'",
  )
  const skipped = 100 - (rows[0]?.points ?? 0) - 5
  await database.query({
    text: "UPDATE rate_limits SET points = points + $1 WHERE key LIKE 'sign-in-network:%'",
    values: [skipped],
  })
  for (let more = 0; more < 20; more++)
    if ((await tryPassword(idp, `somebody.else.${more}`, 'wrong', from)).status === 429) return skipped + more
  return Number.NaN
}

const kinds: Record<string, string> = {
  'a user name that nobody has': 'nobody.at.all',
  'a user name': person.username,
  'an address': person.email,
  'an address that nobody has': 'nobody.at.all@example.com',
  'an address of two accounts': shared.email,
  'a disabled account': disabled.username,
  'an account without a password': passwordless.email,
}

t.test('by failing at one name repeatedly, from one network', async (t) => {
  const seen = async (name: string) => {
    await clearLimits(idp)
    const from = fresh()
    const answers: unknown[] = []
    for (let guess = 0; guess < 13; guess++) answers.push(comparable(await tryPassword(idp, name, 'wrong', from), name))
    return { answers, left: await left(from) }
  }
  const expected = await seen(kinds['a user name that nobody has'] as string)
  t.match(
    expected.answers.map((answer) => (answer as { status: number }).status),
    [...Array(10).fill(403), 429, 429, 429],
  )
  t.equal(expected.left, 89, 'eleven were counted, and no more')
  for (const [kind, name] of Object.entries(kinds)) t.same(await seen(name), expected, kind)
})

t.test('by failing at a user name and then at the address that may belong to the same account', async (t) => {
  const seen = async (username: string, email: string) => {
    await clearLimits(idp)
    const from = fresh()
    const statuses: number[] = []
    for (const name of [username, email])
      for (let guess = 0; guess < 11; guess++) statuses.push((await tryPassword(idp, name, 'wrong', from)).status)
    return { statuses, left: await left(from) }
  }
  const apart = await seen('nobody.at.all', 'nobody.at.all@example.com')
  t.same(await seen(person.username, person.email), apart, 'of one account')
  t.same(await seen(person.username, shared.email), apart, 'of two accounts')
})

t.test('a queue that others keep full uses up nobody’s attempts', async (t) => {
  await clearLimits(idp)
  const known = { ...fresh(), cookie: cookiesOf(await knownBrowser(idp, person)) }
  const unknown = fresh()
  const { verify } = idp.signet.passwords
  const full = t.intercept(idp.signet.passwords, 'verify', {
    value: async () => {
      throw new HashQueueFull('full')
    },
    writable: true,
    configurable: true,
  })
  for (let attempt = 0; attempt < 25; attempt++)
    for (const from of [unknown, known])
      t.match(await tryPassword(idp, person.username, person.password, from), { status: 503 })
  t.ok(full().length > 0)
  idp.signet.passwords.verify = verify
  const { rows } = await database.query({ text: 'SELECT FROM failed_sign_ins WHERE failures > 0' })
  t.equal(rows.length, 0, 'the account has as many failures left as before')
  t.match(await tryPassword(idp, person.username, person.password, unknown), { status: 303 })
  t.match(await tryPassword(idp, person.username, person.password, known), { status: 303 })
})

t.test('by signing up', async (t) => {
  const seen = async (email: string) => {
    await clearLimits(idp)
    const from = fresh()
    const answers: unknown[] = []
    for (let guess = 0; guess < 12; guess++)
      answers.push(comparable(await trySignUp(idp, email, `a long enough phrase ${guess}`, from), email))
    const leftOver = await left(from)
    await setCount(idp, 'sign-up-network', 29)
    // Long enough, but refused for being common: passwords that are too short cost nothing.
    const common = () => trySignUp(idp, 'x@example.org', 'passwordpassword', from)
    const last = [await common(), await trySignUp(idp, 'x@example.org', 'y', from), await common()]
    return { answers, left: leftOver, last: last.map(({ status }) => status) }
  }
  const expected = await seen('nobody.yet@example.com')
  t.same(expected.last, [422, 422, 429])
  t.same(await seen(person.email), expected, 'an address that somebody has')
  t.same(await seen(disabled.email), expected, 'an address of a disabled account')
})

t.test('by failing and succeeding at one’s own account with the same address', async (t) => {
  const seen = async (email: string) => {
    const own = await idp.person({ email })
    const cookie = cookiesOf(await knownBrowser(idp, own))
    const results: unknown[] = []
    for (const from of [fresh(), { ...fresh(), cookie }]) {
      await clearLimits(idp)
      const statuses: number[] = []
      for (let guess = 0; guess < 12; guess++) {
        statuses.push((await tryPassword(idp, email, 'wrong', from)).status)
        if (guess % 3 === 0) statuses.push((await tryPassword(idp, email, own.password, from)).status)
      }
      results.push(statuses, await left(from))
    }
    return results
  }
  t.same(
    await seen((await idp.person()).email),
    await seen('nobody@example.com'),
    'whether or not somebody else has it',
  )
})
