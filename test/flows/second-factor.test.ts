import { decodeJwt } from 'jose'
import t from 'tap'
import type { Visit } from '../support/browser.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce } from '../support/journey.ts'
import { givePasskey, pressPasskey } from '../support/passkeys.ts'
import { enterPassword, giveRecoveryCodes, giveTotp, signInWithCode, stopClock } from '../support/totp.ts'

const idp = await startSignet(t)
stopClock(idp)

/** The link of a page, by its id. */
function hrefOf({ text }: Visit, id: string): string {
  const [, href = ''] = new RegExp(`id="${id}" href="([^"]*)"`).exec(text) ?? []
  return href.replaceAll('&amp;', '&')
}

/** An authorization request, the password, and whatever completes the sign-in; then the ID token. */
async function signInFor(person: Person, complete: (page: Visit, browser: ReturnType<typeof idp.browser>) => unknown) {
  const client = await idp.client({ client_name: 'Example App' })
  const [browser, proof] = [idp.browser(), pkce()]
  const request = `/authorize?${new URLSearchParams(authorizationParameters(client, proof))}`
  const page = await enterPassword(browser, person, request)
  const back = await passPages(browser, (await complete(page, browser)) as Visit, person)
  const code = new URL(back.location ?? '').searchParams.get('code') ?? ''
  const { verifier } = proof
  const redirectUri = client.redirect_uris[0] ?? ''
  const grant = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  const { body } = await idp.token(client, grant)
  return { page, claims: decodeJwt(body.id_token) }
}

t.test('somebody signs in to an application with a password and a one-time code', async (t) => {
  const person = await idp.person()
  const app = await giveTotp(idp, person)
  const { page, claims } = await signInFor(person, (page, browser) =>
    browser.submit(page, 'confirm', { code: app.code() }),
  )
  t.match(page.text, 'Example App')
  t.match(page.text, /<input[^>]*id="code"[^>]*inputmode="numeric"[^>]*autocomplete="one-time-code"/)
  t.notMatch(page.text, 'use-passkey', 'the account has no passkey')
  t.notMatch(page.text, 'use-recovery-code', 'nor recovery codes')
  t.match(claims, { sub: person.sub, amr: ['pwd', 'otp', 'mfa'] })
  t.match(await signedInAs(person), [{ factor: 'totp' }])
})

t.test('or with a recovery code, if the app is lost', async (t) => {
  const person = await idp.person()
  await giveTotp(idp, person)
  const [code = ''] = await giveRecoveryCodes(idp, person)
  const { claims } = await signInFor(person, async (page, browser) => {
    const form = await browser.get(hrefOf(page, 'use-recovery-code'))
    t.notMatch(form.text, 'inputmode="numeric"', 'whose letters can be typed on a phone')
    const wrong = await browser.submit(form, 'confirm', { code: '00000-00000-00000' })
    t.equal(wrong.status, 403)
    t.match(wrong.text, 'This recovery code is not right')
    const other = await browser.get(hrefOf(wrong, 'use-one-time-code'))
    t.match(other.text, 'inputmode="numeric"')
    return browser.submit(wrong, 'confirm', { code })
  })
  t.match(claims, { amr: ['pwd', 'otp', 'mfa'] })
  t.match(await signedInAs(person), [{ factor: 'recovery_code' }])
})

t.test('or with a passkey of the same account', async (t) => {
  const person = await idp.person()
  await giveTotp(idp, person)
  const passkey = await givePasskey(idp, person)
  const { claims } = await signInFor(person, (page, browser) => pressPasskey(browser, page, passkey))
  t.match(claims, { amr: ['pwd', 'pop', 'user', 'mfa'] })
  t.match(await signedInAs(person), [{ factor: 'passkey' }])
})

t.test('a passkey beside a password, without one-time codes, is another way and not a second step', async (t) => {
  const person = await idp.person()
  await givePasskey(idp, person)
  const browser = idp.browser()
  await enterPassword(browser, person)
  t.ok(browser.cookies.has(browser.names.session))
  t.match(await signedInAs(person), [{ amr: ['pwd'], factor: null }])
})

t.test('the person can start again, as somebody else', async (t) => {
  const [person, other] = [await idp.person(), await idp.person()]
  await giveTotp(idp, person)
  const browser = idp.browser()
  const page = await enterPassword(browser, person, '/account/security')
  const signInPage = await browser.get(hrefOf(page, 'start-over'))
  t.match(signInPage.url, '/sign-in?continue=')
  const { username, password } = other
  const done = await browser.follow(await browser.submit(signInPage, 'sign-in', { username, password }))
  t.match(done.url, '/account/security')
  t.match(await signedInAs(other), [{ amr: ['pwd'] }])
})

t.test('somebody who signs in again keeps the session, and somebody else ends it', async (t) => {
  const person = await idp.person()
  const app = await giveTotp(idp, person)
  const browser = idp.browser()
  await signInWithCode(browser, person, app.code())
  await signInWithCode(browser, person, app.code(1))
  t.equal((await signedInAs(person)).length, 1)
  const other = await idp.person()
  const theirs = await giveTotp(idp, other)
  await signInWithCode(browser, other, theirs.code())
  t.same(await signedInAs(person), [])
})

t.test('the page says what happened to a sign-in that took too long', async (t) => {
  const person = await idp.person()
  await giveTotp(idp, person)
  const browser = idp.browser()
  await enterPassword(browser, person)
  await idp.signet.database.query({
    text: "UPDATE unfinished_sign_ins SET expires_at = now() - interval '1 second' WHERE sub = $1",
    values: [person.sub],
  })
  const page = await browser.follow(await browser.get('/second-factor'))
  t.match(page.text, 'You were not signed in, because you took too long or your account has changed.')
  t.match((await idp.browser().get('/second-factor')).location, /\/sign-in$/, 'and nothing to others')
})

/** What was proven in the live sessions of a person. */
async function signedInAs({ sub }: Person) {
  const { rows } = await idp.signet.database.query<{ amr: string[]; factor: string | null }>({
    text: 'SELECT amr, factor FROM sessions WHERE sub = $1 AND ended_at IS NULL',
    values: [sub],
  })
  return rows
}
