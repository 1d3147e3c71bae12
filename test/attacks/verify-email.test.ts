import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Statement } from '../../src/platform/database/queryable.ts'
import { emailInUnicode } from '../../src/records/accounts/canonical-names.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { startSignet } from '../support/idp.ts'
import { jobsAreDone, mailsTo, newestMailTo } from '../support/mails.ts'
import { withoutChallenges } from '../support/passkeys.ts'
import {
  addressOf,
  codeTo,
  linkTo,
  newEmail,
  type SignedUp,
  signInWith,
  signUp,
  subOf,
  wrongCode,
} from '../support/verification.ts'
import { clearLimits } from './guesses.ts'

const idp = await startSignet(t, { SIGNET_EMAIL_VERIFICATION: 'required', SIGNET_TRUST_PROXY: 'loopback' })
const { database } = idp.signet
t.beforeEach(() => clearLimits(idp))

const done = `${idp.issuer}/verify-email?done=verified`
const verifiedAt = async (sub: string) => (await addressOf(idp, sub))?.verified
const countEvents = async (sub: string, type: string) =>
  (await database.query({ text: 'SELECT FROM events WHERE sub = $1 AND type = $2', values: [sub, type] })).rowCount

/** The details of the events of one type about an account, in the order in which they were recorded. */
const detailsOf = async (sub: string, type: string) =>
  (
    await database.query<{ detail: Record<string, string> }>({
      text: 'SELECT detail FROM events WHERE sub = $1 AND type = $2 ORDER BY id',
      values: [sub, type],
    })
  ).rows.map(({ detail }) => detail)

/** The statements of the transaction that asks for a mail, while something is done. */
async function statementsOf(t: Test, act: () => Promise<unknown>): Promise<readonly string[]> {
  const transactions: string[][] = []
  const { connect } = database
  const captured = t.capture(database, 'connect', async () => {
    const connection = await connect.call(database)
    const texts: string[] = []
    transactions.push(texts)
    const query = (statement: Statement | string, values?: unknown[]) => {
      texts.push(typeof statement === 'string' ? statement : statement.text)
      return connection.query(statement, values)
    }
    return new Proxy(connection, {
      get: (target, key) => {
        if (key === 'query') return query
        const value = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  })
  await act()
  captured.restore()
  return transactions.find((texts) => texts.some((text) => text.includes('INSERT INTO email_verifications'))) ?? []
}

/** Enters a code on the page that waits for it. */
async function enter({ browser }: Pick<SignedUp, 'browser'>, code: string, network?: string): Promise<Visit> {
  const page = await browser.get('/verify-email')
  const form = /<form[^>]*action="\/verify-email\/code"[\s\S]*?<\/form>/.exec(page.text)?.[0] ?? ''
  const hidden = Object.fromEntries(
    [...form.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  )
  return browser.post('/verify-email/code', { ...hidden, code }, network ? { 'x-forwarded-for': network } : {})
}

/** A response without what differs between two requests and two people. */
const comparable = ({ status, text, headers, location }: Visit, email: string) => ({
  status,
  location: location?.replace(/continue=[\w-]+/, 'continue='),
  headers: [...headers.keys()].filter((name) => name !== 'set-cookie').sort(),
  text: withoutChallenges(text)
    .replaceAll(email, 'ADDRESS')
    .replace(/name="(csrf|account|continue)" value="[^"]*"/g, '$1')
    .replace(/continue=[\w-]+/g, 'continue='),
})

t.test('a link that is expired, used, truncated or made up gets one page, and changes nothing', async (t) => {
  const expired = await signUp(idp)
  const expiredLink = await linkTo(idp, expired.email)
  await database.query({
    text: `UPDATE email_verifications SET expires_at = now() - interval '1 second' WHERE email = $1`,
    values: [expired.email],
  })
  const used = await signUp(idp)
  const usedLink = await linkTo(idp, used.email)
  await enter(used, await codeTo(idp, used.email))
  const open = await signUp(idp)
  const openLink = await linkTo(idp, open.email)

  const stranger = idp.browser()
  const pages: string[] = []
  for (const link of [
    usedLink,
    openLink.slice(0, -1),
    `${openLink}A`,
    openLink.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    `/verify-email?token=${randomBytes(32).toString('base64url')}`,
    `/verify-email?token=${'A'.repeat(2000)}`,
    '/verify-email?token=%27%20OR%201%3D1',
  ]) {
    const page = await stranger.get(link)
    t.equal(page.status, 410, link)
    t.equal(page.headers.get('cache-control'), 'no-store')
    t.notMatch(page.text, 'id="password"')
    t.notMatch(page.text, used.email)
    pages.push(comparable(page, '').text)
    const token = new URL(link, idp.issuer).searchParams.get('token') ?? ''
    t.equal((await stranger.post('/verify-email/link', { token, password: used.password })).status, 410)
  }
  t.equal(new Set(pages).size, 1, 'all alike')
  const page = await expired.browser.get(expiredLink)
  t.equal(page.status, 410)
  t.equal((await expired.browser.post('/verify-email/link', { token: expiredLink.split('=')[1] ?? '' })).status, 410)
  t.equal(await verifiedAt(await subOf(idp, expired.email)), false)
  t.equal(await verifiedAt(await subOf(idp, open.email)), false)
})

t.test('a mail scanner that follows a link verifies nothing, by GET or HEAD', async (t) => {
  const person = await signUp(idp)
  const link = await linkTo(idp, person.email)
  for (const method of ['GET', 'HEAD', 'GET']) t.equal((await fetch(new URL(link, idp.issuer), { method })).status, 200)
  t.equal(await verifiedAt(await subOf(idp, person.email)), false)
  t.equal((await fetch(new URL(link, idp.issuer), { method: 'POST' })).status, 405)
  t.equal((await person.browser.submit(await person.browser.get(link), 'verify')).location, done, 'it still works')
})

t.test('a victim who opens the mail of an attacker does not verify the address for them', async (t) => {
  const attacker = await signUp(idp)
  const link = await linkTo(idp, attacker.email)
  const victim = idp.browser()
  const own = await idp.person()
  for (const start of ['signed out', 'signed in to an account of their own']) {
    if (start !== 'signed out') await signInWith(victim, own.username, own.password)
    const page = await victim.get(link)
    t.match(page.text, 'id="password"', start)
    t.match(page.text, 'id="disown"')
    t.equal((await victim.submit(page, 'verify', { password: own.password })).status, 403)
    t.equal((await victim.post('/verify-email/link', { token: link.split('=')[1] ?? '' })).status, 422)
  }
  t.equal(await verifiedAt(await subOf(idp, attacker.email)), false)
  t.match((await victim.get('/account')).text, own.email, 'and stays signed in as themselves')
})

t.test('"I did not ask for this" takes the address from the account, and nothing else', async (t) => {
  const attacker = await signUp(idp)
  const { email } = attacker
  const sub = await subOf(idp, email)
  const link = await linkTo(idp, email)
  const code = await codeTo(idp, email)
  const victim = idp.browser()
  const foreign = await victim.post(
    '/verify-email/disown',
    { token: link.split('=')[1] ?? '' },
    { origin: 'https://elsewhere.example' },
  )
  t.equal(foreign.status, 403, 'not from another site')
  const gone = await victim.submit(await victim.get(link), 'disown')
  t.equal(gone.location, `${idp.issuer}/verify-email?done=disowned`)
  t.match((await victim.follow(gone)).text, 'The address has been removed')
  t.equal(await addressOf(idp, sub), undefined)
  t.equal(await countEvents(sub, 'email_disowned'), 1)
  t.equal((await victim.get(link)).status, 410)
  await attacker.browser.submit(attacker.page, 'code', { code })
  t.equal(await countEvents(sub, 'email_verified'), 0, 'the code is void')
  t.match((await signInWith(idp.browser(), email, attacker.password)).text, 'id="sign-in"', 'nobody signs in with it')

  const page = await attacker.browser.get('/verify-email')
  t.match(page.text, 'Your account has no e-mail address')
  const other = newEmail()
  const sent = await attacker.browser.submit(page, 'email', { email: other, password: attacker.password })
  t.equal(sent.location, `${idp.issuer}/verify-email`)
  await enter(attacker, await codeTo(idp, other))
  t.same(await addressOf(idp, sub), { email: other, verified: true }, 'who mistyped their own address enters another')
})

t.test('an address can be disowned after the link has expired, but not once it is verified', async (t) => {
  const mistyped = await signUp(idp)
  const late = await linkTo(idp, mistyped.email)
  await database.query({
    text: `UPDATE email_verifications SET expires_at = now() - interval '1 day' WHERE email = $1`,
    values: [mistyped.email],
  })
  const stranger = idp.browser()
  await stranger.submit(await stranger.get(late), 'disown')
  await stranger.post('/verify-email/disown', { token: late.split('=')[1] ?? '' })
  const sub =
    (
      await database.query<{ sub: string }>(
        `SELECT sub FROM events WHERE type = 'email_disowned' ORDER BY id DESC LIMIT 1`,
      )
    ).rows[0]?.sub ?? ''
  t.equal(await addressOf(idp, sub), undefined)
  t.equal(await countEvents(sub, 'email_disowned'), 1, 'once')

  const person = await signUp(idp)
  const link = await linkTo(idp, person.email)
  await enter(person, await codeTo(idp, person.email))
  t.equal((await stranger.post('/verify-email/disown', { token: link.split('=')[1] ?? '' })).status, 410)
  t.equal((await stranger.post('/verify-email/disown', { token: 'nonsense' })).status, 410)
  t.equal(await verifiedAt(await subOf(idp, person.email)), true)
})

t.test('the same link twice at once, and link and code at once, verify once, and all succeed', async (t) => {
  for (let round = 0; round < 5; round++) {
    const person = await signUp(idp)
    const page = await person.browser.get(await linkTo(idp, person.email))
    const code = await codeTo(idp, person.email)
    const answers = await Promise.all([
      person.browser.submit(page, 'verify'),
      enter(person, code),
      person.browser.submit(page, 'verify'),
    ])
    // The page of the code may find nothing to verify any more, and go on.
    t.same(
      answers.filter(({ status }) => status !== 303),
      [],
    )
    t.equal(await countEvents(await subOf(idp, person.email), 'email_verified'), 1)
    await clearLimits(idp)
  }
})

t.test(
  'five wrong codes make the codes of a browser void, however many arrive at once, and the link still works',
  async (t) => {
    const person = await signUp(idp)
    await person.browser.submit(await person.browser.get('/verify-email'), 'send-again')
    const [first, second] = await mailsTo(idp, person.email)
    const wrong = ['000000', '000001', '000002'].find((code) => code !== first?.code && code !== second?.code) ?? ''
    for (let n = 0; n < 4; n++) t.equal((await enter(person, wrong)).status, 422)
    const answers = await Promise.all([wrong, wrong, wrong, wrong].map((code) => enter(person, code)))
    t.same(
      answers.map(({ status }) => status),
      [422, 422, 422, 422],
    )
    const { rows } = await database.query({
      text: 'SELECT wrong_codes FROM email_verifications WHERE email = $1',
      values: [person.email],
    })
    t.same(rows, [{ wrong_codes: 5 }, { wrong_codes: 5 }], 'a wrong code counts at each mail')
    for (const { code = '' } of [first, second].flatMap((mail) => mail ?? []))
      t.equal((await enter(person, code)).status, 422)
    t.equal(await verifiedAt(await subOf(idp, person.email)), false)
    const link = (second?.link ?? '').slice(idp.issuer.length)
    t.equal((await person.browser.submit(await person.browser.get(link), 'verify')).location, done)
  },
)

t.test('four wrong codes and then the right one verify', async (t) => {
  const person = await signUp(idp)
  const code = await codeTo(idp, person.email)
  for (let n = 0; n < 4; n++) await enter(person, wrongCode(code))
  t.equal((await enter(person, code)).location, done)
})

t.test('what is no code is refused without counting as a guess', async (t) => {
  const person = await signUp(idp)
  const code = await codeTo(idp, person.email)
  for (const typed of ['', '12345', '1234567', 'abcdef', `${code}x`, '١٢٣٤٥٦', code.repeat(1000)])
    t.equal((await enter(person, typed)).status, 422, typed.slice(0, 10))
  t.equal((await enter(person, code)).location, done)
})

t.test('a code works neither in another browser, nor at another account, nor after half an hour', async (t) => {
  const person = await signUp(idp)
  const code = await codeTo(idp, person.email)
  const elsewhere = idp.browser()
  const page = await signInWith(elsewhere, person.email, person.password)
  t.match(page.url, '/verify-email')
  const proof = /name="account" value="([^"]*)"/.exec(page.text)?.[1] ?? ''
  t.equal((await elsewhere.post('/verify-email/code', { code, account: proof })).status, 422)

  const other = await signUp(idp, { browser: elsewhere })
  t.equal((await enter(other, code)).status, 422, 'in the browser of another person')
  await database.query({
    text: `UPDATE email_verifications SET expires_at = now() WHERE email = $1`,
    values: [person.email],
  })
  t.equal((await person.browser.post('/verify-email/code', { code, account: proof })).status, 422)
  t.equal(await verifiedAt(await subOf(idp, person.email)), false)
  t.equal(await verifiedAt(await subOf(idp, other.email)), false)
})

t.test(
  'codes for one address are tried by many accounts from many networks: after twenty an hour none is compared',
  async (t) => {
    const email = newEmail()
    const people: SignedUp[] = []
    for (let n = 0; n < 5; n++) people.push(await signUp(idp, { email }))
    const mails = await mailsTo(idp, email)
    t.equal(mails.length, 5)
    const codes = new Set(mails.map(({ code }) => code))
    const wrong = ['000000', '000001', '000002', '000003', '000004', '000005'].find((code) => !codes.has(code)) ?? ''
    for (let n = 0; n < 20; n++) {
      const person = people[n % 4] as SignedUp
      t.equal((await enter(person, wrong, `2001:db8:${n + 1}::1`)).status, 422)
    }
    const last = people[4] as SignedUp
    const guessed: number[] = []
    for (const { code = '' } of mails) guessed.push((await enter(last, code, '192.0.2.77')).status)
    t.same(guessed, [422, 422, 422, 422, 422], 'even the right one fails like a wrong one')
    const { rows } = await database.query({
      text: 'SELECT sum(wrong_codes)::integer AS counted FROM email_verifications WHERE email = $1',
      values: [email],
    })
    t.same(rows, [{ counted: 20 }])
    const { rows: failures } = await database.query<{ reason: string }>({
      text: `SELECT detail->>'reason' AS reason FROM events
             WHERE type = 'email_code_failed' AND sub IN (SELECT sub FROM account_emails WHERE email = $1) ORDER BY id`,
      values: [email],
    })
    const reasons = failures.map(({ reason }) => reason)
    t.same(reasons, [...Array(20).fill('wrong'), ...Array(5).fill('limited')], 'the operator is told the difference')
  },
)

t.test('an operator can tell from the events why a code was refused', async (t) => {
  const person = await signUp(idp)
  const sub = await subOf(idp, person.email)
  const code = await codeTo(idp, person.email)
  for (let n = 0; n < 5; n++) await enter(person, wrongCode(code))
  await enter(person, code)
  const page = await person.browser.get('/verify-email')
  await database.query({ text: 'UPDATE email_verifications SET expires_at = now() WHERE sub = $1', values: [sub] })
  t.equal((await person.browser.submit(page, 'code', { code })).status, 422)
  const reasons = (await detailsOf(sub, 'email_code_failed')).map(({ reason }) => reason)
  t.same(reasons, ['wrong', 'wrong', 'wrong', 'wrong', 'wrong', 'spent', 'not_waiting'])
  t.notMatch(JSON.stringify(await detailsOf(sub, 'email_code_failed')), code)
  const { rows } = await database.query({
    text: `SELECT count(request_id)::integer AS requests, count(network)::integer AS networks
           FROM events WHERE sub = $1 AND type = 'email_code_failed'`,
    values: [sub],
  })
  t.same(rows, [{ requests: 7, networks: 7 }])

  await enter(person, 'no code')
  const other = await signUp(idp)
  await enter(other, await codeTo(idp, other.email))
  t.equal(await countEvents(sub, 'email_code_failed'), 7, 'what cannot be a code is no guess')
  t.equal(await countEvents(await subOf(idp, other.email), 'email_code_failed'), 0, 'nor is the right one')
})

t.test('one person is refused after twenty codes, and one network after sixty', async (t) => {
  const person = await signUp(idp)
  for (let n = 0; n < 20; n++) t.equal((await enter(person, '000000', `192.0.2.${n}`)).status, 422)
  const refused = await enter(person, '000000', '192.0.2.200')
  t.equal(refused.status, 429)
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  await database.query(`UPDATE rate_limits SET points = 61 WHERE key LIKE 'email-code-network:%'`)
  t.equal((await enter(await signUp(idp), '000000', '192.0.2.1')).status, 429)
})

t.test('one address gets at most five mails an hour, and nobody sees that', async (t) => {
  const email = newEmail()
  const pages: unknown[] = []
  for (let n = 0; n < 7; n++) {
    // Capital letters make no other address.
    const typed = n % 2 ? email.toUpperCase() : email
    const { page } = await signUp(idp, { email: typed })
    pages.push(comparable(page, `${typed.split('@')[0]}@example.com`))
  }
  t.equal(new Set(pages.map((page) => JSON.stringify(page))).size, 1)
  const sent = [
    ...(await mailsTo(idp, email)),
    ...(await mailsTo(idp, `${email.split('@')[0]?.toUpperCase()}@example.com`)),
  ]
  t.equal(sent.length, 5)
  const { rows: asked } = await database.query({
    text: `SELECT detail FROM events WHERE type = 'email_verification_requested'
             AND sub IN (SELECT sub FROM account_emails WHERE lower(email) = $1) ORDER BY id`,
    values: [email],
  })
  const limited = { detail: { mail: 'limited' } }
  t.same(asked, [...Array(5).fill({ detail: { mail: 'sent' } }), limited, limited], 'except the operator')
  await database.query(`UPDATE rate_limits SET points = 21 WHERE key LIKE 'verification-mail-day:%'`)
  await database.query(`UPDATE rate_limits SET points = 0 WHERE key LIKE 'verification-mail-hour:%'`)
  await signUp(idp, { email })
  await jobsAreDone(idp)
  t.equal((await mailsTo(idp, email)).length, 3, 'nor more than twenty a day')
})

t.test('somebody who uses up the mails of an address keeps its owner out only until they disown one', async (t) => {
  const email = newEmail()
  for (let n = 0; n < 5; n++) await signUp(idp, { email })
  const attack = await linkTo(idp, email)
  const owner = await signUp(idp, { email })
  t.equal((await mailsTo(idp, email)).length, 5, 'the owner got no mail of their own')
  const disown = async () => idp.browser().submit(await idp.browser().get(attack), 'disown')
  t.match((await disown()).location, 'done=disowned')
  await owner.browser.submit(await owner.browser.get('/verify-email'), 'send-again')
  t.equal((await enter(owner, await codeTo(idp, email))).location, done)

  const other = newEmail()
  for (let n = 0; n < 4; n++) await signUp(idp, { email: other })
  const link = await linkTo(idp, other)
  const page = await idp.browser().get(link)
  const again = async () =>
    idp
      .browser()
      .submit(page, 'disown')
      .catch(() => undefined)
  await again()
  for (let n = 0; n < 6; n++) {
    await again()
    await signUp(idp, { email: other })
  }
  t.equal((await mailsTo(idp, other)).length, 9, 'one mail is disowned once')
})

t.test('a person can ask for ten mails an hour; further requests are refused', async (t) => {
  const { browser, email } = await signUp(idp)
  for (let n = 0; n < 10; n++)
    t.equal((await browser.submit(await browser.get('/verify-email'), 'send-again')).status, 303)
  t.equal((await browser.submit(await browser.get('/verify-email'), 'send-again')).status, 429)
  t.equal((await mailsTo(idp, email)).length, 5)
})

t.test('signing up with an address that somebody has verified', async (t) => {
  const owner = await signUp(idp)
  const { email } = owner
  await enter(owner, await codeTo(idp, email))
  const free = newEmail()
  const squatter = await signUp(idp, { email })
  const honest = await signUp(idp, { email: free })

  t.test('gets the same pages as with any other address', async (t) => {
    t.same(comparable(squatter.page, email), comparable(honest.page, free))
    const again = async ({ browser, page }: SignedUp) => browser.follow(await browser.submit(page, 'send-again'))
    t.same(comparable(await again(squatter), email), comparable(await again(honest), free))
    t.same(comparable(await enter(squatter, '000000'), email), comparable(await enter(honest, '000000'), free))
  })
  t.test('sends its owner a mail without a code, and without a link that verifies', async (t) => {
    const { text, html, code } = await newestMailTo(idp, email)
    t.equal(code, undefined)
    t.notMatch(text + html, 'token=')
    t.match(text, `${idp.issuer}/sign-in`)
  })
  t.test('leads nowhere else, by signing in or signing up again in any browser', async (t) => {
    const page = await signInWith(idp.browser(), email, squatter.password)
    t.same(comparable(page, email), comparable(await signInWith(idp.browser(), free, honest.password), free))
    t.match(page.url, '/verify-email')
    const twice = await signUp(idp, { email, password: squatter.password })
    t.same(
      comparable(twice.page, email),
      comparable((await signUp(idp, { email: free, password: honest.password })).page, free),
    )
  })
  t.test('does not keep the owner out, and cannot take the address', async (t) => {
    t.equal((await signInWith(idp.browser(), email, owner.password)).url, `${idp.issuer}/`)
    await database.query({
      text: `UPDATE email_verifications SET spent_at = NULL WHERE email = $1`,
      values: [email],
    })
    const { rows } = await database.query({
      text: 'SELECT FROM account_emails WHERE email = $1 AND verified_at IS NOT NULL',
      values: [email],
    })
    t.equal(rows.length, 1)
  })
  t.test('costs as many password hashes', async (t) => {
    const hashes = async (act: () => Promise<unknown>) => {
      let counted = 0
      const { verify } = idp.signet.passwords
      t.capture(idp.signet.passwords, 'verify', (...[password, hash, ...rest]: Parameters<typeof verify>) => {
        counted++
        return verify(password, hash, ...rest)
      })
      await act()
      return counted
    }
    t.equal(await hashes(() => signInWith(idp.browser(), email, 'a wrong one')), 2)
    t.equal(await hashes(() => signInWith(idp.browser(), free, 'a wrong one')), 2)
  })
  t.test('sends the same statements in the same order, at sign-up, again and for a change', async (t) => {
    const sent: (readonly string[])[] = []
    for (const address of [email, newEmail()]) {
      await clearLimits(idp)
      let person: SignedUp | undefined
      const signingUp = await statementsOf(t, async () => {
        person = await signUp(idp, { email: address })
      })
      const { browser } = person as unknown as SignedUp
      const page = await browser.get('/verify-email')
      const again = await statementsOf(t, () => browser.submit(page, 'send-again'))
      const changing = await signUp(idp)
      const change = await statementsOf(t, () =>
        changing.browser.submit(changing.page, 'email', { email: address, password: changing.password }),
      )
      for (const statements of [signingUp, again, change]) {
        t.equal(statements.filter((text) => text.includes('INSERT INTO events')).length, 1)
        sent.push(statements)
      }
    }
    t.same(sent.slice(3), sent.slice(0, 3))
  })
  t.test('is told to the operator, without the address', async (t) => {
    await clearLimits(idp)
    const again = async ({ browser }: SignedUp) => browser.submit(await browser.get('/verify-email'), 'send-again')
    const taker = await signUp(idp, { email })
    await again(taker)
    const takerSub = await subOf(idp, email)
    t.same(await detailsOf(takerSub, 'email_verification_requested'), [{ mail: 'in_use' }, { mail: 'in_use' }])
    const other = await signUp(idp)
    const sub = await subOf(idp, other.email)
    for (const address of [email, newEmail()])
      await other.browser.submit(await other.browser.get('/verify-email'), 'email', {
        email: address,
        password: other.password,
      })
    t.same(await detailsOf(sub, 'email_verification_requested'), [{ mail: 'sent' }])
    t.same(await detailsOf(sub, 'email_change_requested'), [{ mail: 'in_use' }, { mail: 'sent' }], 'one event an act')
    const { rows } = await database.query(`SELECT FROM events WHERE detail::text LIKE '%@%'`)
    t.equal(rows.length, 0)
  })
})

t.test('an account that an operator made', async (t) => {
  const made = await idp.person()
  const { email } = made
  t.test('costs at sign-in what an address that nobody has costs', async (t) => {
    const costs = []
    for (const name of [email, newEmail(), made.username, 'nobody.at.all']) {
      const tried = t.capture(idp.signet.passwords, 'verify', idp.signet.passwords.verify)
      await signInWith(idp.browser(), name, 'a wrong one')
      costs.push(tried().length)
      tried.restore()
    }
    t.same(costs, [1, 1, 1, 1])
  })
  t.test('is not reached by its address any more once another account has verified it', async (t) => {
    t.match((await signInWith(idp.browser(), email, made.password)).text, 'id="sign-out"')
    const owner = await signUp(idp, { email })
    t.match((await signInWith(idp.browser(), email, made.password)).text, 'id="sign-out"')
    await enter(owner, await codeTo(idp, email))
    t.equal((await signInWith(idp.browser(), email, made.password)).status, 403)
    t.match((await signInWith(idp.browser(), made.username, made.password)).text, 'id="sign-out"')
    t.match((await signInWith(idp.browser(), email, owner.password)).text, 'id="sign-out"')
  })
})

t.test('where verification is optional, a verified address identifies its account alone', async (t) => {
  const optional = await startSignet(t)
  const squatter = await signUp(optional)
  const { email } = squatter
  const owner = await signUp(optional, { email })
  t.match((await signInWith(optional.browser(), email, squatter.password)).text, 'id="sign-out"')
  const page = await owner.browser.get('/verify-email')
  await owner.browser.submit(page, 'code', { code: await codeTo(optional, email) })
  t.equal((await signInWith(optional.browser(), email, squatter.password)).status, 403)
  t.match((await signInWith(optional.browser(), email, owner.password)).text, 'id="sign-out"')
})

t.test('if another account verifies the address first, the person is told, and nothing else', async (t) => {
  const email = newEmail()
  const slow = await signUp(idp, { email })
  const slowMail = await newestMailTo(idp, email)
  const quick = await signUp(idp, { email })
  const mails = await mailsTo(idp, email)
  const quickCode = mails.find(({ code }) => code !== slowMail.code)?.code ?? ''
  t.equal((await enter(quick, quickCode)).location, done)
  const told = await enter(slow, slowMail.code ?? '')
  t.equal(told.status, 409)
  t.match(told.text, 'Another account has this address')
  const link = (slowMail.link ?? '').slice(idp.issuer.length)
  const opened = await slow.browser.get(link)
  t.equal((await slow.browser.submit(opened, 'verify')).status, 409)
  const { rows } = await database.query({
    text: 'SELECT verified_at IS NOT NULL AS verified FROM account_emails WHERE email = $1 ORDER BY created_at',
    values: [email],
  })
  t.same(rows, [{ verified: false }, { verified: true }])
})

t.test('two accounts that verify one address at once: one does', async (t) => {
  for (let round = 0; round < 3; round++) {
    const email = newEmail()
    const people = [await signUp(idp, { email }), await signUp(idp, { email })]
    const pages: { browser: Browser; page: Visit }[] = []
    for (const { link = '' } of await mailsTo(idp, email))
      for (const { browser } of people) {
        const page = await browser.get(link.slice(idp.issuer.length))
        if (!page.text.includes('id="password"')) pages.push({ browser, page })
      }
    t.equal(pages.length, 2)
    const answers = await Promise.all(pages.map(({ browser, page }) => browser.submit(page, 'verify')))
    t.same(answers.map(({ status }) => status).sort(), [303, 409])
    await clearLimits(idp)
  }
})

t.test('addresses as attackers type them', async (t) => {
  const name = randomBytes(6).toString('hex')
  const typed = async (email: string) => (await signUp(idp, { email })).page
  t.test('longer than an address can be, or with line breaks: refused, and no mail is sent', async (t) => {
    const { rows: before } = await database.query('SELECT count(*) AS n FROM email_verifications')
    for (const email of [
      `${name}@${`${'a'.repeat(59)}.`.repeat(4)}example.com`,
      `${'a'.repeat(65)}@example.com`,
      `${name}@example.com\r\nBcc: victim@example.com`,
      `${name}\nBcc:victim@example.com`,
      `${name}@example.com\u2028Bcc: victim@example.com`,
      `${name}@example.com,victim@example.com`,
      `"${name}" <victim@example.com>`,
      `${name}@example.com>`,
    ])
      t.ok([400, 422].includes((await typed(email)).status), encodeURIComponent(email).slice(0, 60))
    t.same((await database.query('SELECT count(*) AS n FROM email_verifications')).rows, before)
  })
  t.test('with a plus sign, or letters that look alike: other addresses', async (t) => {
    const owner = await signUp(idp, { email: `ada.${name}@example.com` })
    await enter(owner, await codeTo(idp, owner.email))
    for (const other of [`ada.${name}+x@example.com`, `аda.${name}@example.com`, `ada.${name}@exаmple.com`]) {
      const person = await signUp(idp, { email: other })
      t.match(person.page.url, '/verify-email')
      const { rows } = await database.query<{ sub: string; email: string }>(
        'SELECT sub, email FROM email_verifications ORDER BY created_at DESC LIMIT 1',
      )
      const { sub = '', email = '' } = rows[0] ?? {}
      t.equal((await enter(person, await codeTo(idp, emailInUnicode(email)))).location, done)
      t.same(await addressOf(idp, sub), { email, verified: true })
      t.not(email, owner.email)
    }
  })
  t.test('in capitals: the same address', async (t) => {
    const owner = await signUp(idp, { email: `cap.${name}@example.com` })
    await enter(owner, await codeTo(idp, owner.email))
    await signUp(idp, { email: `CAP.${name}@EXAMPLE.com` })
    const sent = await newestMailTo(idp, `CAP.${name}@example.com`)
    t.equal(sent.code, undefined, 'which its owner has verified already')
  })
})

t.test(
  'links and codes of an account that was deleted, or whose address an operator has changed, are void',
  async (t) => {
    const { deleteAccount } = await import('../../src/operations/delete-account.ts')
    const { updateAccount } = await import('../../src/operations/update-account.ts')
    const operator = { kind: 'operator', by: 'test' } as const
    const person = await signUp(idp)
    const link = await linkTo(idp, person.email)
    const sub = (await subOf(idp, person.email)) as Parameters<typeof deleteAccount>[2]
    await updateAccount(idp.signet, operator, sub, { email: newEmail() })
    t.equal((await person.browser.get(link)).status, 410)
    const other = await signUp(idp)
    const otherLink = await linkTo(idp, other.email)
    await deleteAccount(idp.signet, operator, (await subOf(idp, other.email)) as typeof sub)
    t.equal((await other.browser.get(otherLink)).status, 410)
    const { rows } = await database.query({
      text: 'SELECT FROM email_verifications WHERE email = $1',
      values: [other.email],
    })
    t.equal(rows.length, 0, 'and nothing of it is left')
  },
)

t.test('a form of a page that was shown to somebody else does nothing', async (t) => {
  const person = await signUp(idp)
  const page = await person.browser.get('/verify-email')
  const code = await codeTo(idp, person.email)
  const other = await signUp(idp, { browser: person.browser })
  const answer = await person.browser.submit(page, 'code', { code })
  t.equal(answer.location, `${idp.issuer}/verify-email`)
  t.equal(await verifiedAt(await subOf(idp, person.email)), false)
  t.equal(await verifiedAt(await subOf(idp, other.email)), false)
})

t.test('if the mail cannot be queued, there is no account either', async (t) => {
  const email = newEmail()
  await database.query('ALTER FUNCTION queue_job RENAME TO queue_job_away')
  const failed = await signUp(idp, { email })
  t.equal(failed.page.status, 500)
  await database.query('ALTER FUNCTION queue_job_away RENAME TO queue_job')
  for (const table of ['account_emails', 'email_verifications'])
    t.equal(
      (await database.query({ text: `SELECT FROM ${table} WHERE email = $1`, values: [email] })).rowCount,
      0,
      table,
    )
  t.match((await signUp(idp, { email })).page.url, '/verify-email')
})
