import t from 'tap'
import type { Browser } from '../support/browser.ts'
import { routesOfPeople } from '../support/gated-routes.ts'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce } from '../support/journey.ts'
import { createAuthenticator, givePasskey, pressNewPasskey, pressPasskey } from '../support/passkeys.ts'

const idp = await startSignet(t, { SIGNET_SECOND_FACTOR: 'required' })

async function signedIn(): Promise<{ browser: Browser; person: Awaited<ReturnType<typeof idp.person>> }> {
  const [person, browser] = [await idp.person(), idp.browser()]
  await browser.submit(await browser.get('/sign-in'), 'sign-in', {
    username: person.username,
    password: person.password,
  })
  return { browser, person }
}

/** The pages that lead on. All but the first two ask for a fresh proof themselves. */
const leadOn = [
  ...['/step-up', '/step-up/passkey', '/account/security/passkeys/new', '/account/security/codes/new'],
  ...['/account/security/recovery-codes', '/account/security/recovery-codes/download'],
]

t.test('somebody with a single factor gets from every page and form to the second one', async (t) => {
  const { browser, person } = await signedIn()
  const gated = (await routesOfPeople(t, idp)).filter((route) => !leadOn.includes(route.split(' ')[1] ?? ''))
  t.ok(gated.includes('POST /account/password') && gated.includes('GET /device'), `${gated.length} routes`)
  for (const route of gated) {
    const [method, path = ''] = route.split(' ')
    const answer = method === 'GET' ? await browser.get(path) : await browser.post(path, {})
    t.equal(answer.status, 303, route)
    t.match(answer.location, `${idp.issuer}/step-up`, route)
    t.notMatch(answer.text, person.email, route)
    t.equal(answer.headers.get('cache-control'), 'no-store', route)
  }
})

t.test('a first factor is set up on the way to an application', async (t) => {
  const client = await idp.client({ first_party: true })
  const { browser, person } = await signedIn()
  const ask = async (more: Record<string, string> = {}) => {
    const query = new URLSearchParams(authorizationParameters(client, pkce(), more))
    return browser.follow(await browser.get(`/authorize?${query}`))
  }
  const silent = new URL((await ask({ prompt: 'none' })).location ?? '')
  t.equal(silent.searchParams.get('error'), 'login_required')
  t.match((await ask({ acr_values: 'aal1' })).url, '/step-up', 'the application cannot lower what the operator demands')
  const page = await ask()
  const href = /id="set-up-passkey" href="([^"]*)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const authenticator = createAuthenticator(idp)
  const codes = await pressNewPasskey(browser, await browser.get(href), authenticator)
  t.equal(codes.status, 200)
  const onward = /href="(\/authorize\?continue=[^"]*)"/.exec(codes.text)?.[1] ?? ''
  const back = await browser.follow(await browser.get(onward))
  t.ok(new URL(back.location ?? '').searchParams.get('code'))
  t.equal((await browser.get('/account')).status, 200)
  await idp.signet.database.query({
    text: `UPDATE sessions SET auth_time = auth_time - interval '1 hour', factor_time = factor_time - interval '1 hour' WHERE sub = $1`,
    values: [person.sub],
  })
  t.equal((await browser.get('/account')).status, 200, 'for as long as the session lives')
})

t.test('a session from before it was required leads to the second factor', async (t) => {
  const before = await startSignet(t)
  const [person, browser] = [await before.person(), before.browser()]
  const authenticator = await givePasskey(before, person)
  await passPages(browser, await browser.get('/sign-in'), person)
  t.equal((await browser.get('/account')).status, 200)
  const later = await before.another({ SIGNET_SECOND_FACTOR: 'required' })
  const there = later.browser()
  for (const [name, value] of browser.cookies) there.cookies.set(name, value)
  const page = await there.follow(await there.get('/account'))
  t.match(page.text, 'id="use-passkey"')
  const after = await pressPasskey(there, page, authenticator)
  t.equal(after.location, `${later.issuer}/account`)
  t.equal((await there.get('/account')).status, 200)
})
