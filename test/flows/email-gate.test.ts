import t from 'tap'
import { routesOfPeople } from '../support/gated-routes.ts'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { codeTo, signUp } from '../support/verification.ts'

const idp = await startSignet(t, { SIGNET_EMAIL_VERIFICATION: 'required' })

t.test('somebody who must verify their address gets from every other page and form to the verification', async (t) => {
  const { browser, email } = await signUp(idp)
  const gated = await routesOfPeople(t, idp)
  t.ok(gated.includes('POST /account/password') && gated.includes('GET /device'), `${gated.length} routes`)
  for (const route of gated) {
    const [method, path = ''] = route.split(' ')
    const answer = method === 'GET' ? await browser.get(path) : await browser.post(path, {})
    t.equal(answer.status, 303, route)
    t.match(answer.location, `${idp.issuer}/verify-email`, route)
    t.notMatch(answer.text, email, route)
    t.equal(answer.headers.get('cache-control'), 'no-store', route)
  }
})

t.test('a form that was open before is not submitted', async (t) => {
  const { browser, email } = await signUp(idp)
  await browser.submit(await browser.get('/verify-email'), 'code', { code: await codeTo(idp, email) })
  const account = await browser.get('/account')
  await idp.signet.database.query({
    text: 'UPDATE account_emails SET verified_at = NULL WHERE email = $1',
    values: [email],
  })
  const answer = await browser.submit(account, 'profile-save')
  t.match(answer.location, '/verify-email?continue=')
  await browser.submit(await browser.get(answer.location ?? ''), 'send-again')
  const after = await browser.submit(await browser.get(answer.location ?? ''), 'code', {
    code: await codeTo(idp, email),
  })
  t.equal(after.location, `${idp.issuer}/account`, 'and the page follows once the address is verified')
})

t.test('an application gets no code, whatever it asks for', async (t) => {
  const client = await idp.client({ first_party: true })
  const { browser } = await signUp(idp)
  const ask = async (more: Record<string, string>) => {
    const query = new URLSearchParams(authorizationParameters(client, pkce(), more))
    return browser.get(`/authorize?${query}`)
  }
  t.match((await ask({})).location, '/verify-email?continue=')
  t.match((await ask({ prompt: 'consent' })).location, '/verify-email?continue=')
  const silent = new URL((await ask({ prompt: 'none' })).location ?? '')
  t.equal(silent.searchParams.get('error'), 'interaction_required')
  t.equal(silent.searchParams.get('code'), null)
  const sealed = new URL((await ask({})).location ?? '').searchParams.get('continue') ?? ''
  for (const answer of [
    await browser.get(`/consent?continue=${sealed}`),
    await browser.post('/consent', { continue: sealed, decision: 'allow' }),
  ])
    t.match((await browser.follow(answer)).url, '/verify-email?continue=')
  const chosen = await browser.submit(await browser.follow(await ask({ prompt: 'select_account' })), 'continue-as')
  t.match((await browser.follow(chosen)).url, '/verify-email?continue=')
})

t.test('the code of a device survives the verification', async (t) => {
  const { browser, email } = await signUp(idp)
  const sent = await browser.get('/device?user_code=BCDF-GHJK')
  t.match(sent.location, '/verify-email?continue=')
  const page = await browser.follow(sent)
  const after = await browser.submit(page, 'code', { code: await codeTo(idp, email) })
  t.equal(after.location, `${idp.issuer}/device?user_code=BCDF-GHJK`)
})

t.test('if an operator requires verification later, sessions lead to it, and grants go on', async (t) => {
  const before = await startSignet(t)
  const client = await before.client()
  const { browser, email } = await signUp(before)
  const { redeem } = await signIn(before, client, { browser })
  const { body } = await redeem()
  const later = await before.another({ SIGNET_EMAIL_VERIFICATION: 'required' })
  const refreshed = await later.token(client, { grant_type: 'refresh_token', refresh_token: body.refresh_token })
  t.equal(refreshed.status, 200)
  const there = later.browser()
  for (const [name, value] of browser.cookies) there.cookies.set(name, value)
  const page = await there.follow(await there.get('/account'))
  t.match(page.url, '/verify-email?continue=')
  t.match(page.text, email)
  const operated = await later.person()
  t.equal((await there.get('/')).status, 303)
  const own = later.browser()
  const form = { username: operated.username, password: operated.password }
  await own.submit(await own.get('/sign-in'), 'username', form)
  t.equal((await own.get('/account')).status, 200, 'accounts that an operator made are not blocked')
})
