import t from 'tap'
import { setPassword } from '../../src/operations/account-access.ts'
import { createAccount } from '../../src/operations/create-account.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { addressOf, newAddress, undoLinkTo } from '../support/email-change.ts'
import { giveFactors, kindsOf } from '../support/factors.ts'
import { type Idp, type Person, startSignet } from '../support/idp.ts'
import { accountsWith, commandsOn, invited } from '../support/invitations.ts'
import { mailsTo, newestMailTo } from '../support/mails.ts'
import {
  type Authenticator,
  createAuthenticator,
  givePasskey,
  passkeyOptions,
  pressNewPasskey,
  pressPasskey,
} from '../support/passkeys.ts'
import { mailedLink, verifiedPerson } from '../support/recovery.ts'

const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' })
/** The same installation without passwords. */
const passwordless = await idp.another({ SIGNET_PASSWORDS: 'off' })
const operator = { kind: 'operator', by: 'test' } as const

const query = async (text: string, values: unknown[] = []) => (await idp.signet.database.query({ text, values })).rows

let networks = 0
const elsewhere = () => ({ 'x-forwarded-for': `2001:db8:${(++networks).toString(16)}::1` })

/** Signs up with a passkey. */
async function signUp(
  on: Idp,
  email: string,
  { browser = on.browser(), authenticator = createAuthenticator(idp) } = {},
): Promise<{ browser: Browser; authenticator: Authenticator; done: Visit }> {
  const page = await browser.get('/sign-up')
  return { browser, authenticator, done: await pressNewPasskey(browser, page, authenticator, { values: { email } }) }
}

/** Signs in with a passkey. */
async function enter(authenticator: Authenticator, on = idp, browser = on.browser()): Promise<Browser> {
  const signedIn = await pressPasskey(browser, await browser.get('/sign-in'), authenticator)
  if (signedIn.status !== 303) throw new Error(`The passkey was refused: ${signedIn.status}`)
  return browser
}

t.test('an account created with a passkey has no password, and signs in', async (t) => {
  for (const on of [idp, passwordless]) {
    const email = newAddress()
    const { browser, authenticator, done } = await signUp(on, email)
    t.match(done, { status: 200, text: /Your passkey is ready/ })
    const codes = [...done.text.matchAll(/<li><code>([^<]+)<\/code>/g)].map(([, code]) => code)
    t.equal(new Set(codes).size, 10)
    t.match(await browser.get('/account'), { status: 200 })
    const [account] = await accountsWith(idp, email)
    t.match(account, { verified: false, signed_up: true })
    t.same(await kindsOf(idp, account as unknown as Person), ['passkey', 'recovery_codes'])
    t.match(await query('SELECT amr, factor FROM sessions WHERE sub = $1', [account?.sub]), [
      { amr: ['pop', 'user', 'mfa'], factor: 'passkey' },
    ])
    const types = await query('SELECT type FROM events WHERE sub = $1 ORDER BY id', [account?.sub])
    t.same(
      types.map(({ type }) => type),
      ['account_created', 'passkey_added', 'recovery_codes_created', 'email_verification_requested'],
    )
    t.notMatch((await mailsTo(idp, email)).at(-1)?.text, codes[0])
    t.match(await (await enter(authenticator, on)).get('/account'), { status: 200 })
  }
})

t.test(
  'a sign-up with a passkey does not tell whether anybody has the address, and changes nothing for them',
  async (t) => {
    const owner = await verifiedPerson(idp)
    const squatter = await idp.person()
    const shown = ({ status, text }: Visit) => ({
      status,
      text: text
        .replaceAll(/<code>[^<]+<\/code>/g, '<code>…</code>')
        .replaceAll(/value="[\w-]{20,}"/g, '…')
        .replaceAll(/\/authorize[^"]*|[0-9a-f]{16}/g, '…'),
    })
    const answers: ReturnType<typeof shown>[] = []
    for (const email of [newAddress(), owner.email, squatter.email]) {
      const { browser, done } = await signUp(idp, email)
      answers.push(shown(done))
      const page = await browser.get('/account')
      t.notMatch(page.text, owner.username)
      t.equal(page.status, 200)
    }
    t.same(answers[1], answers[0])
    t.same(answers[2], answers[0])
    t.same(await kindsOf(idp, owner), ['password'])
    t.match((await mailsTo(idp, owner.email)).at(-1)?.subject, /already|account/i, 'its owner is told')
    t.same(await addressOf(idp, owner), { email: owner.email, verified: true })
  },
)

t.test('sign-ups with a passkey have the limits of those with a password', async (t) => {
  const network = elsewhere()
  let last = 0
  for (let signUps = 0; signUps < 40 && last !== 429; signUps++) {
    const form = signUps % 2 === 0 ? { credential: '{}' } : { password: 'quiet lamps over harbours' }
    last = (await idp.browser().post('/sign-up', { email: newAddress(), ...form }, network)).status
  }
  t.equal(last, 429)
  const blocked = idp.browser()
  const page = await blocked.get('/sign-up')
  const credential = createAuthenticator(idp).create(passkeyOptions(page, 'create-passkey'))
  t.equal((await blocked.post('/sign-up', { email: newAddress(), credential }, network)).status, 429)
  await query('DELETE FROM rate_limits')
})

t.test('a passkey creates one account, for the browser that was asked, and not if some account has it', async (t) => {
  const email = newAddress()
  const browser = idp.browser()
  const page = await browser.get('/sign-up')
  const authenticator = createAuthenticator(idp)
  const credential = authenticator.create(passkeyOptions(page, 'create-passkey'))
  t.equal((await browser.submit(page, 'sign-up', { email: 'nobody', credential })).status, 422)
  const other = idp.browser()
  await other.get('/sign-up')
  t.equal((await other.post('/sign-up', { email, credential })).status, 422, 'another browser')
  const sent = await Promise.all([1, 2, 3].map(() => browser.submit(page, 'sign-up', { email, credential })))
  t.same(sent.map(({ status }) => status).sort(), [200, 422, 422])
  t.equal((await accountsWith(idp, email)).length, 1)

  const victim = await verifiedPerson(idp)
  const { passkeys } = await givePasskey(idp, victim)
  const stolen = passkeys[0]?.credentialId
  const again = await browser.get('/sign-up')
  const copy = createAuthenticator(idp).create(passkeyOptions(again, 'create-passkey'), {
    ...(stolen && { credentialId: stolen }),
  })
  const unused = newAddress()
  t.equal((await browser.submit(again, 'sign-up', { email: unused, credential: copy })).status, 422)
  t.same(await accountsWith(idp, unused), [])
  const unverified = createAuthenticator(idp).create(passkeyOptions(await browser.get('/sign-up'), 'create-passkey'), {
    isVerified: false,
  })
  t.equal((await browser.post('/sign-up', { email: unused, credential: unverified })).status, 422)
})

t.test('an invitation is accepted with a passkey', async (t) => {
  for (const on of [idp, passwordless]) {
    const email = newAddress()
    const link = await invited(idp, email)
    const browser = on.browser()
    const page = await browser.get(link)
    t.equal(page.text.includes('id="sign-up"'), on === idp)
    const refused = await browser.submit(page, 'create-passkey', {
      credential: '{}',
      password: 'quiet lamps over harbours',
    })
    t.equal(refused.status, 422)
    t.same(await accountsWith(idp, email), [])
    const done = await pressNewPasskey(browser, page, createAuthenticator(idp), { values: { name: 'Grace' } })
    t.match(done, { status: 200, text: /Your passkey is ready/ })
    t.match(await accountsWith(idp, email), [{ name: 'Grace', verified: true, signed_up: true }])
    t.equal((await on.browser().get(link)).status, 410)
  }
})

t.test('where nobody signs in with a password', async (t) => {
  const { password, ...person } = await verifiedPerson(idp)

  t.test('no form takes one', async (t) => {
    const browser = passwordless.browser()
    const signIn = await browser.get('/sign-in')
    t.notMatch(signIn.text, 'type="password"')
    const refused = await browser.post('/sign-in', { username: person.email, password })
    t.match(refused, { status: 403, text: /Passwords are not accepted here/ })
    t.equal(browser.cookies.get(browser.names.session), undefined)
    const signUpPage = await browser.get('/sign-up')
    t.notMatch(signUpPage.text, 'type="password"')
    const signedUp = await browser.submit(signUpPage, 'create-passkey', { email: person.email, password })
    t.equal(signedUp.status, 422)
    t.equal(browser.cookies.get(browser.names.session), undefined)
  })

  t.test('a session from before has no form for one either', async (t) => {
    const browser = idp.browser()
    await browser.submit(await browser.get('/sign-in'), 'sign-in', { username: person.email, password })
    const there = passwordless.browser()
    for (const [name, value] of browser.cookies) there.cookies.set(name, value)
    const pages = ['/account/security', '/account/sign-in', '/step-up'].map((path) => there.get(path))
    for (const page of await Promise.all(pages)) t.notMatch(page.text, 'type="password"', page.url)
    const changed = await there.post('/account/password', {
      ...{ 'current-password': password, 'new-password': 'quiet lamps over harbours' },
    })
    t.not(changed.status, 200)
    const [stored] = await query(`SELECT updated_at > created_at AS changed FROM account_credentials WHERE sub = $1`, [
      person.sub,
    ])
    t.same(stored, { changed: false })
    await query(`UPDATE sessions SET auth_time = auth_time - interval '1 hour' WHERE sub = $1`, [person.sub])
    const proof = await there.follow(await there.get('/account/security/passkeys/new'))
    t.match(proof, { status: 200, url: /\/step-up\?/, text: /id="to-recover" href="\/recover"/ })
    t.notMatch(proof.text, 'type="password"', 'in a form that could never be completed')
  })

  t.test('an operator can set none, and is told why', async (t) => {
    const { signet } = passwordless
    const profile = { username: 'somebody' }
    const created = await createAccount(signet, operator, { profile, email: undefined, emailVerified: false, password })
    t.same(created, { outcome: 'passwords_off' })
    t.same(await setPassword(signet, operator, person.sub, 'quiet lamps over harbours'), { outcome: 'passwords_off' })
    t.same(await query('SELECT FROM accounts WHERE username = $1', ['somebody']), [])
  })

  t.test('a link lets people with a password create a passkey', async (t) => {
    const [mail] = await linkFrom(passwordless, person.email)
    // Either node may have sent the mail, so its words are tested with those of all mails.
    const browser = passwordless.browser()
    const page = await browser.get(mail?.link?.slice(idp.issuer.length) ?? '')
    t.notMatch(page.text, 'type="password"')
    const sent = await browser.submit(page, 'create-passkey', { 'new-password': 'quiet lamps over harbours' })
    t.equal(sent.status, 422)
    t.match(await pressNewPasskey(browser, page, createAuthenticator(idp)), { status: 200 })
    t.same(await kindsOf(idp, person), ['passkey', 'recovery_codes'])
  })
})

async function linkFrom(on: Idp, email: string) {
  const browser = on.browser()
  await browser.submit(await browser.get('/recover'), 'recover', { username: email })
  return (await mailsTo(on, email)).slice(-1)
}

t.test('an operator recovers accounts of any kind with a link that is handed over', async (t) => {
  for (const environment of [{}, { SIGNET_PASSWORDS: 'off' }]) {
    const person = await verifiedPerson(idp)
    await giveFactors(idp, person, ['passkey', 'totp', 'recovery_codes'], { days: 30 })
    const signet = commandsOn(idp, environment)
    const { code, out, err } = await signet(
      'users',
      'recover',
      person.sub,
      '--print-link',
      '--reason',
      'at the desk',
      '--json',
    )
    t.equal(code, 0, err)
    const on = 'SIGNET_PASSWORDS' in environment ? passwordless : idp
    const browser = on.browser()
    const page = await browser.get((JSON.parse(out) as { link: string }).link.slice(idp.issuer.length))
    t.notMatch(page.text, 'Is it you?', 'the operator vouches for the person')
    const ids = [...page.text.matchAll(/name="(remove-\d+)"/g)].map(([, name]) => [name, '1'])
    t.equal(ids.length, 3)
    const values = Object.fromEntries(ids) as Record<string, string>
    const done = await pressNewPasskey(browser, page, createAuthenticator(idp), { values })
    t.equal(done.status, 200)
    t.same(await kindsOf(idp, person), ['passkey', 'recovery_codes'])
  }
})

t.test('a name of an account', async (t) => {
  t.test(
    'without a password is changed after a fresh proof, and not with a session that is ten minutes old',
    async (t) => {
      const { browser, done } = await signUp(idp, newAddress())
      const page = await browser.get('/account/sign-in')
      t.notMatch(page.text, 'type="password"')
      const saved = await browser.submit(page, 'sign-in-save', { username: 'without.password' })
      t.match(saved, { status: 303, location: /notice=sign-in-saved/ })
      t.ok(done)
      await query(
        `UPDATE sessions SET auth_time = auth_time - interval '11 minutes', factor_time = factor_time - interval '11 minutes'`,
      )
      t.match(await browser.submit(page, 'sign-in-save', { username: 'of.the.thief' }), {
        status: 303,
        location: /step-up/,
      })
      t.match(await browser.get('/account/sign-in'), { status: 303, location: /step-up/ })
      t.same(await query('SELECT FROM accounts WHERE username = $1', ['of.the.thief']), [])
    },
  )

  t.test('with a second factor is not changed by somebody with a stolen session and the password', async (t) => {
    const person = await verifiedPerson(idp)
    const browser = idp.browser()
    await browser.submit(await browser.get('/sign-in'), 'sign-in', {
      username: person.email,
      password: person.password,
    })
    const page = await browser.get('/account/sign-in')
    await giveFactors(idp, person, ['totp'])
    const form = { email: 'thief@example.com', 'confirm-password': person.password }
    t.match(await browser.submit(page, 'sign-in-save', form), { status: 303, location: /step-up/ })
    t.same(await mailsTo(idp, 'thief@example.com'), [])
  })
})

t.test('a change of address is undone', async (t) => {
  /** Somebody whose address was changed two days ago, and the link that the previous address got. */
  async function changed(kinds: readonly ('passkey' | 'totp' | 'recovery_codes')[], withPassword: boolean) {
    const person = await verifiedPerson(idp)
    const factors = await giveFactors(idp, person, kinds, { days: 30 })
    if (!withPassword) await query(`DELETE FROM account_credentials WHERE sub = $1 AND kind = 'password'`, [person.sub])
    const { replaceVerifiedEmail } = await import('../../src/operations/change-email.ts')
    const { findAccount } = await import('../../src/records/accounts/accounts-store.ts')
    const { inTransaction } = await import('../../src/platform/database/queryable.ts')
    const account = await findAccount(idp.signet.database, person.sub)
    const caller = { requestId: 'request', network: '192.0.2.1' }
    const to = newAddress()
    if (!account) throw new Error('There is no account.')
    await inTransaction(idp.signet.database, (tx) =>
      replaceVerifiedEmail(tx, idp.signet, { kind: 'person', sub: person.sub, caller }, account, to),
    )
    return { person, factors, to, link: await undoLinkTo(idp, person.email) }
  }

  t.test('with a passkey that the account had before, and not with one that a thief has added since', async (t) => {
    const { person, factors, link } = await changed(['passkey', 'recovery_codes'], false)
    const thief = await givePasskey(idp, person, { isVouched: true })
    const browser = passwordless.browser()
    const page = await browser.get(link)
    t.notMatch(page.text, 'type="password"')
    t.equal((await pressPasskey(browser, page, thief)).status, 403)
    t.match(await addressOf(idp, person), { verified: true })
    const undone = await pressPasskey(browser, await browser.get(link), factors.passkey as Authenticator)
    t.match(undone, { status: 303, location: /done=1/ })
    t.same(await addressOf(idp, person), { email: person.email, verified: true })
    t.same(await kindsOf(idp, person), ['passkey', 'recovery_codes'], 'the factors from before stay')
    t.equal((await pressPasskey(idp.browser(), await idp.browser().get('/sign-in'), thief)).status, 403)
    t.match((await newestMailTo(idp, person.email)).subject, /A way to sign in .* was removed/)
  })

  t.test('and factors that a thief planted before or after it do not keep the owner out', async (t) => {
    const { person, link } = await changed([], true)
    await giveFactors(idp, person, ['totp', 'recovery_codes'], { days: 3 })
    const thief = await givePasskey(idp, person, { isVouched: true })
    const browser = idp.browser()
    const page = await browser.get(link)
    t.notMatch(page.text, 'id="code"', 'a code that a thief has planted proves nothing')
    t.notMatch(page.text, 'id="use-passkey"')
    t.equal((await browser.submit(page, 'undo', { password: person.password })).status, 303)
    t.same(await kindsOf(idp, person), [])
    t.equal((await pressPasskey(idp.browser(), await idp.browser().get('/sign-in'), thief)).status, 403)
    const recovered = await idp.browser().get(await mailedLink(idp, person))
    t.match(recovered.text, 'id="set-password"')
  })

  t.test('with a code from before, by many at once: one undoes it', async (t) => {
    const { person, factors, link } = await changed(['totp', 'recovery_codes'], true)
    const undo = async (code: string) => {
      const browser = idp.browser()
      return browser.submit(await browser.get(link), 'prove-code', { code })
    }
    t.equal((await undo('000000')).status, 403)
    const undone = await Promise.all(factors.recoveryCodes.slice(0, 3).map(undo))
    t.same(undone.map(({ status }) => status).sort(), [303, 410, 410])
    t.same(await kindsOf(idp, person), ['recovery_codes', 'totp'])
  })
})
