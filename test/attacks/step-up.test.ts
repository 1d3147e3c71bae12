import { decodeJwt } from 'jose'
import t from 'tap'
import { sealOwnPage } from '../../src/interaction/continue-value.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { removePasskey } from '../../src/records/accounts/passkeys-store.ts'
import { raiseSession } from '../../src/records/sessions/sessions-store.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { decide, ofDevice, startDevice } from '../support/device.ts'
import { basic, freePort, type Idp, type Person, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce } from '../support/journey.ts'
import { givePasskey, passkeyOptions, pressPasskey } from '../support/passkeys.ts'
import { giveRecoveryCodes, giveTotp } from '../support/totp.ts'

const idp = await startSignet(t)
const client = await idp.client({ first_party: true })
const phr = { acr_values: 'phr' }
const essential = (...values: string[]) => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, values } } }),
})

/** Sends a browser to the client's authorization request, and follows it to the page or the response. */
async function ask(browser: Browser, more: Record<string, string> = {}, to: TestClient = client) {
  const proof = pkce()
  const query = new URLSearchParams(authorizationParameters(to, proof, { scope: 'openid offline_access', ...more }))
  const page = await browser.follow(await browser.get(`/authorize?${query}`))
  const redeem = async (from: Visit) => {
    const { code } = answerOf(from)
    const redirect_uri = to.redirect_uris[0] ?? ''
    const form = { grant_type: 'authorization_code', code, redirect_uri, code_verifier: proof.verifier }
    return tokensIn((await idp.token(to, form)).body)
  }
  return { page, redeem }
}

/** The authorization response that a browser was sent away with. */
function answerOf({ location, url, text }: Visit): Record<string, string> & { code: string } {
  if (location === undefined) throw new Error(`No response, but ${url}:\n${text}`)
  return { code: '', ...Object.fromEntries(new URL(location).searchParams) }
}

// biome-ignore lint/suspicious/noExplicitAny: claims of any kind
function tokensIn(body: any) {
  const [id, access] = [decodeJwt(body.id_token), decodeJwt(body.access_token)]
  return { ...body, id, access, acr: id['acr'], amr: id['amr'] }
}

async function signedIn(person: Person, at: Pick<Idp, 'browser'> = idp): Promise<Browser> {
  const browser = at.browser()
  await passPages(browser, await browser.get('/sign-in'), person)
  return browser
}

const isStepUp = ({ url }: Visit) => new URL(url).pathname === '/step-up'

async function sessionRow(sub: string) {
  const { rows } = await idp.signet.database.query({
    text: 'SELECT id, amr, factor, auth_time, factor_time FROM sessions WHERE sub = $1 AND ended_at IS NULL ORDER BY id',
    values: [sub],
  })
  return rows[0] as { id: never; amr: string[]; factor: string | null; auth_time: Date; factor_time: Date | null }
}

/** Lets an hour pass since everything that the sessions of an account have proven. */
async function age(sub: string): Promise<void> {
  await idp.signet.database.query({
    text: `UPDATE sessions SET auth_time = auth_time - interval '1 hour', factor_time = factor_time - interval '1 hour' WHERE sub = $1`,
    values: [sub],
  })
}

t.test('a client that asks for a passkey gets a code only after one was used', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  const browser = await signedIn(person)
  const { page, redeem } = await ask(browser, phr)
  t.ok(isStepUp(page))
  t.notMatch(page.text, 'id="password"', 'the password is no alternative')
  const typed = await browser.post('/step-up', {
    ...fieldsOf(page),
    password: person.password,
    code: '123456',
  })
  t.equal(typed.status, 422)
  t.same((await sessionRow(person.sub)).amr, ['pwd'])
  const before = browser.cookies.get(browser.names.session)
  const back = await browser.follow(await pressPasskey(browser, page, authenticator))
  t.not(browser.cookies.get(browser.names.session), before, 'the session has a new cookie')
  const tokens = await redeem(back)
  t.equal(tokens.acr, 'phr')
  t.same(tokens.amr, ['pwd', 'pop', 'user', 'mfa'])
  t.equal(tokens.access.acr, 'phr')
  t.equal(tokens.access.auth_time, tokens.id.auth_time)
  t.equal(tokens.access.amr, undefined, 'the API learns no more than it needs')
  const introspected = await introspect(tokens.access_token)
  t.match(introspected, { active: true, acr: 'phr', auth_time: tokens.id.auth_time })
  const userinfo = await fetch(`${idp.issuer}/userinfo`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  })
  t.same(await userinfo.json(), { sub: person.sub })
  const { rows } = await idp.signet.database.query({
    text: `SELECT detail FROM events WHERE sub = $1 AND type = 'session_raised'`,
    values: [person.sub],
  })
  t.same(rows, [{ detail: { amr: ['pop', 'user', 'mfa'] } }])
})

t.test('no way around the passkey leads to a code', async (t) => {
  const person = await idp.person()
  await givePasskey(idp, person)
  const browser = await signedIn(person)
  const { page } = await ask(browser, phr)
  const sealed = new URL(page.url).searchParams.get('continue') ?? ''
  t.ok(isStepUp(await browser.follow(await browser.get(`/authorize?continue=${sealed}`))))
  t.ok(isStepUp(await browser.follow(await browser.get(`/consent?continue=${sealed}`))))
  t.ok(isStepUp(await browser.follow(await browser.post('/consent', { continue: sealed, decision: 'allow' }))))
  for (const index of [0, 20, sealed.length - 2]) {
    const edited = sealed.slice(0, index) + (sealed[index] === 'A' ? 'B' : 'A') + sealed.slice(index + 1)
    t.equal((await browser.get(`/authorize?continue=${edited}`)).status, 400)
  }
  const silent = await ask(browser, { ...phr, prompt: 'none' })
  t.equal(answerOf(silent.page)['error'], 'login_required')
  t.equal(answerOf((await ask(browser, { ...essential('phr'), prompt: 'none' })).page)['error'], 'login_required')
  const again = await ask(browser, { ...phr, prompt: 'login' })
  const password = await passPages(browser, again.page, person)
  t.ok(isStepUp(password), 'signing in again with the password is not enough')
  const cancelled = answerOf({ ...page, location: linkOf(page, 'cancel') })
  t.equal(cancelled['error'], 'unmet_authentication_requirements')
})

t.test('a consent page that was open before somebody signed in again with a password issues nothing', async (t) => {
  const asking = await idp.client()
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  const browser = await signedIn(person)
  const { page } = await ask(browser, phr, asking)
  const consent = await browser.follow(await pressPasskey(browser, page, authenticator))
  t.match(consent.text, 'id="allow"')
  const tab = await browser.get('/sign-in')
  await browser.submit(tab, 'sign-in', { username: person.username, password: person.password })
  t.same((await sessionRow(person.sub)).amr, ['pwd'])
  const answer = await browser.follow(await browser.submit(consent, 'allow', { decision: 'allow' }))
  t.ok(isStepUp(answer))
})

t.test('a code and its refresh token say what was proven when the code was issued', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  const browser = await signedIn(person)
  const weak = await ask(browser)
  const strong = await ask(browser, phr)
  const back = await browser.follow(await pressPasskey(browser, strong.page, authenticator))
  const [first, second] = [await weak.redeem(weak.page), await strong.redeem(back)]
  t.same([first.acr, first.amr], ['aal1', ['pwd']], 'although the session is stronger now')
  t.equal(second.acr, 'phr')
  await browser.submit(await browser.get('/sign-in'), 'sign-in', {
    username: person.username,
    password: person.password,
  })
  for (const [tokens, acr] of [
    [first, 'aal1'],
    [second, 'phr'],
  ] as const) {
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
    const refreshed = tokensIn((await idp.token(client, form)).body)
    t.equal(refreshed.acr, acr)
    t.equal(refreshed.access.acr, acr)
    t.equal(refreshed.id.auth_time, tokens.id.auth_time)
  }
})

t.test('acr is the first class that was asked for and that the sign-in satisfies', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  const browser = await signedIn(person)
  const acrFor = async (more: Record<string, string>, to = client) => {
    const { page, redeem } = await ask(browser, more, to)
    return (await redeem(page)).acr
  }
  t.equal(await acrFor({}), 'aal1')
  t.equal(await acrFor({ acr_values: 'urn:other phr:x' }), 'aal1', 'unknown values are voluntary')
  t.equal(await acrFor({ acr_values: 'phr aal1' }), 'aal1', 'one of them is enough')
  const claims = (acr: unknown) => ({ claims: JSON.stringify({ id_token: { acr }, userinfo: { acr: { value: 1 } } }) })
  t.equal(await acrFor(claims(null)), 'aal1')
  t.equal(await acrFor(claims({ essential: true })), 'aal1')
  t.equal(await acrFor(claims({ values: ['urn:other'] })), 'aal1')
  t.ok(isStepUp((await ask(browser, claims({ value: 'phr' }))).page))
  t.ok(isStepUp((await ask(browser, { ...claims({ values: ['aal2'] }), acr_values: 'aal1' })).page))
  const strict = await idp.client({ first_party: true, default_acr_values: ['phr', 'aal2'] })
  t.equal(await acrFor({ acr_values: 'aal1' }, strict), 'aal1', 'the request replaces what is registered')
  const { page } = await ask(browser, {}, strict)
  t.ok(isStepUp(page))
  await browser.follow(await pressPasskey(browser, page, authenticator))
  t.equal(await acrFor({}, strict), 'phr')
  t.equal(await acrFor({}), 'phr')
  t.equal(await acrFor({ acr_values: 'aal2' }), 'aal2', 'the value that the client compares with')
  t.equal(await acrFor({ acr_values: 'aal1 phr' }), 'aal1')
  t.equal(await acrFor({ ...essential('urn:other', 'phr') }), 'phr')
})

t.test('essential classes that nobody can reach are refused at once, and malformed claims are a fault', async (t) => {
  const browser = idp.browser()
  const errorFor = async (claims: string) => answerOf((await ask(browser, { claims })).page)['error']
  for (const values of [['urn:other'], ['phrh', 'AAL2']])
    t.equal(await errorFor(essential(...values).claims), 'unmet_authentication_requirements')
  const broken = [
    ...[
      '{',
      '{"__proto__":{}}',
      '[]',
      'null',
      '"acr"',
      '{"id_token":[]}',
      '{"id_token":"acr"}',
      '{"id_token":{"acr":"phr"}}',
    ],
    ...['{"essential":"yes"}', '{"value":1}', '{"value":""}', '{"values":"phr"}', '{"values":[]}', '{"values":[null]}'],
    ...[
      `{"values":["${'a'.repeat(201)}"]}`,
      `{"values":[${'"a",'.repeat(20)}"a"]}`,
      '{"value":"phr","values":["phr"]}',
    ],
  ].map((acr) => (acr.includes('val') || acr.includes('ess') ? `{"id_token":{"acr":${acr}}}` : acr))
  for (const claims of broken) t.equal(await errorFor(claims), 'invalid_request', claims)
  const fine = ['{}', '{"userinfo":{"email":null}}', '{"id_token":null}']
  for (const claims of fine) t.equal(new URL((await ask(browser, { claims })).page.url).pathname, '/sign-in', claims)
})

t.test('a stolen session cannot raise itself, and ends when its owner raises it', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  await giveRecoveryCodes(idp, person)
  const browser = await signedIn(person)
  await age(person.sub)
  const thief = idp.browser()
  for (const [name, value] of browser.cookies) thief.cookies.set(name, value)
  const own = await givePasskey(idp, await idp.person())
  const { page } = await ask(thief, phr)
  t.equal((await pressPasskey(thief, page, own)).status, 403)
  t.equal((await pressPasskey(thief, page, own, { userHandle: person.sub })).status, 403)
  const { page: second } = await ask(thief, { acr_values: 'aal2' })
  const form = await thief.get(linkOf(second, 'use-recovery-code'))
  for (const [values, status] of [
    [{ code: 'AAAAA-AAAAA-AAAAA' }, 422],
    [{ code: 'AAAAA-AAAAA-AAAAA', password: 'wrong' }, 403],
    [{ password: person.password }, 422],
  ] as const)
    t.equal((await thief.submit(form, 'confirm', values)).status, status)
  t.equal((await thief.post('/step-up', { ...fieldsOf(second) })).status, 422)
  t.same((await sessionRow(person.sub)).amr, ['pwd'])
  const { page: owners } = await ask(browser, phr)
  await pressPasskey(browser, owners, authenticator)
  t.match((await thief.get('/account')).location, '/sign-in')
  t.equal((await browser.get('/account')).status, 200)
})

t.test('a form that was shown to one person raises no session of another', async (t) => {
  const [ada, bob] = [await idp.person(), await idp.person()]
  const [adas, bobs] = [await givePasskey(idp, ada), await givePasskey(idp, bob)]
  const browser = await signedIn(ada)
  const { page } = await ask(browser, phr)
  const answer = adas.get(passkeyOptions(page, 'use-passkey'))
  t.equal((await pressPasskey(browser, page, bobs)).status, 403, "Bob's passkey for Ada")
  await browser.submit(await browser.get('/sign-in'), 'sign-in', { username: bob.username, password: bob.password })
  const other = await browser.submit(page, 'use-passkey', { credential: answer })
  t.equal(other.status, 303)
  t.ok(isStepUp({ ...other, url: other.location ?? '' }), 'the page again, for Bob')
  t.same((await sessionRow(bob.sub)).amr, ['pwd'])
})

t.test('a session that has ended meanwhile, or a passkey that was removed, is not raised', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  const browser = await signedIn(person)
  const { page } = await ask(browser, phr)
  const elsewhere = await idp.signet.database.query({
    text: 'UPDATE sessions SET ended_at = now() WHERE sub = $1',
    values: [person.sub],
  })
  t.equal(elsewhere.rowCount, 1)
  t.match((await browser.follow(await pressPasskey(browser, page, authenticator))).url, '/sign-in?continue=')
  const again = await passPages(browser, await browser.get(page.url), person)
  t.ok(isStepUp(again))
  await inTransaction(idp.signet.database, (tx) => removePasskey(tx, person.sub, authenticator.id))
  const removed = await browser.submit(again, 'use-passkey', {
    credential: authenticator.get(passkeyOptions(again, 'use-passkey')),
  })
  t.equal(removed.status, 200)
  t.match(removed.text, 'id="set-up-passkey"', 'without a passkey, the page leads to setting one up')
  t.same((await sessionRow(person.sub)).amr, ['pwd'])
})

t.test('a person without a strong factor is led to setting one up, and back to the request', async (t) => {
  const person = await idp.person()
  const browser = await signedIn(person)
  const two = await ask(browser, { acr_values: 'aal2' })
  t.match(two.page.text, 'id="set-up-passkey"')
  const href = new URL(linkOf(two.page, 'set-up-codes'), idp.issuer)
  t.equal(href.pathname, '/account/security/codes/new')
  const resumed = await browser.follow(await browser.get(`/authorize?continue=${href.searchParams.get('continue')}`))
  t.ok(isStepUp(resumed))
  const one = await ask(browser, phr)
  t.notMatch(one.page.text, 'id="set-up-codes"', 'one-time codes would not be enough')
  const authenticator = await givePasskey(idp, person)
  const page = await browser.get(one.page.url)
  const back = await browser.follow(await pressPasskey(browser, page, authenticator))
  t.equal((await one.redeem(back)).acr, 'phr')
})

t.test('one-time codes: the password and a code, and each only once', async (t) => {
  const person = await idp.person()
  const browser = await signedIn(person)
  const app = await giveTotp(idp, person)
  const [recovery = '', another = ''] = await giveRecoveryCodes(idp, person)
  await age(person.sub)
  const { page, redeem } = await ask(browser, { acr_values: 'phr aal2' })
  t.ok(isStepUp(page))
  const wrong = await browser.submit(page, 'confirm', { password: 'wrong', code: app.code() })
  t.equal(wrong.status, 403)
  t.match(wrong.text, 'id="password-fault"')
  const missing = await browser.submit(page, 'confirm', { code: app.code() })
  t.equal(missing.status, 422)
  t.equal((await browser.submit(page, 'confirm', { password: person.password, code: '000000' })).status, 403)
  const right = await browser.submit(page, 'confirm', { password: person.password, code: app.code() })
  const tokens = await redeem(await browser.follow(right))
  t.same([tokens.acr, tokens.amr], ['aal2', ['pwd', 'otp', 'mfa']], 'the code was not used up by the wrong password')
  t.ok(tokens.id.auth_time > Date.now() / 1000 - 1800, 'the time of the sign-in is now')

  await age(person.sub)
  const fresh = `/step-up?continue=${sealOwnPage(idp.signet.secrets['request-sealing'], 'security')}`
  const proof = await browser.get(fresh)
  const used = await browser.submit(proof, 'confirm', { password: person.password, code: app.code() })
  t.equal(used.status, 403, 'a code is accepted once')
  const instead = await browser.get(linkOf(proof, 'use-recovery-code'))
  const raised = await browser.submit(instead, 'confirm', { password: person.password, code: recovery })
  t.equal(raised.location, `${idp.issuer}/account/security`)
  t.equal((await sessionRow(person.sub)).factor, 'recovery_code')
  t.equal((await browser.get(fresh)).location, `${idp.issuer}/account/security`, 'nothing more is asked')

  await age(person.sub)
  const form = await browser.get(linkOf(await browser.get(fresh), 'use-recovery-code'))
  t.equal((await browser.submit(form, 'confirm', { password: person.password, code: recovery })).status, 403)
  t.equal((await browser.submit(form, 'confirm', { password: person.password, code: another })).status, 303)
})

t.test('a fresh proof needs the strongest factor of the account', async (t) => {
  const person = await idp.person()
  const browser = await signedIn(person)
  const fresh = `/step-up?continue=${sealOwnPage(idp.signet.secrets['request-sealing'], 'account-sign-in')}`
  const done = `${idp.issuer}/account/sign-in`
  t.equal((await browser.get(fresh)).location, done, 'the sign-in is recent')
  await age(person.sub)
  const byPassword = await browser.get(fresh)
  t.equal((await browser.submit(byPassword, 'confirm', { password: 'wrong' })).status, 403)
  t.equal((await browser.submit(byPassword, 'confirm', {})).status, 422)
  t.equal((await browser.submit(byPassword, 'confirm', { password: person.password })).location, done)
  const authenticator = await givePasskey(idp, person)
  const byPasskey = await browser.get(fresh)
  t.notMatch(byPasskey.text, 'id="password"', 'the password does not count any more')
  t.notMatch(byPasskey.text, 'use-recovery-code')
  const typed = await browser.post('/step-up', { ...fieldsOf(byPasskey), password: person.password })
  t.equal(typed.status, 422)
  const [code = ''] = await giveRecoveryCodes(idp, person)
  await giveTotp(idp, person)
  const other = await browser.get(linkOf(await browser.get(fresh), 'use-recovery-code'))
  const oneTime = await browser.submit(other, 'confirm', { code: '123456' })
  t.equal(oneTime.status, 403, 'a one-time code is weaker than the passkey')
  t.equal((await browser.submit(other, 'confirm', { code })).location, done, 'the password was just proven')
  await age(person.sub)
  const page = await browser.get(fresh)
  t.equal((await pressPasskey(browser, page, authenticator)).location, done)
})

t.test('an old passkey does not look fresh because of a password', async (t) => {
  const person = await idp.person()
  await signedIn(person)
  const { database, clock } = idp.signet
  const raise = async (amr: readonly string[], factor: 'passkey' | 'totp' | undefined, isSignIn: boolean) => {
    const { id } = await sessionRow(person.sub)
    const now = clock.now()
    const raised = { digest: Buffer.from(`${Math.random()}`), amr, factor, provenAt: now }
    await inTransaction(database, (tx) => raiseSession(tx, id, { ...raised, authTime: isSignIn ? now : undefined }))
    return sessionRow(person.sub)
  }
  t.same((await raise(['pop', 'user', 'mfa'], 'passkey', true)).amr, ['pwd', 'pop', 'user', 'mfa'])
  t.equal((await raise(['otp', 'mfa'], 'totp', false)).factor, 'passkey', 'a fresh passkey stays the strongest factor')
  await age(person.sub)
  const before = await sessionRow(person.sub)
  const code = await raise(['otp', 'mfa'], 'totp', false)
  t.same([code.factor, code.auth_time], ['totp', before.auth_time], 'a code alone is no sign-in')
  t.ok(code.amr.includes('pop'))
  const password = await raise(['pwd', 'otp', 'mfa'], 'totp', true)
  t.same(password.amr, ['pwd', 'otp', 'mfa'])
  t.ok(password.auth_time > before.auth_time)
  t.same((await raise(['pwd'], undefined, true)).amr, ['pwd'])
})

t.test('a device gets what its client demands, and says what was proven', async (t) => {
  const person = await idp.person()
  const authenticator = await givePasskey(idp, person)
  const browser = await signedIn(person)
  const plain = await startDevice(idp, await idp.client(ofDevice))
  await decide(browser, person, plain)
  t.equal(tokensIn((await plain.poll()).body).acr, 'aal1')
  const strict = await startDevice(idp, await idp.client({ ...ofDevice, default_acr_values: ['phr'] }))
  const form = await browser.get(strict.issued.verification_uri_complete)
  const page = await browser.follow(await browser.submit(form, 'continue'))
  t.ok(isStepUp(page))
  const back = await browser.follow(await pressPasskey(browser, page, authenticator))
  t.match(back.url, `user_code=${strict.issued.user_code}`)
  const consent = await browser.submit(back, 'continue')
  const tab = await browser.get('/sign-in')
  await browser.submit(tab, 'sign-in', { username: person.username, password: person.password })
  const allowed = await browser.follow(await browser.submit(consent, 'allow', { decision: 'allow' }))
  t.ok(isStepUp(allowed), 'somebody has signed in with the password meanwhile')
  await pressPasskey(browser, allowed, authenticator)
  await decide(browser, person, strict)
  const tokens = tokensIn((await strict.poll()).body)
  t.same([tokens.acr, tokens.access.acr], ['phr', 'phr'])
})

t.test('an issuer without a host name has no phr', async (t) => {
  const port = await freePort()
  const there = await startSignet(t, { SIGNET_ISSUER: `http://127.0.0.1:${port}` })
  const person = await there.person()
  const app = await there.client({ first_party: true })
  const metadata = await (await fetch(`${there.issuer}/.well-known/openid-configuration`)).json()
  t.same((metadata as Record<string, unknown>)['acr_values_supported'], ['aal1', 'aal2'])
  const browser = await signedIn(person, there)
  const asked = (more: Record<string, string>) => ask(browser, more, app)
  t.ok(answerOf((await asked(phr)).page).code, 'a voluntary request is ignored')
  t.equal(answerOf((await asked(essential('phr'))).page)['error'], 'unmet_authentication_requirements')
  const { page } = await asked(essential('phr', 'aal2'))
  t.ok(isStepUp(page))
  t.notMatch(page.text, 'set-up-passkey')
  t.match(page.text, 'set-up-codes')
})

async function introspect(token: string) {
  const response = await fetch(`${idp.issuer}/introspect`, {
    method: 'POST',
    headers: { authorization: basic(client.client_id, client.secret ?? '') },
    body: new URLSearchParams({ token }),
  })
  return response.json()
}

/** The hidden fields of the forms of a page. */
function fieldsOf({ text }: Visit): Record<string, string> {
  const fields = [...text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
  return Object.fromEntries(fields.map(([, name = '', value = '']) => [name, value]))
}

/** Where a link leads, found by its id. */
function linkOf({ text, url }: Visit, id: string): string {
  const href = new RegExp(`<a [^>]*id="${id}"[^>]*>`).exec(text)?.[0].match(/href="([^"]*)"/)?.[1]
  if (href === undefined) throw new Error(`${url} has no link #${id}:\n${text}`)
  return href.replaceAll('&amp;', '&')
}
