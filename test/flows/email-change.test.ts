import t from 'tap'
import { setPassword } from '../../src/operations/account-access.ts'
import { updateAccount } from '../../src/operations/update-account.ts'
import { digest } from '../../src/platform/secrets/digest.ts'
import { insertEmailChange } from '../../src/records/accounts/email-changes-store.ts'
import { newLinkToken } from '../../src/records/accounts/link-tokens.ts'
import { clearLimits, enter } from '../attacks/account-forms.ts'
import {
  addressOf,
  changeAddress,
  eventsOf,
  newAddress,
  saveAddress,
  signsIn,
  undoLinkTo,
  undoWith,
  verifiedPerson,
} from '../support/email-change.ts'
import { freePort, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { mailsTo, newestMailTo } from '../support/mails.ts'

const idp = await startSignet(t)
const operator = { kind: 'operator', by: 'alice@bastion' } as const
const newPassword = 'quiet lamps over harbours'
const query = async (text: string, values: unknown[] = []) => (await idp.signet.database.query({ text, values })).rows

t.beforeEach(() => clearLimits(idp))

t.test('a new address counts once its code has been entered; until then nothing changes', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const email = newAddress()
  const [before] = await query('SELECT updated_at FROM accounts WHERE sub = $1', [person.sub])
  const waiting = await browser.follow(await saveAddress(browser, person, email))
  t.match(waiting.url, '/verify-email?continue=')
  t.match(waiting.text, email)
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
  t.same(await query('SELECT updated_at FROM accounts WHERE sub = $1', [person.sub]), [before])
  t.notOk(await signsIn(idp, email, person.password), 'the new address does not sign in yet')
  const account = await browser.get('/account/sign-in')
  t.match(account.text, `${email}</bdi></p><p>This new address is waiting to be verified.`)
  t.match(account.text, 'This address is verified.')

  const mail = await newestMailTo(idp, email)
  t.match(mail.text, 'wants to use this e-mail address')
  const confirmed = await browser.submit(waiting, 'code', { code: mail.code ?? '' })
  t.match(confirmed.location, /\/account\/sign-in$/, 'and the person is back on the page that shows the address')
  t.same(await addressOf(idp, person), { email, verified: true })
  t.notMatch((await browser.get('/account/sign-in')).text, 'email-waiting')
  t.ok(await signsIn(idp, email, person.password))
  t.notOk(await signsIn(idp, person.email, person.password))

  const told = await newestMailTo(idp, person.email)
  t.match(told.text, 'Undo the change')
  t.notMatch(told.text, email, 'the previous address sees the new one in part only')
  t.match(told.text, `${email[0]}…@example.org`)
  const types = ['email_change_requested', 'email_verified', 'email_changed']
  const events = await eventsOf(idp, person, types)
  t.same(events.map(({ type }) => type).sort(), types.sort())
  t.notMatch(JSON.stringify(events), /@example/, 'no event has an address')
})

t.test('the link confirms on another device, with the password of the account', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const email = newAddress()
  await saveAddress(browser, person, email)
  const { link = '' } = await newestMailTo(idp, email)
  const phone = idp.browser()
  const opened = await phone.get(link)
  t.same(await addressOf(idp, person), { email: person.email, verified: true }, 'opening the link changes nothing')
  t.equal((await phone.submit(opened, 'verify', { password: newPassword })).status, 403)
  t.equal((await phone.submit(opened, 'verify', { password: person.password })).status, 303)
  t.same(await addressOf(idp, person), { email, verified: true })
  t.ok(await undoLinkTo(idp, person.email))
})

t.test('a pending change can be cancelled, mailed again, and replaced by a newer one', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const [first, second] = [newAddress(), newAddress()]
  await saveAddress(browser, person, first)
  const { link: firstLink = '', code: firstCode = '' } = await newestMailTo(idp, first)

  const again = await browser.submit(await browser.get('/account/sign-in'), 'email-send')
  t.match(again.location, '/verify-email?continue=')
  t.equal((await mailsTo(idp, first)).length, 2)

  await saveAddress(browser, person, second)
  const page = await browser.get('/account/sign-in')
  t.match(page.text, second)
  t.notMatch(page.text, first)
  t.equal((await browser.get(firstLink)).status, 410, 'the link of the older request is void')
  const waiting = await browser.get('/verify-email')
  t.equal((await browser.submit(waiting, 'code', { code: firstCode })).status, 422, 'and so is its code')

  const { link: secondLink = '' } = await newestMailTo(idp, second)
  t.match((await browser.submit(page, 'email-cancel')).location, '/account/sign-in?notice=email-change-cancelled')
  t.match((await browser.get('/account/sign-in?notice=email-change-cancelled')).text, 'has been cancelled')
  t.notMatch((await browser.get('/account/sign-in')).text, 'email-waiting')
  t.equal((await browser.get(secondLink)).status, 410)
  t.match((await browser.submit(page, 'email-cancel')).status, 303, 'cancelling twice is fine')
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
  const events = await eventsOf(idp, person, ['email_change_requested', 'email_change_cancelled'])
  t.same(
    events.map(({ type }) => type),
    ['email_change_requested', 'email_change_requested', 'email_change_cancelled'],
  )
  t.same(await mailsTo(idp, person.email), [], 'the verified address has nothing to be told')
})

t.test('an address that was never verified can be verified from the account page', async (t) => {
  const person = await idp.person()
  const browser = await enter(idp, person)
  const page = await browser.get('/account/sign-in')
  t.match(page.text, 'This address is not verified yet.')
  const waiting = await browser.follow(await browser.submit(page, 'email-send'))
  const { code = '' } = await newestMailTo(idp, person.email)
  await browser.submit(waiting, 'code', { code })
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
  t.equal((await mailsTo(idp, person.email)).length, 1, 'nobody else had the address, so nobody is told')
})

t.test('an unverified address is replaced without a link to undo that', async (t) => {
  const person = await idp.person()
  const browser = await enter(idp, person)
  const email = newAddress()
  const waiting = await browser.follow(await saveAddress(browser, person, email))
  const { code = '' } = await newestMailTo(idp, email)
  await browser.submit(waiting, 'code', { code })
  t.same(await addressOf(idp, person), { email, verified: true })
  t.same(await mailsTo(idp, person.email), [])
  t.same((await eventsOf(idp, person, ['email_changed']))[0]?.detail, { undo: 'none' })
})

t.test('the user name changes at once, beside an address that has to be confirmed', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const email = newAddress()
  const visit = await saveAddress(browser, person, email, { username: `${person.username}.new` })
  t.match(visit.location, '/verify-email?')
  t.ok(await signsIn(idp, `${person.username}.new`, person.password))
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
  const other = await idp.person()
  const taken = await saveAddress(browser, person, newAddress(), { username: other.username })
  t.equal(taken.status, 422)
  t.match((await browser.get('/account/sign-in')).text, email, 'and a refused form asks for no address')
})

t.test('undoing gives the address back, ends everything, and signs nobody in', async (t) => {
  const client = await idp.client()
  const { person, browser } = await verifiedPerson(idp)
  const { redeem } = await signIn(idp, client, { person, browser })
  const { body: tokens } = await redeem()
  const email = newAddress()
  const path = await changeAddress(idp, browser, person, email)

  const stranger = idp.browser()
  const opened = await stranger.get(path)
  t.equal(opened.status, 200)
  t.equal(opened.headers.get('cache-control'), 'no-store')
  t.match(opened.text, person.email)
  t.notMatch(opened.text, email)
  t.notMatch(opened.text, person.username)
  t.same(await addressOf(idp, person), { email, verified: true }, 'opening the link changes nothing')
  const wrong = await stranger.submit(opened, 'undo', { password: newPassword })
  t.match(wrong, { status: 403, text: 'This is not the password that your account had before the change' })
  t.equal((await stranger.submit(opened, 'undo', { password: '' })).status, 422)
  t.same(await addressOf(idp, person), { email, verified: true })

  const done = await stranger.submit(opened, 'undo', { password: person.password })
  t.equal(done.location, `${idp.issuer}/undo-email-change?done=1`)
  t.notOk(stranger.cookies.has(stranger.names.session), 'it signs nobody in')
  t.match((await stranger.follow(done)).text, 'The change was undone')
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
  t.match((await browser.get('/account')).location, '/sign-in', 'the session has ended')
  const refresh = await idp.token(client, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
  t.equal(refresh.body.error, 'invalid_grant', 'and so has the grant')
  t.same(await query('SELECT FROM known_browsers WHERE sub = $1', [person.sub]), [])
  t.same(await query('SELECT FROM account_credentials WHERE sub = $1', [person.sub]), [], 'the password is removed')
  for (const name of [person.email, email]) t.notOk(await signsIn(idp, name, person.password))

  t.match((await newestMailTo(idp, email)).subject, 'was undone')
  const [event] = await eventsOf(idp, person, ['email_change_undone'])
  t.match(event?.detail, { sessions_ended: Number, grants_ended: Number })
  t.notMatch(JSON.stringify(event), /@example/)
  const ended = await eventsOf(idp, person, ['grant_ended'])
  t.ok(ended.length > 0 && ended.every(({ detail }) => detail['reason'] === 'email_change_undone'))
  t.equal((await stranger.get(path)).status, 410, 'the link works once')
  t.equal((await stranger.submit(opened, 'undo', { password: person.password })).status, 410)
})

t.test('a password that was set after the change proves nothing, and is removed as well', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const path = await changeAddress(idp, browser, person, newAddress())
  const passwords = { 'current-password': person.password, 'new-password': newPassword }
  t.match((await browser.submit(await browser.get('/account/security'), 'password-change', passwords)).status, 303)
  t.equal((await undoWith(idp, path, newPassword)).status, 403)
  t.match((await undoWith(idp, path, person.password)).location, 'done=1')
  t.same(await query('SELECT FROM account_credentials WHERE sub = $1', [person.sub]), [])
  for (const password of [person.password, newPassword]) t.notOk(await signsIn(idp, person.email, password))
})

t.test('the pages say that the password is removed and how to get a new one, with mail and without', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const form = await idp.browser().get(await changeAddress(idp, browser, person, newAddress()))
  t.match(form.text, 'You set a new one with a link that we send to your previous address.')
  const done = await idp.browser().get('/undo-email-change?done=1')
  t.match(done.text, 'Its password has been removed')
  t.match(done.text, 'class="button primary" id="to-recover" href="/recover"')

  // A link from before the operator switched mail off.
  const silent = await startSignet(t, { SIGNET_ISSUER: 'https://id.example', SIGNET_PORT: String(await freePort()) })
  const { sub, email: previousEmail } = await silent.person()
  const token = newLinkToken()
  const change = { digest: digest(token), sub, previousEmail, newEmail: newAddress(), ttl: 60 }
  t.ok(await insertEmailChange(silent.signet.database, change))
  const path = `/undo-email-change?token=${token}`
  t.match((await silent.browser().get(path)).text, 'You have to ask the people who run this service for a new one.')
  const undone = await silent.browser().get('/undo-email-change?done=1')
  t.match(undone.text, 'Ask the people who run this service for a new one.')
  t.notMatch(undone.text, 'href="/recover"')
})

t.test('of two changes, the second alone can be undone, and then the first', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const [b, c] = [newAddress(), newAddress()]
  const toA = await changeAddress(idp, browser, person, b)
  const toB = await changeAddress(idp, browser, person, c)
  t.match((await undoWith(idp, toB, person.password)).location, 'done=1')
  t.same(await addressOf(idp, person), { email: b, verified: true })
  t.match((await undoWith(idp, toA, person.password)).location, 'done=1')
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
})

t.test('undoing the first of two changes leaves nothing of the second', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const [b, c] = [newAddress(), newAddress()]
  const toA = await changeAddress(idp, browser, person, b)
  const toB = await changeAddress(idp, browser, person, c)
  t.match((await undoWith(idp, toA, person.password)).location, 'done=1')
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
  t.equal((await idp.browser().get(toB)).status, 410, 'the link to the second address is void')
  t.match((await newestMailTo(idp, c)).subject, 'was undone', 'the address that the account had is told')
  const kept = await query('SELECT FROM email_changes WHERE sub = $1 AND previous_password IS NOT NULL', [person.sub])
  t.same(kept, [], 'and no password hash is left')
})

t.test('a removed address can be restored', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  t.match((await saveAddress(browser, person, '')).location, 'sign-in-saved')
  t.equal(await addressOf(idp, person), undefined)
  const mail = await newestMailTo(idp, person.email)
  t.match(mail.text, 'was removed from your account')
  const path = await undoLinkTo(idp, person.email)
  t.match((await idp.browser().get(path)).text, 'was removed from your account')
  t.match((await undoWith(idp, path, person.password)).location, 'done=1')
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
})

t.test('a link that has expired does not work any more, and neither does one of a disabled account', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const path = await changeAddress(idp, browser, person, newAddress())
  const opened = await idp.browser().get(path)
  await query('UPDATE accounts SET disabled_at = now() WHERE sub = $1', [person.sub])
  t.equal((await idp.browser().get(path)).status, 410)
  t.equal((await idp.browser().submit(opened, 'undo', { password: person.password })).status, 410)
  await query('UPDATE accounts SET disabled_at = NULL WHERE sub = $1', [person.sub])
  t.equal((await idp.browser().get(path)).status, 200, 'once it is enabled again, the link works')
  await query("UPDATE email_changes SET expires_at = now() - interval '1 second' WHERE sub = $1", [person.sub])
  const late = await idp.browser().get(path)
  t.match(late, { status: 410, text: 'This link does not work' })
  t.equal((await idp.browser().submit(opened, 'undo', { password: person.password })).status, 410)
})

t.test('an operator’s change is told to the verified address, and no link undoes it', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const email = newAddress()
  const path = await changeAddress(idp, browser, person, email)
  const outcome = await updateAccount(idp.signet, operator, person.sub, { email: newAddress() })
  t.not(typeof outcome, 'string')
  const mail = await newestMailTo(idp, email)
  t.match(mail.text, 'An operator of Signet')
  t.equal(mail.link, undefined)
  t.equal((await idp.browser().get(path)).status, 410, 'the link of the earlier change has ended as well')
  await updateAccount(idp.signet, operator, person.sub, { name: 'Ada' })
  await updateAccount(idp.signet, operator, person.sub, { email: null })
  t.equal(
    (await mailsTo(idp, email)).length,
    2,
    'an unverified address is told nothing, and other changes are not either',
  )
})

t.test('a changed password is told to the verified address, whoever changed it', async (t) => {
  const { person, browser } = await verifiedPerson(idp, { locale: 'de' })
  const passwords = { 'current-password': person.password, 'new-password': newPassword }
  await browser.submit(await browser.get('/account/security'), 'password-change', passwords)
  t.match((await newestMailTo(idp, person.email)).text, 'auf Ihrer Kontoseite', 'in the language of the profile')
  await setPassword(idp.signet, operator, person.sub, 'loud harbours under lamps', 'lost phone')
  t.match((await newestMailTo(idp, person.email)).text, 'Betreiber')
  t.same((await eventsOf(idp, person, ['password_set']))[0]?.detail, { by: 'alice@bastion', reason: 'lost phone' })
  const unverified = await idp.person()
  await setPassword(idp.signet, operator, unverified.sub, newPassword)
  t.same(await mailsTo(idp, unverified.email), [])
})

t.test('without a language in the profile, mails are in that of the page', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const email = newAddress()
  const page = await browser.get('/account/sign-in')
  const form = { email, 'confirm-password': person.password }
  const hidden = Object.fromEntries(
    [...page.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [
      name,
      value,
    ]),
  )
  await browser.post('/account/sign-in', { ...hidden, username: person.username, ...form }, { 'accept-language': 'de' })
  t.match((await newestMailTo(idp, email)).subject, 'Bestätigen')
})

t.test('where people who sign up must verify their address, they can replace it but not remove it', async (t) => {
  const strict = await startSignet(t, {
    SIGNET_EMAIL_VERIFICATION: 'required',
    SIGNET_SIGN_UP_DOMAINS: 'example.com,example.org',
  })
  const { person, browser } = await verifiedPerson(strict)
  await strict.signet.database.query({ text: 'UPDATE accounts SET signed_up = true' })
  const removed = await saveAddress(browser, person, '')
  t.match(removed, { status: 422, text: 'Your account needs an e-mail address' })
  const elsewhere = await saveAddress(browser, person, 'ada@elsewhere.example')
  t.match(elsewhere, { status: 422, text: 'It must end with @example.com or @example.org.' })
  const email = newAddress()
  await changeAddress(strict, browser, person, email)
  t.same(await addressOf(strict, person), { email, verified: true })

  const { person: made, browser: theirs } = await verifiedPerson(strict)
  t.match((await saveAddress(theirs, made, 'ada@elsewhere.example')).location, '/verify-email', 'made by an operator')
  t.match((await saveAddress(theirs, made, '')).location, 'sign-in-saved')
})

t.test('without mail, a new address counts at once and is unverified', async (t) => {
  const silent = await startSignet(t, {
    SIGNET_ISSUER: 'https://id.example',
    SIGNET_PORT: String(await freePort()),
  })
  t.equal(silent.signet.settings.mail.delivery, 'none')
  const { person, browser } = await verifiedPerson(silent)
  const page = await browser.get('/account/sign-in')
  t.notMatch(page.text, 'Once you have confirmed it')
  const email = newAddress()
  t.match((await saveAddress(browser, person, email)).location, 'sign-in-saved')
  t.same(await addressOf(silent, person), { email, verified: false })
  const after = await browser.get('/account/sign-in')
  t.match(after.text, 'This address is not verified, and applications can see that.')
  t.notMatch(after.text, 'email-waiting')
  for (const path of ['/account/email/send', '/account/email/cancel'])
    t.equal((await browser.post(path, {})).status, 404)
  const { rows } = await silent.signet.database.query({ text: 'SELECT FROM email_changes' })
  t.same(rows, [])
})
