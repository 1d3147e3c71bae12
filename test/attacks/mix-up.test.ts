import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import t, { type Test } from 'tap'
import type { Browser, Visit } from '../support/browser.ts'
import { defaultRedirectUri, startSignet } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce } from '../support/journey.ts'

const idp = await startSignet(t)
const registration = await idp.client()
const person = await idp.person()
const browser = idp.browser()
await passPages(browser, await browser.get(`/authorize?${new URLSearchParams(parametersWith({}))}`), person)

function parametersWith(more: Record<string, string>): Record<string, string> {
  return authorizationParameters(registration, pkce(), more)
}

const ask = (parameters: Record<string, string>, by: Browser = browser) =>
  by.get(`/authorize?${new URLSearchParams(parameters)}`)

/** The parameters of an authorization response, however it reaches the client; undefined for a page. */
function responseOf({ location, text }: Visit): URLSearchParams | undefined {
  if (location?.startsWith(defaultRedirectUri)) {
    const { search, hash } = new URL(location)
    return new URLSearchParams(hash === '' ? search : hash.slice(1))
  }
  if (!text.includes('id="form-post"')) return undefined
  return new URLSearchParams(
    [...text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  )
}

t.test('every authorization response names its issuer (RFC 9207 §2)', async (t) => {
  const stranger = idp.browser()
  const denied = async (more: Record<string, string>) => {
    const page = await browser.follow(await ask(parametersWith({ ...more, prompt: 'consent' })))
    return browser.submit(page, 'allow', { decision: 'deny' })
  }
  const outcomes: Record<string, (mode: Record<string, string>) => Promise<Visit>> = {
    'a code': (mode) => ask(parametersWith(mode)),
    login_required: (mode) => ask(parametersWith({ ...mode, prompt: 'none' }), stranger),
    consent_required: (mode) => ask(parametersWith({ ...mode, prompt: 'none', scope: 'openid email' })),
    access_denied: denied,
    invalid_scope: (mode) => ask(parametersWith({ ...mode, scope: 'nobodys:scope' })),
    invalid_request: (mode) => ask(parametersWith({ ...mode, code_challenge_method: 'plain' })),
    invalid_target: (mode) => ask(parametersWith({ ...mode, resource: 'https://nobody.example' })),
    unsupported_response_type: (mode) => ask(parametersWith({ ...mode, response_type: 'token' })),
    invalid_request_object: (mode) => ask(parametersWith({ ...mode, request: 'a.b.c' })),
  }
  for (const mode of ['', 'query', 'fragment', 'form_post'])
    for (const [name, visit] of Object.entries(outcomes)) {
      const response = responseOf(await visit({ response_mode: mode }))
      const what = `${name} by ${mode || 'no mode'}`
      t.equal(response?.get(name === 'a code' ? 'code' : 'error') === null, false, `${what} is a response`)
      if (name !== 'a code') t.equal(response?.get('error'), name, what)
      t.same(response?.getAll('iss'), [idp.issuer], `${what} has one iss, exactly`)
      t.equal(response?.getAll('state').length, 1, what)
    }
  t.test('and the metadata says so (§3), so that a client can insist on it', async (t) => {
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
      const metadata = JSON.parse((await browser.get(path)).text)
      t.equal(metadata.issuer, idp.issuer)
      t.equal(metadata.authorization_response_iss_parameter_supported, true)
    }
  })
})

t.test('a request cannot choose the iss', async (t) => {
  for (const more of [
    { iss: 'https://evil.example' },
    { state: `x&iss=https://evil.example` },
    { state: 'x', nonce: '&iss=https://evil.example' },
  ] as Record<string, string>[])
    for (const mode of ['query', 'fragment', 'form_post']) {
      const response = responseOf(await ask(parametersWith({ ...more, response_mode: mode })))
      t.same(response?.getAll('iss'), [idp.issuer], JSON.stringify(more))
    }
})

/** A relying party as its authors publish it, and one of its requests, answered. */
async function relyingParty(t: Test, by: Browser = browser) {
  const config = await openid.discovery(
    new URL(idp.issuer),
    registration.client_id,
    { id_token_signed_response_alg: 'ES256' },
    openid.ClientSecretBasic(registration.secret),
    { execute: [openid.allowInsecureRequests] },
  )
  const checks = {
    pkceCodeVerifier: openid.randomPKCECodeVerifier(),
    expectedState: openid.randomState(),
    expectedNonce: openid.randomNonce(),
  }
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: defaultRedirectUri,
    scope: 'openid offline_access',
    code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
  })
  const { location } = await by.get(url.href)
  t.match(location, `${defaultRedirectUri}?code=`)
  return { config, checks, callback: new URL(location ?? '') }
}

const spent = async () =>
  (await idp.signet.database.query({ text: 'SELECT count(*) FROM authorization_codes WHERE spent_at IS NOT NULL' }))
    .rows[0]?.['count']

t.test('mix-up (RFC 9700 §4.4): a relying party sends no code to an issuer that did not issue it', async (t) => {
  const corruptions: Record<string, (callback: URL) => void> = {
    'the iss of another issuer': (callback) => callback.searchParams.set('iss', 'https://evil.example'),
    'no iss': (callback) => callback.searchParams.delete('iss'),
    'an empty iss': (callback) => callback.searchParams.set('iss', ''),
    'an iss with a slash at the end': (callback) => callback.searchParams.set('iss', `${idp.issuer}/`),
    'two of them': (callback) => callback.searchParams.append('iss', 'https://evil.example'),
  }
  for (const [name, corrupt] of Object.entries(corruptions)) {
    t.test(`openid-client refuses ${name}, before it asks for a token`, async (t) => {
      const { config, checks, callback } = await relyingParty(t)
      const before = await spent()
      corrupt(callback)
      await t.rejects(openid.authorizationCodeGrant(config, callback, checks))
      t.equal(await spent(), before)
    })
    t.test(`oauth4webapi refuses ${name}`, async (t) => {
      const { checks, callback } = await relyingParty(t)
      const issuer = new URL(idp.issuer)
      const server = await oauth.processDiscoveryResponse(
        issuer,
        await oauth.discoveryRequest(issuer, { [oauth.allowInsecureRequests]: true }),
      )
      const self = { client_id: registration.client_id }
      t.ok(oauth.validateAuthResponse(server, self, callback, checks.expectedState), 'the original response is valid')
      corrupt(callback)
      t.throws(() => oauth.validateAuthResponse(server, self, callback, checks.expectedState))
    })
  }
  t.test('and an error is believed only if it comes from the right issuer', async (t) => {
    const { config, checks, callback } = await relyingParty(t)
    callback.searchParams.delete('code')
    callback.searchParams.set('error', 'access_denied')
    const outcome = () => openid.authorizationCodeGrant(config, callback, checks).catch((error: unknown) => error)
    t.match(await outcome(), { error: 'access_denied' })
    callback.searchParams.set('iss', 'https://evil.example')
    const refused = await outcome()
    t.match(refused, Error)
    t.notMatch(refused, { error: 'access_denied' })
  })

  t.test('without interference it is valid', async (t) => {
    const { config, checks, callback } = await relyingParty(t)
    const tokens = await openid.authorizationCodeGrant(config, callback, checks)
    t.equal(tokens.claims()?.sub, person.sub)
  })
})

t.test("code injection (RFC 9700 §4.5): a stolen code in the callback of somebody else's session", async (t) => {
  // The attacker has started a sign-in and has obtained the victim's code; or the reverse.
  const attacker = await idp.person()
  const attackers = idp.browser()
  await passPages(attackers, await ask(parametersWith({}), attackers), attacker)

  /** The callback of one session with the code of the other. */
  const injected = async (t: Test) => {
    const mine = await relyingParty(t, attackers)
    const theirs = await relyingParty(t, browser)
    const callback = new URL(mine.callback)
    callback.searchParams.set('code', theirs.callback.searchParams.get('code') ?? '')
    return { mine, theirs, callback }
  }

  t.test('is refused by PKCE, and the code still works for its owner', async (t) => {
    const { mine, theirs, callback } = await injected(t)
    const refused = openid.authorizationCodeGrant(mine.config, callback, mine.checks).catch((error: unknown) => error)
    t.match(await refused, { error: 'invalid_grant', status: 400 })
    const tokens = await openid.authorizationCodeGrant(theirs.config, theirs.callback, theirs.checks)
    t.equal(tokens.claims()?.sub, person.sub)
  })

  t.test('is refused by the nonce even with the right verifier', async (t) => {
    const { mine, theirs, callback } = await injected(t)
    const checks = { ...mine.checks, pkceCodeVerifier: theirs.checks.pkceCodeVerifier }
    await t.rejects(openid.authorizationCodeGrant(mine.config, callback, checks), { message: /nonce|claim/i })
  })

  t.test('in a session without a nonce is refused because of the nonce in the token', async (t) => {
    const { mine, theirs, callback } = await injected(t)
    const { expectedNonce: _, ...withoutNonce } = { ...mine.checks, pkceCodeVerifier: theirs.checks.pkceCodeVerifier }
    await t.rejects(openid.authorizationCodeGrant(mine.config, callback, withoutNonce), { message: /nonce|claim/i })
  })

  t.test('a complete response in a browser that did not ask for one is refused by the state', async (t) => {
    const mine = await relyingParty(t, attackers)
    const theirs = await relyingParty(t, browser)
    const before = await spent()
    await t.rejects(openid.authorizationCodeGrant(mine.config, theirs.callback, mine.checks), {
      message: /state|invalid/i,
    })
    t.equal(await spent(), before, 'before a token request is sent')
  })
})
