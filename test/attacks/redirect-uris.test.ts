import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { faultsOf } from './plain-answer.ts'
import { postForm, send } from './send.ts'

const idp = await startSignet(t)

const registered = 'https://app.example/callback'

/** RFC 9700 §4.1: URIs that a sloppy comparison accepts as the registered one. */
const lookAlikes = {
  'another host': 'https://evil.example/callback',
  'the host as a subdomain': 'https://app.example.evil.example/callback',
  'the host with something before it': 'https://evilapp.example/callback',
  'the host as the user name': 'https://app.example@evil.example/callback',
  'a user name': 'https://user@app.example/callback',
  'a user name and password': 'https://user:password@app.example/callback',
  'a backslash': 'https://app.example\\@evil.example/callback',
  'a backslash instead of a slash': 'https:\\\\app.example\\callback',
  'three slashes': 'https:///app.example/callback',
  'no scheme': '//app.example/callback',
  relative: '/callback',
  'a bare word': 'callback',
  'plain http': 'http://app.example/callback',
  'the scheme in capitals': 'HTTPS://app.example/callback',
  'the host in capitals': 'https://APP.example/callback',
  'the path in capitals': 'https://app.example/Callback',
  'the default port': 'https://app.example:443/callback',
  'another port': 'https://app.example:8443/callback',
  'an empty port': 'https://app.example:/callback',
  'a dot after the host': 'https://app.example./callback',
  'a slash at the end': 'https://app.example/callback/',
  'a longer path': 'https://app.example/callback/evil',
  'a path with the same beginning': 'https://app.example/callbackevil',
  'a shorter path': 'https://app.example/',
  'dot segments that lead back': 'https://app.example/evil/../callback',
  'dot segments that lead away': 'https://app.example/callback/../evil',
  'encoded dot segments': 'https://app.example/callback/%2e%2e/evil',
  'a dot segment': 'https://app.example/./callback',
  'a doubled slash': 'https://app.example//callback',
  'an encoded letter': 'https://app.example/%63allback',
  'an encoded slash': 'https://app.example%2fcallback',
  'a query': 'https://app.example/callback?next=https://evil.example',
  'an empty query': 'https://app.example/callback?',
  'a fragment': 'https://app.example/callback#evil',
  'an empty fragment': 'https://app.example/callback#',
  'a path parameter': 'https://app.example/callback;evil',
  'a space before': ' https://app.example/callback',
  'a space after': 'https://app.example/callback ',
  'a tab within': 'https://app.ex\tample/callback',
  'a line end after': 'https://app.example/callback\r\nSet-Cookie: evil=1',
  'a letter that looks the same': 'https://\u0430pp.example/callback',
  'a full-width letter': 'https://\uff41pp.example/callback',
  'a soft hyphen': 'https://app.exam\u00adple/callback',
  'two of them': 'https://app.example/callback https://evil.example',
  'a script': 'javascript:alert(1)',
  data: 'data:text/html,evil',
  'the issuer itself': '{issuer}/sign-in',
  'a wildcard': 'https://*.example/callback',
  'built-in property names': '__proto__',
} as const

t.test('a redirect URI that differs from the registered one in any character is never used', async (t) => {
  const client = await idp.client()
  const { browser } = await signIn(idp, client)
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')

  for (const [name, text] of Object.entries(lookAlikes))
    t.test(name, async (t) => {
      const redirectUri = text.replace('{issuer}', idp.issuer)
      for (const more of [{}, { response_mode: 'fragment' }, { response_mode: 'form_post' }, { prompt: 'none' }]) {
        const parameters = authorizationParameters(client, pkce(), { ...more, redirect_uri: redirectUri })
        const encoded = new URLSearchParams(parameters).toString()
        for (const answer of [
          await send(idp, { path: `/authorize?${encoded}`, headers: { cookie } }),
          await postForm(idp, '/authorize', encoded, { cookie }),
        ]) {
          t.same(faultsOf(answer), [])
          t.match(answer, { status: 400, location: undefined })
          t.notMatch(
            answer.text.replaceAll(String(answer.headers['x-request-id']), ''),
            /<form[^>]*evil|href="[^"]*evil|href="[a-z]+:(?!\/\/)/i,
            'nor linked to',
          )
        }
      }
    })

  t.test('nor at sign-out', async (t) => {
    const bye = await idp.client({ post_logout_redirect_uris: [registered] })
    for (const [name, text] of Object.entries(lookAlikes)) {
      const parameters = { client_id: bye.client_id, post_logout_redirect_uri: text.replace('{issuer}', idp.issuer) }
      const answer = await send(idp, { path: `/logout?${new URLSearchParams(parameters)}`, headers: { cookie } })
      t.same(faultsOf(answer), [], name)
      t.match(answer, { status: 400, location: undefined }, name)
    }
  })

  t.test('a redirect URI is valid for its own client only, and so is one for sign-out', async (t) => {
    const other = await idp.client({
      redirect_uris: ['https://other.example/cb'],
      post_logout_redirect_uris: ['https://other.example/bye'],
    })
    const parameters = authorizationParameters(client, pkce(), { redirect_uri: other.redirect_uris[0] ?? '' })
    t.match(await send(idp, { path: `/authorize?${new URLSearchParams(parameters)}`, headers: { cookie } }), {
      status: 400,
    })
    const logout = { client_id: client.client_id, post_logout_redirect_uri: 'https://other.example/bye' }
    t.match(await send(idp, { path: `/logout?${new URLSearchParams(logout)}` }), { status: 400 })
  })

  t.test('a redirect URI that is removed while the person signs in is no longer used', async (t) => {
    const changing = await idp.client({ redirect_uris: [registered, 'https://app.example/old'] })
    const parameters = authorizationParameters(changing, pkce(), { redirect_uri: 'https://app.example/old' })
    const waiting = await browser.get(`/authorize?${new URLSearchParams(parameters)}`)
    const consent = await browser.follow(waiting)
    t.match(consent.text, 'id="allow"')
    await idp.changeClient(changing, 'redirect_uris = $2', [registered])
    t.match(await browser.submit(consent, 'allow', { decision: 'allow' }), { status: 400, location: undefined })
    t.match(await browser.get(waiting.location ?? ''), { status: 400, location: undefined })
    await idp.signet.database.query({ text: 'DELETE FROM clients WHERE client_id = $1', values: [changing.client_id] })
    idp.signet.clients.clear()
    t.match(await browser.submit(consent, 'deny', { decision: 'deny' }), { status: 400, location: undefined })
  })
})

t.test('the port of a loopback address may vary, but nothing else of it (RFC 8252 §7.3)', async (t) => {
  const native = {
    token_endpoint_auth_method: 'none',
    redirect_uris: ['http://127.0.0.1/cb', 'http://[::1]:80/cb?a=b'],
  } as const
  const app = await idp.client(native)
  const confidential = await idp.client({ redirect_uris: native.redirect_uris })
  const ask = async (client: typeof app, redirectUri: string) => {
    const parameters = authorizationParameters(client, pkce(), { redirect_uri: redirectUri })
    return (await send(idp, { path: `/authorize?${new URLSearchParams(parameters)}` })).status
  }
  for (const uri of [
    'http://127.0.0.1:1/cb',
    'http://127.0.0.1:65535/cb',
    'http://[::1]:4000/cb?a=b',
    'http://[::1]/cb?a=b',
  ])
    t.equal(await ask(app, uri), 303, uri)
  for (const uri of [
    'http://127.0.0.1:65536/cb',
    'http://127.0.0.1:99999/cb',
    'http://127.0.0.1:/cb',
    'http://127.0.0.1:-1/cb',
    'http://127.0.0.1:80x/cb',
    'http://127.0.0.1:4000/cb?a=b',
    'http://127.0.0.1:4000/cb#x',
    'http://127.0.0.1:4000/cb/',
    'http://127.0.0.1:4000/../cb',
    'http://127.0.0.1:4000@evil.example/cb',
    'http://user@127.0.0.1:4000/cb',
    'http://127.0.0.1.evil.example:4000/cb',
    'http://127.1:4000/cb',
    'http://2130706433/cb',
    'http://127.0.0.2:4000/cb',
    'http://localhost:4000/cb',
    'http://[::ffff:127.0.0.1]:4000/cb?a=b',
    'http://[0:0:0:0:0:0:0:1]:4000/cb?a=b',
    'https://127.0.0.1:4000/cb',
  ])
    t.equal(await ask(app, uri), 400, uri)
  t.equal(await ask(confidential, 'http://127.0.0.1:4000/cb'), 400, 'a client with a secret has a fixed port')
})

t.test('each response parameter appears once, even if an older registration has it in its query', async (t) => {
  const query = 'code=own&a=%20b+c&state=own&iss=https%3A%2F%2Fevil.example&%65rror=own&error_uri=own&a=%20d&'
  const redirectUri = `${registered}?${query}`
  // Bypasses the rules, which no longer accept it.
  const old = await idp.client({ redirect_uris: [redirectUri], post_logout_redirect_uris: [`${registered}?state=own`] })
  const person = await idp.person()
  const { browser, redeem } = await signIn(idp, old, { person })
  const asked = async (more: Record<string, string>) => {
    const parameters = authorizationParameters(old, pkce(), { state: 'sent', ...more })
    return browser.get(`/authorize?${new URLSearchParams(parameters)}`)
  }
  const names = ['code', 'state', 'iss', 'error', 'error_description', 'error_uri']
  const seen = (text: string) => {
    const all = [...new URLSearchParams(text)].filter(([name]) => names.includes(name))
    t.equal(new Set(all.map(([name]) => name)).size, all.length, `each once: ${text}`)
    return Object.fromEntries(all)
  }

  t.test('in the query', async (t) => {
    const { location = '' } = await asked({})
    t.match(seen(new URL(location).search), { state: 'sent', iss: idp.issuer, code: /^[\w-]{43}$/ })
    t.match(location, '?a=%20b+c&', 'the rest is kept exactly')
    t.match(location, '&a=%20d&')
    const refused = new URL((await asked({ response_type: 'x', state: '' })).location ?? '').search
    t.match(seen(refused), { error: 'unsupported_response_type', error_uri: /^http/, iss: idp.issuer })
  })

  t.test('in the fragment, and nowhere else', async (t) => {
    const { location = '' } = await asked({ response_mode: 'fragment' })
    const { hash, search } = new URL(location)
    t.match(seen(hash.slice(1)), { state: 'sent', iss: idp.issuer })
    t.match(
      Object.keys(seen(search)).join(),
      /^error,error_uri$/,
      'parameters that the response does not have are left to the client',
    )
  })

  t.test('in the form', async (t) => {
    const { text } = await asked({ response_mode: 'form_post' })
    const action = /<form[^>]* action="([^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    t.notMatch(action, /code=|state=|iss=/)
    t.match(action, `${registered}?a=%20b+c&`)
    t.match(text, 'name="state" value="sent"')
  })

  t.test('after signing out', async (t) => {
    const hint = (await redeem()).body.id_token
    const uri = `${registered}?state=own`
    const parameters = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: uri, state: 'sent' })
    t.match(await browser.get(`/logout?${parameters}`), { location: `${registered}?state=sent` })
  })
})

t.test('an app with its own scheme gets its code there, and the person is asked every time', async (t) => {
  const redirectUri = 'vscode://publisher.extension/callback?windowId=1'
  const editor = await idp.client({
    token_endpoint_auth_method: 'none',
    redirect_uris: [redirectUri],
    first_party: true,
  })
  const { browser, response, redeem } = await signIn(idp, editor)
  const stranger = idp.browser()
  t.match(response.get('code'), /^[\w-]{43}$/)
  t.match(await redeem(), { status: 200 })
  const parameters = authorizationParameters(editor, pkce())
  const page = await stranger.follow(await stranger.get(`/authorize?${new URLSearchParams(parameters)}`))
  t.match(page.text, 'href="vscode://publisher.extension/callback?windowId=1&amp;error=access_denied', 'the link back')
  const again = await browser.get(`/authorize?${new URLSearchParams(parameters)}`)
  const consent = await browser.follow(again)
  t.match(consent.text, 'id="allow"')
  t.match(
    consent.text,
    '<bdi class="host">vscode://publisher.extension/callback</bdi>',
    'no host that somebody else has',
  )
  const posted = { ...parameters, prompt: 'none', response_mode: 'form_post' }
  const answer = await browser.get(`/authorize?${new URLSearchParams(posted)}`)
  t.match(answer.location, /^vscode:.*error=invalid_request/, 'no browser can post a form there')
})
