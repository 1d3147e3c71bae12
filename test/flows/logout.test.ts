import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'

const bye = 'https://app.example/bye'

t.test('signing out', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client({ post_logout_redirect_uris: [bye] })
  const logout = (parameters: Record<string, string>) => `/logout?${new URLSearchParams(parameters)}`

  t.test('an invalid request never redirects and never signs out', async (t) => {
    const journey = await signIn(idp, client)
    const idToken = (await journey.redeem()).body.id_token as string
    const [header = '', payload = ''] = idToken.split('.')
    const unsigned = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${payload}.`
    for (const parameters of [
      { id_token_hint: idToken, post_logout_redirect_uri: 'https://evil.example/' },
      { id_token_hint: idToken, post_logout_redirect_uri: `${bye}?foo=bar` },
      { id_token_hint: unsigned, post_logout_redirect_uri: bye },
      { id_token_hint: `${header}.${payload}.${'A'.repeat(86)}`, post_logout_redirect_uri: bye },
      { id_token_hint: (await journey.redeem()).body.access_token ?? 'x', post_logout_redirect_uri: bye },
      { post_logout_redirect_uri: bye },
      { id_token_hint: idToken, client_id: 'client_other', post_logout_redirect_uri: bye },
    ] as Record<string, string>[]) {
      const visit = await journey.browser.get(logout(parameters))
      t.equal(visit.location, undefined)
      t.equal(visit.status, 400)
    }
    t.match((await journey.browser.get('/')).text, journey.person.username)
  })

  t.test('without a hint the person is asked, and only their own answer counts', async (t) => {
    const { browser, person } = await signIn(idp, client)
    const page = await browser.get(logout({ client_id: client.client_id, post_logout_redirect_uri: bye, state: 's' }))
    t.match(page.text, 'id="confirm-logout"')
    t.match((await browser.get('/')).text, person.username, 'a link alone signs nobody out')
    const forged = await browser.post('/logout/confirm', {}, { origin: 'https://evil.example' })
    t.equal(forged.status, 403)
    const left = await browser.submit(page, 'confirm-logout')
    t.equal(left.location, `${bye}?state=s`)
    t.notMatch((await browser.get('/')).text, person.username)
  })

  t.test('a hint for another session of the same person also asks', async (t) => {
    const person = await idp.person()
    const laptop = await signIn(idp, client, { person })
    const phone = await signIn(idp, client, { person })
    const hint = (await laptop.redeem()).body.id_token
    t.match((await phone.browser.get(logout({ id_token_hint: hint }))).text, 'id="confirm-logout"')
  })

  t.test('with only the address the person is asked, signed out, and told so', async (t) => {
    const { browser } = await signIn(idp, client)
    const done = await browser.submit(await browser.get('/logout'), 'confirm-logout')
    t.equal(done.status, 200)
    t.equal(browser.cookies.has(browser.names.session), false)
    t.equal((await browser.get('/logout')).status, 200, 'and signing out when signed out is not an error')
  })

  t.test('by POST from the application, as the specification requires', async (t) => {
    const journey = await signIn(idp, client)
    const hint = (await journey.redeem()).body.id_token
    const posted = await idp
      .browser()
      .post(
        '/logout',
        { id_token_hint: hint, post_logout_redirect_uri: bye, state: 'z' },
        { origin: 'https://app.example' },
      )
    t.equal(posted.status, 303)
    t.equal((await journey.browser.get(posted.location ?? '')).location, `${bye}?state=z`)
  })

  t.test('what was to end with the session ends; offline access and other devices are unaffected', async (t) => {
    const person = await idp.person()
    const online = await signIn(idp, client, { person, parameters: { scope: 'openid' } })
    const offline = await signIn(idp, client, { person, browser: online.browser })
    const phone = await signIn(idp, client, { person, parameters: { scope: 'openid' } })
    const tokens = await Promise.all([online, offline, phone].map(async ({ redeem }) => (await redeem()).body))
    await online.browser.submit(await online.browser.get('/logout'), 'confirm-logout')
    const statuses = await Promise.all(
      tokens.map(
        async ({ access_token }) =>
          (await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${access_token}` } })).status,
      ),
    )
    t.same(statuses, [401, 200, 200])
    const silent = await online.browser.get(
      `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), { prompt: 'none' }))}`,
    )
    t.equal(new URL(silent.location ?? '').searchParams.get('error'), 'login_required')
  })
})
