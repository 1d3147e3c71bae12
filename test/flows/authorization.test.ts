import { decodeJwt } from 'jose'
import t from 'tap'
import { defaultRedirectUri, startSignet } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'

t.test('sign-in and consent, as the request asks for them', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client()
  const person = await idp.person()
  const first = await signIn(idp, client, { person })
  const { browser } = first
  const ask = async (more: Record<string, string>) =>
    browser.get(`/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`)
  const answer = (location: string | undefined) => new URL(location ?? '').searchParams

  t.test('a person who is signed in and has consented is not asked again', async (t) => {
    t.ok(answer((await ask({})).location).get('code'))
    t.ok(answer((await ask({ prompt: 'none' })).location).get('code'))
  })

  t.test('prompt=none never shows a page', async (t) => {
    const stranger = idp.browser()
    const visit = await stranger.get(
      `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), { prompt: 'none', state: 'x'.repeat(128) }))}`,
    )
    t.equal(answer(visit.location).get('error'), 'login_required')
    t.equal(answer(visit.location).get('state'), 'x'.repeat(128))
    t.equal(answer(visit.location).get('iss'), idp.issuer)
    const wider = await ask({ prompt: 'none', scope: 'openid profile offline_access' })
    t.equal(answer(wider.location).get('error'), 'consent_required')
  })

  t.test('prompt=login asks for the password again, and auth_time is later', async (t) => {
    const page = await browser.follow(await ask({ prompt: 'login' }))
    t.match(page.text, 'id="sign-in"')
    t.notMatch(page.text, 'id="continue-as"', 'the page does not offer to continue without the password')
    const back = await passPages(browser, page, person)
    t.ok(answer(back.location).get('code'))
  })

  t.test('an earlier sign-in does not satisfy an earlier sealed request with prompt=login', async (t) => {
    const asked = await ask({ prompt: 'login' })
    const sealed = new URL(asked.location ?? '').searchParams.get('continue') ?? ''
    const again = await browser.get(`/authorize?continue=${sealed}`)
    t.match(again.location, '/sign-in?continue=')
  })

  t.test('prompt=consent asks although consent was remembered, and the answer issues the code', async (t) => {
    const page = await browser.follow(await ask({ prompt: 'consent' }))
    t.match(page.text, 'id="allow"')
    const back = await browser.submit(page, 'allow', { decision: 'allow' })
    t.ok(answer(back.location).get('code'))
  })

  t.test('a person who denies access is sent back with access_denied', async (t) => {
    const page = await browser.follow(await ask({ prompt: 'consent', state: 'mine' }))
    const back = await browser.submit(page, 'deny', { decision: 'deny' })
    t.equal(answer(back.location).get('error'), 'access_denied')
    t.equal(answer(back.location).get('state'), 'mine')
  })

  t.test('prompt=select_account offers the account that is signed in, without a password', async (t) => {
    const page = await browser.follow(await ask({ prompt: 'select_account' }))
    t.match(page.text, 'id="continue-as"')
    const back = await browser.follow(await browser.submit(page, 'continue-as'))
    t.ok(answer(back.location).get('code'))
  })

  t.test('prompt=create leads to the sign-up page', async (t) => {
    const stranger = idp.browser()
    const page = await stranger.follow(
      await stranger.get(
        `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), { prompt: 'create', login_hint: 'new@example.com' }))}`,
      ),
    )
    t.match(page.text, 'id="sign-up"')
    t.match(page.text, 'value="new@example.com"')
    const consent = await stranger.follow(
      await stranger.submit(page, 'sign-up', {
        name: 'New Person',
        email: 'new@example.com',
        password: 'a long enough phrase',
      }),
    )
    t.match(consent.text, 'New Person')
    t.ok(answer((await stranger.submit(consent, 'allow', { decision: 'allow' })).location).get('code'))
  })

  t.test('max_age=0 asks again, a generous max_age does not, and auth_time is included', async (t) => {
    t.match((await ask({ max_age: '0' })).location, '/sign-in')
    t.ok(answer((await ask({ max_age: '10000' })).location).get('code'))
  })

  t.test('an id_token_hint of the same person succeeds silently, one of another person does not', async (t) => {
    const own = (await first.redeem()).body.id_token
    t.ok(answer((await ask({ prompt: 'none', id_token_hint: own })).location).get('code'))
    const other = (await (await signIn(idp, client)).redeem()).body.id_token
    t.equal(answer((await ask({ prompt: 'none', id_token_hint: other })).location).get('error'), 'login_required')
  })

  t.test('response modes: query, fragment, form_post', async (t) => {
    const fragment = await ask({ response_mode: 'fragment' })
    t.ok(new URLSearchParams(new URL(fragment.location ?? '').hash.slice(1)).get('code'))
    t.equal(new URL(fragment.location ?? '').search, '')
    const formPost = await ask({ response_mode: 'form_post', state: 'a"b<c' })
    t.equal(formPost.status, 200)
    t.match(formPost.text, `action="${defaultRedirectUri}"`)
    t.match(formPost.text, 'name="code"')
    t.match(formPost.text, 'a&quot;b&lt;c')
    const error = await ask({ response_mode: 'form_post', prompt: 'none', max_age: '0' })
    t.match(error.text, 'name="error" value="login_required"')
  })

  t.test('unknown parameters are ignored, unsupported ones are refused', async (t) => {
    t.ok(
      answer(
        (await ask({ extra: 'foobar', display: 'popup', acr_values: '1 2', claims_locales: 'se', ui_locales: 'se' }))
          .location,
      ).get('code'),
    )
    t.equal(answer((await ask({ request: 'e30.e30.' })).location).get('error'), 'invalid_request_object')
    t.equal(answer((await ask({ request_uri: 'https://app.example/r' })).location).get('error'), 'invalid_request_uri')
    t.equal(answer((await ask({ registration: '{}' })).location).get('error'), 'registration_not_supported')
  })

  t.test(
    'a request by POST, from another site and without any cookies, still finds the person signed in',
    async (t) => {
      const stranger = idp.browser()
      const posted = await stranger.post('/authorize', authorizationParameters(client, pkce()), {
        origin: 'https://app.example',
      })
      t.equal(posted.status, 303)
      const back = await browser.get(posted.location ?? '')
      t.ok(answer(back.location).get('code'))
    },
  )

  t.test('a redirect URI keeps its own query', async (t) => {
    const other = await idp.client({ redirect_uris: ['https://app.example/cb?tenant=a'], first_party: true })
    const visit = await browser.get(`/authorize?${new URLSearchParams(authorizationParameters(other, pkce()))}`)
    t.match(visit.location, /^https:\/\/app\.example\/cb\?tenant=a&code=/)
  })
})

t.test('a first-party app that could be impersonated asks every time', async (t) => {
  const idp = await startSignet(t)
  const app = await idp.client({
    token_endpoint_auth_method: 'none',
    first_party: true,
    redirect_uris: ['http://127.0.0.1/cb'],
  })
  const { browser } = await signIn(idp, app, { parameters: { redirect_uri: 'http://127.0.0.1:51234/cb' } })
  const again = await browser.follow(
    await browser.get(
      `/authorize?${new URLSearchParams(authorizationParameters(app, pkce(), { redirect_uri: 'http://127.0.0.1:51235/cb' }))}`,
    ),
  )
  t.match(again.text, 'id="allow"')
})

t.test('when another tab signs in somebody else, the two people are not mixed up', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client()
  const [one, two] = [await idp.person({ name: 'Person One' }), await idp.person({ name: 'Person Two' })]
  const browser = idp.browser()
  const start = await browser.follow(
    await browser.get(`/authorize?${new URLSearchParams(authorizationParameters(client, pkce()))}`),
  )
  const consent = await browser.follow(
    await browser.submit(start, 'sign-in', { username: one.username, password: one.password }),
  )
  t.match(consent.text, 'Person One')

  const otherTab = await browser.get('/sign-in')
  await browser.submit(otherTab, 'sign-in', { username: two.email, password: two.password })
  const shownAnew = await browser.follow(await browser.submit(consent, 'allow', { decision: 'allow' }))
  t.match(shownAnew.text, 'Person Two', 'the person who is signed in now is asked for consent')
  t.notMatch(shownAnew.text, 'Person One')
})

t.test('two applications, one sign-in: each gets a different session id', async (t) => {
  const idp = await startSignet(t)
  const [one, two] = [await idp.client(), await idp.client({ redirect_uris: ['https://two.example/cb'] })]
  const first = await signIn(idp, one)
  const consent = await first.browser.follow(
    await first.browser.get(`/authorize?${new URLSearchParams(authorizationParameters(two, pkce()))}`),
  )
  t.match(consent.text, 'id="allow"', 'only consent is asked for, not a password')
  const second = await signIn(idp, two, { browser: first.browser, person: first.person })
  const claims = [await first.redeem(), await second.redeem()].map(({ body }) => decodeJwt(body.id_token))
  t.equal(claims[0]?.sub, claims[1]?.sub)
  t.equal(claims[0]?.['auth_time'], claims[1]?.['auth_time'])
  t.not(claims[0]?.['sid'], claims[1]?.['sid'])
  t.match(claims[0], { acr: 'aal1', amr: ['pwd'] })
})
