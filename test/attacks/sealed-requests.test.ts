import t from 'tap'
import { openContinueValue, sealRequest } from '../../src/interaction/continue-value.ts'
import { sealLogoutRequest } from '../../src/pages/sign-out/logout-request.ts'
import { sealText } from '../../src/platform/secrets/purpose-secrets.ts'
import { parseParameters } from '../../src/protocol/http/parameters.ts'
import { type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm, send } from './send.ts'

const idp = await startSignet(t)

const continueIn = (location: string | undefined) =>
  new URL(location ?? '', 'http://x').searchParams.get('continue') ?? ''

const authorize = (client: TestClient, more: Record<string, string> = {}) =>
  `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`

/** Everything that accepts a `continue` value, by GET and by our own forms. */
const takers: Record<string, (idp: Idp, value: string) => Promise<Answer>> = {
  'GET /authorize': (idp, value) => send(idp, { path: `/authorize?${new URLSearchParams({ continue: value })}` }),
  'GET /sign-in': (idp, value) => send(idp, { path: `/sign-in?${new URLSearchParams({ continue: value })}` }),
  'GET /sign-up': (idp, value) => send(idp, { path: `/sign-up?${new URLSearchParams({ continue: value })}` }),
  'GET /consent': (idp, value) => send(idp, { path: `/consent?${new URLSearchParams({ continue: value })}` }),
  'POST /sign-in': (idp, value) => submitted(idp, '/sign-in', { continue: value, username: 'x', password: 'x' }),
  'POST /sign-in, continuing as the person who is signed in': (idp, value) =>
    submitted(idp, '/sign-in', { continue: value, select: '1' }),
  'POST /sign-up': (idp, value) => submitted(idp, '/sign-up', { continue: value, email: 'a@b.example', password: 'x' }),
  'POST /consent': (idp, value) => submitted(idp, '/consent', { continue: value, decision: 'allow' }),
}
const logoutTakers: typeof takers = {
  'GET /logout': (idp, value) => send(idp, { path: `/logout?${new URLSearchParams({ continue: value })}` }),
  'POST /logout/confirm': (idp, value) => submitted(idp, '/logout/confirm', { continue: value }),
}

/** When the request in a `continue` value was received. */
function receivedAtOf(value: string): number | undefined {
  const continued = openContinueValue(idp.signet.secrets['request-sealing'], value, Date.now())
  return continued?.kind === 'authorization' ? continued.pending.receivedAt : undefined
}

function submitted(idp: Idp, path: string, form: Record<string, string>): Promise<Answer> {
  return postForm(idp, path, new URLSearchParams(form).toString(), { origin: idp.issuer })
}

t.test('a continue value that was not sealed here, for this purpose, in this form, leads nowhere', async (t) => {
  const client = await idp.client({ post_logout_redirect_uris: ['https://app.example/bye'] })
  const sealed = continueIn((await send(idp, { path: authorize(client) })).location)
  const bytes = Buffer.from(sealed, 'base64url')
  const logout = sealLogoutRequest(idp.signet, parseParameters(`client_id=${client.client_id}`))
  const flipped = (at: number) => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy.toString('base64url')
  }
  const anywhere = 'https://evil.example/'
  const forged: Record<string, string> = {
    'an address': anywhere,
    'an address without a scheme': '//evil.example/',
    'an address with backslashes': '/\\evil.example/',
    'a path': '/account',
    'a script': 'javascript:alert(1)',
    'an encoded address': Buffer.from(anywhere).toString('base64url'),
    'an unsealed request': Buffer.from(JSON.stringify([[['redirect_uri', anywhere]], [], Date.now(), null])).toString(
      'base64url',
    ),
    'an unknown version': flipped(0),
    'a future version': flipped(1),
    'a bit of the nonce flipped': flipped(2),
    'a bit of the request flipped': flipped(40),
    'a bit of the seal flipped': flipped(bytes.length - 1),
    'the first half': sealed.slice(0, sealed.length / 2),
    'all but the end': sealed.slice(0, -4),
    'twice in a row': sealed + sealed,
    'a line end': `${sealed}\r\nlocation: ${anywhere}`,
    'a dot after it': `${sealed}.`,
    'a built-in property name': '__proto__',
    'sealed for another purpose': sealText(idp.signet.secrets['csrf'], 'x', 'authorization-request'),
    'eight kilobytes': 'A'.repeat(8192),
    'four letters': 'AAAA',
    "another installation's": sealText(
      { current: 1, versions: new Map([[1, Buffer.alloc(32)]]) },
      '[[],[],0,null]',
      'authorization-request',
    ),
  }
  const leadsNowhere = (answer: Answer) => {
    t.same(faultsOf(answer), [])
    t.match(answer, { status: 400, location: undefined })
    t.notMatch(answer.text, 'evil.example')
    t.match(answer.text, 'href="/"', 'but the page is not a dead end')
  }
  for (const [name, value] of Object.entries(forged))
    t.test(name, async () => {
      for (const take of Object.values({ ...takers, ...logoutTakers })) leadsNowhere(await take(idp, value))
    })
  t.test('a sealed sign-out where a sign-in is expected', async () => {
    for (const take of Object.values(takers)) leadsNowhere(await take(idp, logout))
  })
  t.test('a sealed sign-in where a sign-out is expected', async () => {
    for (const take of Object.values(logoutTakers)) leadsNowhere(await take(idp, sealed))
  })
})

t.test('a sealed request carries no authority', async (t) => {
  const client = await idp.client()
  const secret = idp.signet.secrets['request-sealing']
  const person = await idp.person()
  const answered = (location: string | undefined) => new URL(location ?? '', 'http://x').searchParams

  t.test('the request of somebody who is signed in shows a stranger the sign-in page', async (t) => {
    const { browser } = await signIn(idp, client, { person })
    const value = continueIn((await browser.get(authorize(client, { prompt: 'consent' }))).location)
    const answer = await send(idp, { path: `/consent?continue=${value}` })
    t.match(answer.location, /^\/authorize\?continue=/)
    t.match((await send(idp, { path: answer.location ?? '' })).location, /^\/sign-in\?continue=/)
  })

  t.test('it is checked again at each use: without the only scope that it asked for, it is refused', async (t) => {
    const losing = await idp.client()
    const value = continueIn((await send(idp, { path: authorize(losing, { scope: 'email' }) })).location)
    await idp.changeClient(losing, "scope = 'openid'")
    const answer = await send(idp, { path: `/sign-in?continue=${value}` })
    t.equal(answered(answer.location).get('error'), 'invalid_scope')
  })

  t.test('a sign-in from before the request never satisfies prompt=login, however it is passed on', async (t) => {
    const { browser } = await signIn(idp, client, { person })
    const value = continueIn((await browser.get(authorize(client, { prompt: 'login' }))).location)
    for (const path of ['/authorize', '/consent']) {
      const visit = await browser.follow(await browser.get(`${path}?continue=${value}`))
      t.match(visit.text, 'id="sign-in"')
      t.notMatch(visit.text, 'id="continue-as"')
    }
    const page = await browser.get(`/sign-in?continue=${value}`)
    const skipped = await browser.follow(
      await browser.post('/sign-in', {
        continue: /name="continue" value="([^"]*)"/.exec(page.text)?.[1] ?? '',
        select: '1',
      }),
    )
    t.match(skipped.text, 'id="sign-in"', 'nor does continuing as the person who is signed in')
    t.ok(answered((await passPages(browser, skipped, person)).location).get('code'))
  })

  t.test('an old prompt=login does not satisfy a new one', async (t) => {
    const { browser } = await signIn(idp, client, { person })
    const old = continueIn((await browser.get(authorize(client, { prompt: 'login' }))).location)
    await passPages(browser, await browser.get(`/authorize?continue=${old}`), person)
    const anew = await browser.get(authorize(client, { prompt: 'login' }))
    t.match(anew.location, '/sign-in?continue=')
    const [was, is] = [old, continueIn(anew.location)].map(receivedAtOf)
    t.ok((is ?? 0) > (was ?? 0), 'the moment belongs to this request')
  })

  t.test('max_age is counted from the request, and resealing on the way does not extend it', async (t) => {
    const { browser } = await signIn(idp, client, { person })
    const first = continueIn((await browser.get(authorize(client, { max_age: '0' }))).location)
    const page = await browser.get(`/sign-in?continue=${first}`)
    const second = /name="continue" value="([^"]*)"/.exec(page.text)?.[1] ?? ''
    t.not(second, first)
    const [one, other] = [first, second].map(receivedAtOf)
    t.ok(one)
    t.equal(one, other)
    t.match((await browser.get(`/authorize?continue=${second}`)).location, '/sign-in?continue=')
  })

  t.test('an account that one person chose is not chosen for another', async (t) => {
    const { browser } = await signIn(idp, client, { person })
    const other = await signIn(idp, client)
    const asked = continueIn((await browser.get(authorize(client, { prompt: 'select_account' }))).location)
    const chosen = await browser.post('/sign-in', { continue: asked, select: '1' })
    t.ok(answered((await browser.get(chosen.location ?? '')).location).get('code'))
    const visit = await other.browser.get(`/authorize?continue=${continueIn(chosen.location)}`)
    t.match(visit.location, '/sign-in?continue=')
  })

  t.test('prompt=none gets a response, and never a page', async (t) => {
    const value = sealRequest(secret, {
      parameters: parseParameters(authorize(client, { prompt: 'none' }).split('?')[1] ?? ''),
      receivedAt: Date.now(),
      selected: undefined,
      isSigned: false,
      pushed: undefined,
    })
    for (const [name, take] of Object.entries(takers)) {
      const { location } = await take(idp, value)
      t.equal(answered(location).get('error'), 'login_required', name)
    }
  })

  t.test('after an hour the page says so and leads back to the application, but nowhere else', async (t) => {
    const sealedAgo = (minutes: number) =>
      sealRequest(secret, {
        parameters: parseParameters(authorize(client, { state: 'the-state' }).split('?')[1] ?? ''),
        receivedAt: Date.now() - minutes * 60_000,
        selected: undefined,
        isSigned: false,
        pushed: undefined,
      })
    t.match(await takers['GET /authorize']?.(idp, sealedAgo(59)), { status: 303 })
    for (const [name, take] of Object.entries(takers)) {
      const answer = await take(idp, sealedAgo(61))
      t.same(faultsOf(answer), [], name)
      t.match(answer, { status: 400, location: undefined }, name)
      const href = (/<a class="button primary" href="([^"]*)"/.exec(answer.text)?.[1] ?? '').replaceAll('&amp;', '&')
      t.match(href, /^https:\/\/app\.example\/callback\?/, name)
      t.equal(answered(href).get('error'), 'access_denied')
      t.equal(answered(href).get('state'), 'the-state')
      t.equal(answered(href).get('iss'), idp.issuer)
    }
    await idp.changeClient(client, "redirect_uris = '{https://app.example/new}'")
    const answer = await takers['GET /authorize']?.(idp, sealedAgo(61))
    t.match(answer?.status, 400)
    t.notMatch(answer?.text, 'app.example', 'not to a redirect URI that was removed meanwhile')
  })
})

t.test('a request of the maximum size works at every step', async (t) => {
  const client = await idp.client()
  // Characters that grow most: those that a form encodes and JSON escapes.
  const state = '"'.repeat(1365)
  const { response } = await signIn(idp, client, { parameters: { state } })
  t.equal(response.get('state'), state)
})

t.test('an authorization request by GET writes nothing', async (t) => {
  const client = await idp.client()
  const counts = async () => {
    const tables = ['sessions', 'grants', 'authorization_codes', 'consents', 'events', 'rate_limits', 'accounts']
    const sums = tables.map((table) => `(SELECT count(*) FROM ${table}) AS ${table}`)
    return (await idp.signet.database.query({ text: `SELECT ${sums.join(', ')}` })).rows[0]
  }
  const before = await counts()
  const browser = idp.browser()
  await browser.follow(await browser.get(authorize(client)))
  await browser.follow(await browser.get(authorize(client, { prompt: 'create' })))
  await browser.get(authorize(client, { prompt: 'none' }))
  await browser.get(authorize(client, { response_mode: 'form_post', prompt: 'none' }))
  t.same(await counts(), before)
})
