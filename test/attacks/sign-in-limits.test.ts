import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { createFairQueue } from '../../src/platform/fair-queue.ts'
import { createPasswordHashing, hashQueueLimits } from '../../src/records/accounts/password-hashing.ts'
import { cheapHashing, startSignet } from '../support/idp.ts'
import { cookiesOf } from './account-forms.ts'
import { clearLimits, failed, failuresOf, knownBrowser, setCount, tryPassword, trySignUp } from './guesses.ts'
import { faultsOf } from './plain-answer.ts'
import type { Answer } from './send.ts'

t.test('guessing passwords', async (t) => {
  const idp = await startSignet(t)
  const person = await idp.person()
  const laptop = await knownBrowser(idp, person)
  t.beforeEach(() => clearLimits(idp))

  t.test('of four hundred at one account, two hundred at a time, ten are checked', async (t) => {
    const answers: Answer[] = []
    for (let burst = 0; burst < 2; burst++)
      answers.push(
        ...(await Promise.all(
          Array.from({ length: 200 }, (_, guess) => tryPassword(idp, person.username, `guess ${burst} ${guess}`)),
        )),
      )
    const limited = answers.filter(({ status }) => status === 429)
    // A busy machine may turn some away, counted or not; all other responses are correct.
    const busy = answers.filter(({ status }) => status === 503).length
    const looked = failed(answers)
    t.equal(looked + limited.length + busy, 400)
    t.ok(busy === 0 ? looked === 10 : looked <= 10, `${looked} were checked, ${busy} were turned away`)
    t.same(new Set(limited.flatMap(faultsOf)), new Set())
    t.ok(
      limited.every(({ headers }) => /^[1-9]\d{0,2}$/.test(headers['retry-after'] ?? '')),
      'in seconds',
    )
    t.match(await tryPassword(idp, person.username, person.password), { status: 429 }, 'nor is the right one')
    t.match(
      await tryPassword(idp, person.username, person.password, { cookie: cookiesOf(laptop) }),
      { status: 303 },
      'but the browser that the person uses is not locked out',
    )
  })

  t.test('every spelling of a name counts as the same name', async (t) => {
    const istanbul = await idp.person({ username: 'istiklalistim' })
    const spellings = [
      'istiklalistim',
      'ISTIKLALISTIM',
      'İstiklalİstİm',
      ' istiklalistim ',
      'IstİklalIstİm',
      'iSTİklalistim',
    ]
    const answers: Answer[] = []
    for (const spelling of spellings)
      for (let guess = 0; guess < 5; guess++) answers.push(await tryPassword(idp, spelling, 'wrong'))
    t.equal(failed(answers), 10)
    t.match(await tryPassword(idp, 'İSTİKLALİSTİM', istanbul.password), { status: 429 })
  })

  t.test('a forwarded address that no trusted proxy vouches for is ignored', async (t) => {
    const answers: Answer[] = []
    for (let guess = 0; guess < 15; guess++)
      answers.push(await tryPassword(idp, person.username, 'wrong', { network: `203.0.113.${guess}` }))
    t.equal(failed(answers), 10)
    const { rows } = await idp.signet.database.query({
      text: "SELECT DISTINCT network FROM events WHERE type = 'sign_in_failed'",
    })
    t.same(rows, [{ network: '127.0.0.1' }])
  })

  t.test("a browser cookie of the guesser's choice gives no new allowance", async (t) => {
    const answers: Answer[] = []
    for (let guess = 0; guess < 15; guess++) {
      const cookie = `${idp.cookieNames.browser}=${Buffer.alloc(32, guess).toString('base64url')}`
      answers.push(await tryPassword(idp, person.username, 'wrong', { cookie }))
    }
    t.equal(failed(answers), 10)
  })

  t.test('over many accounts, a hundred from one network are checked', async (t) => {
    await tryPassword(idp, 'nobody', 'the same password')
    await setCount(idp, 'sign-in-network', 90)
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, name) => tryPassword(idp, `nobody.${name}`, 'the same password')),
    )
    t.equal(failed(answers), 10, 'ninety were counted before')
    t.match(
      await tryPassword(idp, person.username, person.password, { cookie: cookiesOf(laptop) }),
      { status: 303 },
      'and a person who shares the address but has signed in before is let in',
    )
  })

  t.test('a browser in which the person has signed in has twenty guesses, and then counts as unknown', async (t) => {
    const from = { cookie: cookiesOf(laptop) }
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => tryPassword(idp, person.username, 'wrong', from)),
    )
    t.equal(failed(answers), 20)
    t.same(await failuresOf(idp), [], 'none of them counts for unknown browsers')
    t.match(await tryPassword(idp, person.username, person.password, from), { status: 429 })
    await idp.signet.database.query("DELETE FROM rate_limits WHERE key NOT LIKE 'sign-in-browser%'")
    t.match(await tryPassword(idp, person.username, 'wrong', from), { status: 403 })
    t.same(await failuresOf(idp), [1], 'as an unknown browser it may continue')
    t.match(await tryPassword(idp, person.username, person.password, from), { status: 303 })
    t.match(await tryPassword(idp, person.username, 'wrong', from), { status: 403 })
    t.same(await failuresOf(idp), [], 'and a success makes it known again')
  })

  t.test('a stolen known browser has a hundred guesses a day', async (t) => {
    const from = { cookie: cookiesOf(laptop) }
    await tryPassword(idp, person.username, 'wrong', from)
    await setCount(idp, 'sign-in-browser-day', 99)
    t.match(await tryPassword(idp, person.username, 'wrong', from), { status: 403 })
    t.same(await failuresOf(idp), [])
    t.match(await tryPassword(idp, person.username, 'wrong', from), { status: 403 })
    t.same(await failuresOf(idp), [1])
  })

  t.test("signing in to one's own account gives no guesses at others", async (t) => {
    const own = await idp.person()
    const answers: Answer[] = []
    for (let guess = 0; guess < 15; guess++) {
      answers.push(await tryPassword(idp, person.username, 'wrong'))
      t.match(await tryPassword(idp, own.username, own.password), { status: 303 })
    }
    t.equal(failed(answers), 10)
  })
})

/** Takes as long as in production, but sleeps instead of hashing, and fewer may wait. */
function slowHashing() {
  const queue = createFairQueue({ ...hashQueueLimits, maxWaiting: 20 })
  const slowly = <T>(work: () => Promise<T>) => pause(40).then(work)
  return createPasswordHashing(cheapHashing, {
    run: (source, work, signal) => queue.run(source, () => slowly(work), signal),
  })
}

t.test('behind a trusted proxy, networks are told apart', async (t) => {
  const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' }, { passwords: slowHashing() })
  const person = await idp.person()
  t.beforeEach(() => clearLimits(idp))

  t.test('failures from one network do not lock out another', async (t) => {
    const answers: Answer[] = []
    for (let guess = 0; guess < 12; guess++)
      answers.push(await tryPassword(idp, person.username, 'wrong', { network: '203.0.113.1' }))
    t.equal(failed(answers), 10)
    t.match(await tryPassword(idp, person.username, person.password, { network: '203.0.113.1' }), { status: 429 })
    t.match(await tryPassword(idp, person.username, person.password, { network: '203.0.113.2' }), { status: 303 })
  })

  t.test('a /64 of IPv6 is one network, and IPv4-mapped IPv6 is IPv4', async (t) => {
    const networks = [
      ...Array.from({ length: 12 }, (_, host) => `2001:db8:1:2::${host + 1}`),
      ...Array.from({ length: 12 }, (_, host) => (host % 2 ? '198.51.100.7' : '::ffff:198.51.100.7')),
    ]
    const answers: Answer[] = []
    for (const network of networks) answers.push(await tryPassword(idp, person.username, 'wrong', { network }))
    t.equal(failed(answers), 20)
  })

  t.test('anything before the address that the proxy saw is ignored', async (t) => {
    const answers: Answer[] = []
    for (let guess = 0; guess < 12; guess++)
      answers.push(await tryPassword(idp, person.username, 'wrong', { network: `10.9.8.${guess}, 203.0.113.9` }))
    t.equal(failed(answers), 10)
  })

  t.test('an invalid address does no harm', async (t) => {
    for (const network of ['', 'unknown', '999.1.1.1', "'; DROP TABLE accounts; --", 'x'.repeat(4000), '::1%eth0'])
      t.same(faultsOf(await tryPassword(idp, person.username, 'wrong', { network })), [], network.slice(0, 20))
  })

  t.test('more passwords at once than can be hashed: 503 with Retry-After, and the server survives', async (t) => {
    const answers = await Promise.all(
      Array.from({ length: 160 }, (_, caller) =>
        tryPassword(idp, `nobody.${caller}`, 'wrong', { network: `198.51.100.${caller}` }),
      ),
    )
    const busy = answers.filter(({ status }) => status === 503)
    t.ok(busy.length > 0, 'some are told to retry')
    t.equal(failed(answers) + busy.length, answers.length)
    for (const answer of busy) {
      t.match(answer.headers, { 'retry-after': /^\d+$/, 'cache-control': 'no-store' })
      t.match(answer.text, 'id="sign-in"', 'the form remains available')
    }
    t.match(await tryPassword(idp, person.username, person.password, { network: '192.0.2.1' }), { status: 303 })
  })
})

t.test('no more than thirty accounts an hour are created from one network', async (t) => {
  const idp = await startSignet(t)
  const password = 'a long enough phrase'
  t.match(await trySignUp(idp, 'first@example.com', password), { status: 303 })
  await setCount(idp, 'sign-up-network', 25)
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, number) => trySignUp(idp, `n${number}@example.com`, password)),
  )
  t.equal(answers.filter(({ status }) => status === 303).length, 5, 'twenty-five were counted before')
  t.ok(answers.every(({ status, headers }) => status === 303 || (status === 429 && headers['retry-after'])))
  t.match(
    await trySignUp(idp, 'weak@example.com', 'passwordpassword1'),
    { status: 429 },
    'counted before the password is checked',
  )
  t.match(await trySignUp(idp, 'no address', password), { status: 422 }, 'but after checks that cost nothing')
})
