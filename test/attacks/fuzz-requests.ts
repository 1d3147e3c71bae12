import { generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { randomText } from '../../src/platform/secrets/digest.ts'
import { type ClientJwks, deviceCodeGrant } from '../../src/records/clients/client.ts'
import { everyAccountPage } from '../support/account-pages.ts'
import { ofDevice, openRequest, startDevice } from '../support/device.ts'
import { basic, type Idp } from '../support/idp.ts'
import { invited } from '../support/invitations.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import type { Sent } from './send.ts'

const formType = 'application/x-www-form-urlencoded'

const paths = [
  ...['/', '/authorize', '/sign-in', '/sign-up', '/consent', '/logout', '/logout/confirm', '/no-such-path'],
  ...['/account', '/account/profile', '/account/sign-in', '/account/password', '/account/sessions/end'],
  ...['/account/security', '/account/sessions', '/account/applications', '/account/avatar'],
  ...['/account/avatar/remove', '/avatars/AAAAAAAAAAAAAAAAAAAAAA', '/avatars/x'],
  ...['/account/applications/disconnect', '/token', '/userinfo', '/introspect', '/revoke', '/healthz', '/readyz'],
  ...['/device_authorization', '/device', '/device/decision', '/par'],
  ...['/assets/signet.css', '/assets/form-post.js', '/.well-known/jwks.json'],
  ...['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'],
]

const names = [
  ...['client_id', 'client_secret', 'client_assertion', 'client_assertion_type', 'redirect_uri', 'response_type'],
  ...['response_mode', 'scope', 'state', 'nonce', 'prompt', 'max_age', 'code_challenge', 'code_challenge_method'],
  ...['id_token_hint', 'login_hint', 'ui_locales', 'resource', 'grant_type', 'code', 'code_verifier', 'refresh_token'],
  ...['access_token', 'token', 'token_type_hint', 'request', 'request_uri', 'continue', 'csrf', 'account', 'decision'],
  ...['select', 'username', 'password', 'name', 'email', 'post_logout_redirect_uri', 'confirm-password', 'notice'],
  ...['current-password', 'new-password', 'session', 'others', 'nickname', 'birthdate', 'website', 'locality'],
  ...['device_code', 'user_code', 'shown', 'access', 'done', 'invitation'],
  ...['__proto__', 'constructor', 'toString', 'a[b]', ''],
]

const words = [
  ...['http://127.0.0.1:5000/cb', 'code', 'token', 'form_post', 'fragment', 'login', 'consent', 'create', 'allow'],
  ...['openid profile', '0', '-1', '9'.repeat(30), 'plain', 'en de', '__proto__', 'access_token', 'refresh_token'],
]

/** A valid request, to be corrupted a little. Its parameters are generated each time, because an assertion can be used only once. */
interface Good {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly parameters: () => Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

export interface Material {
  readonly good: readonly Good[]
  /** Headers with which a request gets far before it fails. */
  readonly values: readonly string[]
  readonly headers: { readonly cookie: readonly string[]; readonly authorization: readonly string[] }
  /** Secrets that requests may contain, but responses only if they repeat their own request. */
  readonly secrets: ReadonlyMap<string, string>
}

/** Clients, people, a session, codes and tokens for use in requests. They wear out: a replay ends grants, a sign-out sessions. */
export async function makeMaterial(idp: Idp): Promise<Material> {
  const confidential = await idp.client({ grant_types: ['authorization_code', 'refresh_token', 'client_credentials'] })
  const open = await idp.client({ token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/cb'] })
  const keyed = await keyedClient(idp)
  const television = await idp.client(ofDevice)
  const journey = await signIn(idp, confidential)
  const { browser, person } = journey
  const unused = await signIn(idp, confidential, journey)
  const away = await signIn(idp, open, { person })
  const tokens = (await journey.redeem()).body
  const others = (await away.redeem()).body
  const parameters = authorizationParameters(confidential, pkce())
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const asked = await idp.browser().get(`/authorize?${new URLSearchParams(parameters)}`)
  const sealed = new URL(asked.location ?? '').searchParams.get('continue') ?? ''
  const consent = await browser.follow(
    await browser.get(`/authorize?${new URLSearchParams({ ...parameters, prompt: 'consent' })}`),
  )
  const invitation = (await invited(idp, `invited-${randomText(6)}@example.com`)).split('=')[1] ?? ''
  const device = await startDevice(idp, television)
  const { device_code, user_code } = device.issued
  const deviceConsent = await openRequest(browser, person, device)
  const authorization = basic(confidential.client_id, confidential.secret ?? '')
  const bearer = `Bearer ${tokens.access_token}`
  const own = { origin: idp.issuer, cookie }
  const redemption = { grant_type: 'authorization_code', code: unused.code, code_verifier: unused.pkce.verifier }

  const get = (path: string, form: Record<string, string>, headers = {}): Good => ({
    method: 'GET',
    path,
    parameters: () => form,
    headers,
  })
  const post = (path: string, form: Record<string, string> | (() => Record<string, string>), headers = {}): Good => ({
    method: 'POST',
    path,
    parameters: typeof form === 'function' ? form : () => form,
    headers,
  })
  const typed: Record<string, Record<string, string>> = {
    '/account/profile': { nickname: 'Nick', website: 'https://example.com/me', birthdate: '1990-01-01' },
    '/account/sign-in': { 'confirm-password': person.password },
    '/account/password': { 'current-password': person.password, 'new-password': 'short' },
  }
  const good = [
    get('/authorize', parameters, { cookie }),
    get('/authorize', { ...parameters, prompt: 'none', response_mode: 'form_post' }, { cookie }),
    get('/authorize', { ...parameters, response_mode: 'fragment', max_age: '0' }, { cookie }),
    post('/authorize', { ...parameters, id_token_hint: tokens.id_token, max_age: '9' }),
    get('/sign-in', { continue: sealed }),
    post('/sign-in', { continue: sealed, select: '1' }, own),
    post('/sign-in', { username: 'nobody', password: 'wrong' }, own),
    post('/sign-up', { name: 'N', email: 'n@example.com', password: 'short' }, own),
    get('/sign-up', { invitation }),
    post('/sign-up', { invitation, name: 'N', password: 'short' }, own),
    get('/consent', { continue: sealed }, { cookie }),
    post('/consent', { continue: sealed, account: 'x', decision: 'deny' }, own),
    ...formsOf(consent.text).map(({ action, inputs }) => post(action, { ...inputs, decision: 'allow' }, own)),
    get('/logout', { client_id: confidential.client_id, state: 's' }, { cookie }),
    post('/logout', { id_token_hint: tokens.id_token }),
    post('/logout/confirm', {}, { origin: idp.issuer }),
    get('/account', { notice: 'profile-saved' }, { cookie }),
    ...formsOf((await everyAccountPage(browser)).text)
      .filter(({ action }) => action.startsWith('/account/'))
      .map(({ action, inputs }) => post(action, { ...inputs, ...typed[action] }, own)),
    post('/token', { ...redemption, redirect_uri: parameters['redirect_uri'] ?? '' }, { authorization }),
    post(
      '/token',
      { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, scope: 'openid' },
      { authorization },
    ),
    post('/token', { grant_type: 'client_credentials' }, { authorization }),
    post('/token', { ...redemption, client_id: open.client_id }),
    post('/token', { grant_type: 'refresh_token', refresh_token: others.refresh_token, client_id: open.client_id }),
    post('/token', () => ({ grant_type: 'client_credentials', ...keyed.assertion() })),
    post('/par', authorizationParameters(open, pkce())),
    post('/par', { client_id: open.client_id, request: 'e30.e30.e30' }),
    post('/device_authorization', { client_id: television.client_id, scope: 'openid' }),
    get('/device', { user_code }, { cookie }),
    post('/device', { user_code }, own),
    ...formsOf(deviceConsent.text).map(({ action, inputs }) => post(action, { ...inputs, decision: 'allow' }, own)),
    post('/token', { grant_type: deviceCodeGrant, device_code, client_id: television.client_id }),
    post('/introspect', { token: tokens.access_token, token_type_hint: 'access_token' }, { authorization }),
    post('/introspect', { token: tokens.refresh_token }, { authorization }),
    post('/introspect', () => ({ token: tokens.access_token, ...keyed.assertion() })),
    post('/revoke', { token: others.access_token, client_id: open.client_id }),
    post('/revoke', { token: others.refresh_token }, { authorization }),
    post('/revoke', () => ({ token: others.refresh_token, token_type_hint: 'refresh_token', ...keyed.assertion() })),
    get('/userinfo', {}, { authorization: bearer }),
    post('/userinfo', { access_token: tokens.access_token }),
  ]
  return {
    good,
    values: [
      ...good.flatMap(({ parameters: made }) => Object.values(made())),
      ...[confidential.secret ?? '', idp.issuer, person.username, person.email, person.password, away.code],
      ...words,
    ],
    headers: {
      cookie: [cookie, `${idp.cookieNames.session}=x`, '=;;,'],
      authorization: [authorization, bearer, 'Basic ///', basic(confidential.client_id, 'wrong')],
    },
    secrets: new Map([
      ['the client secret', confidential.secret ?? ''],
      ["the client's private key", keyed.privateMember],
      ['the password', person.password],
      ['the unused code', unused.code],
      ['its verifier', unused.pkce.verifier],
      ['the used code', away.code],
      ['the device code', device_code],
      ['the invitation', invitation],
      ...[...browser.cookies].map(([name, value]) => [`the cookie ${name}`, value] as const),
      ...[...away.browser.cookies].map(([name, value]) => [`the cookie ${name} of another browser`, value] as const),
      // The signature is unique to each JWT.
      ...(['access_token', 'id_token'] as const).flatMap((name) => [
        [`the ${name}`, signatureOf(tokens[name])] as const,
        [`the other ${name}`, signatureOf(others[name])] as const,
      ]),
      ['the refresh token', tokens.refresh_token],
      ['the other refresh token', others.refresh_token],
    ]),
  }
}

export const signatureOf = (jwt: string): string => jwt.split('.')[2] ?? ''

/** A client that signs assertions (RFC 7523), each of which can be used once. */
async function keyedClient(idp: Idp) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomText(8)
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' } as ClientJwks['keys'][number]
  const { client_id: id } = await idp.client({
    token_endpoint_auth_method: 'private_key_jwt',
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    jwks: { keys: [jwk] },
  })
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const assertion = () => {
    const exp = Math.floor(Date.now() / 1000) + 60
    const input = `${part({ alg: 'ES256', kid })}.${part({ iss: id, sub: id, aud: idp.issuer, jti: randomText(16), exp })}`
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: `${input}.${signature.toString('base64url')}`,
    }
  }
  return { assertion, privateMember: privateKey.export({ format: 'jwk' }).d ?? '' }
}

/** Every form of a page, with the values of its fields and buttons. */
function formsOf(html: string): { readonly action: string; readonly inputs: Record<string, string> }[] {
  return [...html.matchAll(/<form\b[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)].map(
    ([, action = '', content]) => ({
      action,
      inputs: Object.fromEntries(
        [...(content ?? '').matchAll(/<(?:input|button)\b([^>]*)>/g)].flatMap(([, attributes = '']) => {
          const name = /\bname="([^"]*)"/.exec(attributes)?.[1]
          return name === undefined ? [] : [[name, /\bvalue="([^"]*)"/.exec(attributes)?.[1] ?? '']]
        }),
      ),
    }),
  )
}

/** An encoded parameter: meaningful, arbitrary, or unreadable. */
function hostileValue(values: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...values).map(encodeURIComponent) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary' }).map(encodeURIComponent) },
    { weight: 1, arbitrary: fc.constantFrom('%00', '%ff', '%', '%zz', '%ed%a0%80', '+', '%0d%0aa:b', '%2500') },
    { weight: 1, arbitrary: fc.constantFrom('x'.repeat(1800), '%22'.repeat(600), encodeURIComponent('\ud83d\ude00')) },
    { weight: 1, arbitrary: fc.constantFrom(...values).map((value) => encodeURIComponent(value.slice(1))) },
  )
}

/** A valid request with some of its parameters removed, and others added or replaced. */
function corruptedRequest({ good, values }: Material): fc.Arbitrary<Sent> {
  const change = fc.tuple(fc.constantFrom(...names), fc.option(hostileValue(values), { nil: undefined }))
  return fc.tuple(fc.constantFrom(...good), fc.array(change, { maxLength: 3 })).map(([request, changes]) => {
    const { method, path, parameters, headers = {} } = request
    const pairs = new Map(Object.entries(parameters()).map(([name, value]) => [name, encodeURIComponent(value)]))
    for (const [name, value] of changes)
      if (value === undefined) pairs.delete(name)
      else pairs.set(name, value)
    const form = [...pairs].map(([name, value]) => `${name}=${value}`).join('&')
    return method === 'GET'
      ? { method, path: `${path}?${form}`, headers }
      : { method, path, headers: { ...headers, 'content-type': formType }, body: form }
  })
}

/** Any method, path, parameters and headers. */
function arbitraryRequest(issuer: string, { values, headers }: Material): fc.Arbitrary<Sent> {
  const pair = fc.tuple(fc.constantFrom(...names), hostileValue(values)).map(([name, value]) => `${name}=${value}`)
  // Few enough to keep the address within Node's limit: longer ones are tested in huge-headers.test.ts.
  const form = fc.array(pair, { maxLength: 8 }).map((pairs) => pairs.join('&'))
  const maybe = <V>(arbitrary: fc.Arbitrary<V>) => fc.option(arbitrary, { nil: undefined })
  return fc
    .record({
      method: fc.constantFrom('GET', 'GET', 'POST', 'POST', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'),
      path: fc.constantFrom(...paths),
      query: maybe(form),
      body: maybe(fc.oneof({ weight: 8, arbitrary: form }, { weight: 1, arbitrary: fc.constant('{"a":1}') })),
      type: fc.constantFrom(formType, formType, formType, 'application/json', 'text/plain', 'x', 'multipart/form-data'),
      origin: maybe(fc.constantFrom(issuer, issuer, 'https://evil.example', 'null')),
      cookie: maybe(fc.constantFrom(...headers.cookie)),
      authorization: maybe(fc.constantFrom(...headers.authorization)),
      accept: maybe(fc.constantFrom('text/html', 'application/json', '*/*')),
    })
    .map(({ method, path, query, body, type, ...more }) => ({
      method,
      path: query === undefined ? path : `${path}?${query}`,
      headers: {
        ...(body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
        ...Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)),
      },
      ...(body === undefined ? {} : { body }),
    }))
}

/** Requests made of good and bad parts. The same seed makes the same choices, whatever the material. */
export function hostileRequest(issuer: string, material: Material): fc.Arbitrary<Sent> {
  return fc.oneof(
    { weight: 2, arbitrary: corruptedRequest(material) },
    { weight: 1, arbitrary: arbitraryRequest(issuer, material) },
  )
}
