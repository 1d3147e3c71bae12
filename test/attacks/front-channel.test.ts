import { decodeJwt } from 'jose'
import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { KeysUnavailable } from '../../src/key-ring/key-ring.ts'
import { openGrant } from '../../src/operations/open-grant.ts'
import { digest } from '../../src/platform/secrets/digest.ts'
import { contentsOf, type ResponseType, responseTypes } from '../../src/protocol/oidc-values.ts'
import { grantTypesFor } from '../../src/records/clients/grant-and-response-types.ts'
import { noClaims } from '../../src/records/grants/claims-of-request.ts'
import { findSession } from '../../src/records/sessions/sessions-store.ts'
import { type Browser, formsOf } from '../support/browser.ts'
import { defaultRedirectUri, type Idp, type Person, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce } from '../support/journey.ts'
import { register } from '../support/registration.ts'
import { clientKey, push, withRequestUri } from '../support/request-objects.ts'

/*
 * Tokens that come from the authorization endpoint (OpenID Connect Core §3.2, §3.3). Nobody must get them who did not register for them, and they must never be
 * where they leak: in a query, in a cache, in the log, or in a form of our own pages.
 */
const idp = await startSignet(t, { SIGNET_LEGACY_RESPONSE_TYPES: 'on', SIGNET_REGISTRATION: 'open' })
/** A node of the same installation on which the setting is off, as while it is being changed. */
const off = await idp.another({ SIGNET_LEGACY_RESPONSE_TYPES: 'off' })
const { database } = idp.signet
const older = responseTypes.filter((type) => type !== 'code')

/** A client that is registered for these response types, and the grant types that they need. */
const registeredFor = (types: readonly ResponseType[], more: Parameters<Idp['client']>[0] = {}) =>
  idp.client({
    ...{ response_types: types, grant_types: [...new Set(types.flatMap(grantTypesFor)), 'refresh_token'] },
    ...{ first_party: true, ...more },
  })
const forAll = await registeredFor(responseTypes)

const asking = (type: string, more: Record<string, string> = {}) => ({
  response_type: type,
  nonce: 'the-nonce',
  ...more,
})
const urlFor = (client: TestClient, parameters: Record<string, string>) =>
  `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), parameters))}`

/** A browser in which somebody has signed in. */
async function signedIn(at = idp): Promise<{ browser: Browser; person: Person }> {
  const [browser, person] = [at.browser(), await idp.person({ name: 'Ada Lovelace' })]
  await passPages(browser, await browser.get('/sign-in'), person)
  return { browser, person }
}
const { browser: ada } = await signedIn()
const atOff = await signedIn(off)

/** Where a response is, and what it contains. */
function read(location = ''): { where: string; values: Record<string, string> } {
  const url = new URL(location, 'http://page')
  const where = url.hash === '' ? (url.host === 'page' ? 'page' : 'query') : 'fragment'
  return {
    where,
    values: Object.fromEntries(where === 'fragment' ? new URLSearchParams(url.hash.slice(1)) : url.searchParams),
  }
}

/** The error of a request, with where it was sent and which entry of the registry it is. */
async function refusalOf(client: TestClient, parameters: Record<string, string>, browser = ada): Promise<string> {
  const { location } = await browser.get(urlFor(client, { prompt: 'none', ...parameters }))
  const { where, values } = read(location)
  for (const name of ['code', 'access_token', 'id_token']) if (values[name]) return `${where}: ${name}`
  return `${where}: ${values['error']} ${values['error_uri']?.split('#')[1]}`
}

const userinfo = (token: string) =>
  fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } }).then(({ status }) => status)

t.test(
  'a response type that the client is not registered for is refused, whatever else it is registered for',
  async (t) => {
    for (const registered of responseTypes) {
      const client = await registeredFor([registered])
      for (const type of responseTypes) {
        if (type === registered) continue
        const where = type === 'code' ? 'query' : 'fragment'
        const expected =
          type === 'code' && !contentsOf(registered).code
            ? 'query: unauthorized_client authorization_code_not_registered'
            : `${where}: unauthorized_client response_type_not_registered`
        t.equal(await refusalOf(client, asking(type)), expected, `${registered}, asked for ${type}`)
      }
    }
  },
)

t.test('what is no response type is none, however it is written', async (t) => {
  const unsupported = 'unsupported_response_type response_type_unsupported'
  for (const type of ['token', 'id_token id_token', 'id_token  token', ' id_token', 'id_token token code code'])
    t.equal(await refusalOf(forAll, asking(type)), `fragment: ${unsupported}`, type)
  for (const type of ['none', 'ID_TOKEN', 'id_token,token', 'id_token\u00a0token'])
    t.equal(await refusalOf(forAll, asking(type)), `query: ${unsupported}`, type)
  const { location } = await ada.get(urlFor(forAll, asking('token  id_token')))
  t.equal(read(location).values['error'], 'unsupported_response_type')
  const turned = await ada.get(urlFor(forAll, asking('token id_token code')))
  t.match(read(turned.location).values, { code: String, access_token: String, id_token: String }, 'the order is free')
})

t.test('with the setting off nobody gets tokens, also not by a request that was pushed while it was on', async (t) => {
  for (const type of older) {
    const client = await registeredFor([type])
    const expected = 'fragment: unsupported_response_type response_type_turned_off'
    t.equal(await refusalOf(client, asking(type), atOff.browser), expected, type)
    t.equal(
      await refusalOf(await registeredFor(['code']), asking(type), atOff.browser),
      'fragment: unsupported_response_type response_type_unsupported',
      'and a client that has only codes does not learn more than before',
    )
    const { body } = await push(idp, client, authorizationParameters(client, pkce(), asking(type)))
    const { location } = await atOff.browser.get(withRequestUri(client, body.request_uri))
    t.match(read(location), { where: 'fragment', values: { error: 'unsupported_response_type', code: undefined } })
  }
  const metadata = await (
    await fetch(`${off.issuer.replace(/:\d+$/, '')}:${off.signet.settings.port}/.well-known/openid-configuration`)
  ).json()
  t.same(metadata.response_types_supported, ['code'])
  t.notOk(metadata.claims_supported.includes('c_hash'))
  t.notOk(metadata.grant_types_supported.includes('implicit'))
})

t.test('a client that registers itself gets them only with the setting on, and never with HS256', async (t) => {
  const asked = { response_types: ['code', 'token id_token'], grant_types: ['authorization_code', 'implicit'] }
  const own = { client_name: 'Notes', redirect_uris: [defaultRedirectUri], ...asked }
  const on = await register(idp, own)
  t.match([on.status, on.body], [201, { response_types: ['code', 'id_token token'] }])
  const port = { issuer: `http://localhost:${off.signet.settings.port}` } as Idp
  const without = await register(port, own)
  t.match([without.status, without.body], [201, { response_types: ['code'], grant_types: ['authorization_code'] }])
  const hs256 = await register(idp, { ...own, id_token_signed_response_alg: 'HS256' })
  t.match([hs256.status, hs256.body], [400, { error: 'invalid_client_metadata', error_description: /HS256/ }])
  for (const uri of ['http://127.0.0.1/cb', 'http://app.example/cb']) {
    const { status, body } = await register(idp, { ...own, application_type: 'web', redirect_uris: [uri] })
    t.match([status, body], [400, { error: 'invalid_redirect_uri' }], uri)
  }
})

t.test('response_mode=query gets no tokens, before or after sign-in, by GET, by POST or pushed', async (t) => {
  for (const type of older) {
    const query = asking(type, { response_mode: 'query' })
    t.equal(await refusalOf(forAll, query), 'fragment: invalid_request response_mode_query_refused', type)
    const stranger = idp.browser()
    t.equal(await refusalOf(forAll, query, stranger), 'fragment: invalid_request response_mode_query_refused', type)
    const posted = await ada.follow(await ada.post('/authorize', authorizationParameters(forAll, pkce(), query)))
    t.match(read(posted.location), { where: 'fragment', values: { error: 'invalid_request' } })
    const { status, body } = await push(idp, forAll, authorizationParameters(forAll, pkce(), query))
    t.match([status, body.error, body.error_uri], [400, 'invalid_request', /#response_mode_query_refused$/])
  }
})

t.test('an ID token is issued only with a nonce, which it contains', async (t) => {
  for (const type of older) {
    const outcome = await refusalOf(forAll, asking(type, { nonce: '' }))
    if (contentsOf(type).idToken) t.equal(outcome, 'fragment: invalid_request nonce_missing', type)
    else t.equal(outcome, 'fragment: code', type)
  }
  const { values } = read((await ada.get(urlFor(forAll, asking('id_token', { nonce: 'a&b"c' })))).location)
  t.equal(decodeJwt(values['id_token'] ?? '')['nonce'], 'a&b"c')
})

t.test('without openid there is nothing but a code', async (t) => {
  for (const type of older)
    for (const scope of ['profile', 'profile offline_access', 'offline_access'])
      t.equal(await refusalOf(forAll, asking(type, { scope })), 'fragment: invalid_scope openid_missing', type)
})

t.test('PKCE is needed for every code, and for nothing else', async (t) => {
  const app = await registeredFor(responseTypes, { token_endpoint_auth_method: 'none' })
  for (const type of responseTypes) {
    const outcome = await refusalOf(app, asking(type, { code_challenge: '', code_challenge_method: '' }))
    const plain = await refusalOf(app, asking(type, { code_challenge_method: 'plain' }))
    if (contentsOf(type).code) {
      t.match(outcome, /: invalid_request code_challenge_missing$/, type)
      t.match(plain, /: invalid_request code_challenge_method_unsupported$/, type)
    } else
      t.same(
        [outcome, plain],
        contentsOf(type).accessToken ? Array(2).fill('fragment: access_token') : Array(2).fill('fragment: id_token'),
      )
  }
})

t.test(
  'tokens are in a fragment or a form, are never cached, and get into neither the log nor the database',
  async (t) => {
    for (const type of older) {
      const answer = await ada.get(urlFor(forAll, asking(type)))
      const { where, values } = read(answer.location)
      t.equal(where, 'fragment')
      t.equal(new URL(answer.location ?? '').search, '', 'nothing is in the query, which browsers send as the referrer')
      t.match([answer.status, answer.headers.get('cache-control')], [303, 'no-store'], type)
      const form = await ada.get(urlFor(forAll, asking(type, { response_mode: 'form_post' })))
      t.match([form.status, form.headers.get('cache-control')], [200, 'no-store'], type)
      t.equal(form.location, undefined)
      const { action, inputs } = formsOf(form.text)[0]!
      t.equal(action, defaultRedirectUri)
      t.same(Object.keys(inputs), Object.keys(values), 'the form has the same')
      const { code, idToken, accessToken } = contentsOf(type)
      const expected = [
        ...(code ? ['code'] : []),
        ...(idToken ? ['id_token'] : []),
        ...(accessToken ? ['access_token', 'token_type', 'expires_in', 'scope'] : []),
        ...['state', 'iss'],
      ]
      t.same(
        Object.keys(values).filter((name) => name !== 'session_state'),
        expected,
        type,
      )
      for (const name of ['code', 'id_token', 'access_token'] as const)
        if (values[name]) t.notMatch(idp.logged(), values[name].slice(-40), `${name} is not logged`)
    }
    const { rows } = await database.query<{ row: string }>({
      text: `SELECT events::text AS row FROM events UNION ALL SELECT authorization_codes::text FROM authorization_codes
           UNION ALL SELECT grants::text FROM grants`,
    })
    t.notMatch(rows.map(({ row }) => row).join(), /eyJ/)
  },
)

t.test('a form never leads to our own origin: tokens are in the fragment then, not in the query', async (t) => {
  const own = await registeredFor(responseTypes, { redirect_uris: [`${idp.issuer}/account`] })
  for (const type of older) {
    const page = await ada.follow(await ada.get(urlFor(own, asking(type, { response_mode: 'form_post' }))))
    const { location, status } = await ada.submit(page, 'allow', { decision: 'allow' })
    t.equal(status, 303)
    t.match(location, `${idp.issuer}/account#`, type)
    t.equal(new URL(location ?? '').search, '')
    const refused = await idp.browser().get(urlFor(own, asking(type, { response_mode: 'form_post', prompt: 'none' })))
    t.match(read(refused.location), { where: 'fragment', values: { error: 'login_required' } })
  }
})

t.test('without a code offline_access is ignored, and the row that keeps the grant cannot be redeemed', async (t) => {
  for (const type of ['id_token', 'id_token token'] as const) {
    const { values } = read(
      (await ada.get(urlFor(forAll, asking(type, { scope: 'openid profile offline_access' })))).location,
    )
    t.notOk(values['refresh_token'])
    if (type === 'id_token token') t.equal(values['scope'], 'openid profile')
    const { rows } = await database.query<{ scopes: string[]; expired: boolean; spent: boolean }>({
      text: `SELECT scopes, expires_at <= clock_timestamp() AS expired, spent_at IS NOT NULL AS spent
             FROM grants JOIN authorization_codes ON grant_id = grants.id ORDER BY authorization_codes.created_at DESC LIMIT 1`,
    })
    t.same(
      rows,
      [{ scopes: ['openid', 'profile'], expired: true, spent: false }],
      'the row that keeps the grant is of no use',
    )
  }
})

t.test('a request object decides about the response type, and nothing beside it', async (t) => {
  const key = await clientKey()
  const client = await registeredFor(responseTypes, { jwks: key.jwks })
  const object = (type: string) =>
    key.sign({
      ...{
        iss: client.client_id,
        aud: idp.issuer,
        exp: Math.floor(Date.now() / 1000) + 300,
        iat: Math.floor(Date.now() / 1000),
      },
      ...authorizationParameters(client, pkce(), asking(type, { state: 'inner' })),
    })
  const ask = async (inner: string, outer: string) => {
    const request = await object(inner)
    const more = { response_type: outer, redirect_uri: defaultRedirectUri, response_mode: 'query' }
    return read(
      (await ada.get(`/authorize?${new URLSearchParams({ client_id: client.client_id, request, ...more })}`)).location,
    )
  }
  t.match(await ask('code', 'id_token token'), { where: 'query', values: { code: String, access_token: undefined } })
  t.match(await ask('id_token token', 'code'), { where: 'fragment', values: { code: undefined, access_token: String } })
})

t.test(
  'somebody is asked each time if another app could receive the tokens, although the client has a secret',
  async (t) => {
    for (const uri of ['http://127.0.0.1/callback', 'com.example.app:/callback']) {
      const client = await registeredFor(responseTypes, { application_type: 'native', redirect_uris: [uri] })
      t.match(await refusalOf(client, asking('code')), 'query: code', 'with a code it has to authenticate')
      for (const type of older) {
        t.match(await refusalOf(client, asking(type)), 'fragment: consent_required consent_required', type)
        const page = await ada.follow(await ada.get(urlFor(client, asking(type))))
        t.match(page.text, 'id="allow"')
        const { values } = read((await ada.submit(page, 'allow', { decision: 'allow' })).location)
        t.ok(values['id_token'] ?? values['access_token'])
        t.match(await refusalOf(client, asking(type)), 'fragment: consent_required consent_required', 'and again')
      }
    }
  },
)

t.test('tokens for two APIs are refused before anybody is asked', async (t) => {
  const [notes, mail] = ['https://notes.example', 'https://mail.example']
  await idp.resource(notes, ['notes:read'])
  await idp.resource(mail, ['mail:read'])
  const client = await registeredFor(responseTypes, {
    ...{ scope: 'openid profile notes:read mail:read', resources: [notes, mail], first_party: false },
  })
  const scope = 'openid notes:read mail:read'
  const stranger = idp.browser()
  t.equal(
    await refusalOf(client, asking('id_token token', { scope, prompt: '' }), stranger),
    'fragment: invalid_target resource_ambiguous',
  )
  t.match(
    (await stranger.get(urlFor(client, asking('code id_token', { scope })))).location,
    '/sign-in',
    'a code can name one later',
  )
  const one = read(
    (
      await passPages(
        ada,
        await ada.get(urlFor(client, asking('id_token token', { scope, resource: notes }))),
        await idp.person(),
      )
    ).location,
  )
  const claims = decodeJwt(one.values['access_token'] ?? '')
  t.match([claims.aud, claims['scope'], one.values['scope']], [notes, 'notes:read', 'notes:read'])
})

t.test('nothing is issued if the session has ended since the request was checked', async (t) => {
  const { browser, person } = await signedIn()
  const cookie = browser.cookies.get(browser.names.session) ?? ''
  const session = (await findSession(database, digest(cookie), 3600))!
  const request = {
    ...{ target: { client: forAll, redirectUri: defaultRedirectUri }, responseType: 'code id_token token' as const },
    ...{
      scopes: ['openid'],
      resources: [],
      claims: noClaims,
      codeChallenge: undefined,
      nonce: 'n',
      acr: { classes: [] },
    },
  }
  const caller = { requestId: 'request', network: '127.0.0.1' }
  const actor = { kind: 'person', sub: person.sub, caller, language: 'en' } as const
  const basis = { session, consent: undefined, groups: [] }
  t.match(await openGrant(idp.signet, actor, request, basis), {
    ...{ code: String, idToken: String },
    access: { token: String },
  })
  const issued = async () => {
    const text = `SELECT type FROM events WHERE client_id = $1 AND type = ANY ('{grant_opened,tokens_issued}')`
    return (await database.query({ text, values: [forAll.client_id] })).rowCount
  }
  const before = await issued()
  await database.query({ text: 'UPDATE sessions SET ended_at = now() WHERE id = $1', values: [session.id] })
  t.equal(await openGrant(idp.signet, actor, request, basis), undefined)
  t.equal(await issued(), before, 'there is no event of tokens that were signed and not sent')
})

t.test('a node that cannot sign says so before the pushed request is used up', async (t) => {
  const { body } = await push(idp, forAll, authorizationParameters(forAll, pkce(), asking('id_token')))
  const refuse = () => {
    throw new KeysUnavailable('No active key.')
  }
  const app = buildApp({ ...idp.signet, keyRing: { ...idp.signet.keyRing, sign: refuse } })
  t.teardown(() => app.close())
  const url = withRequestUri(forAll, body.request_uri)
  const cookie = [...ada.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  t.match(await app.inject({ url, headers: { cookie, host: new URL(idp.issuer).host } }), { statusCode: 503 })
  t.match(read((await ada.get(url)).location), { where: 'fragment', values: { id_token: String } })
})

t.test('what the browser carried is good for nothing else', async (t) => {
  const { values } = read((await ada.get(urlFor(forAll, asking('code id_token token', { scope: 'openid' })))).location)
  t.equal(await userinfo(values['access_token'] ?? ''), 200)
  t.equal(await userinfo(values['id_token'] ?? ''), 401, 'an ID token is no access token')
  const implicit = await idp.token(forAll, { grant_type: 'implicit', code: values['code'] ?? '' })
  t.match([implicit.status, implicit.body.error], [400, 'unsupported_grant_type'])
  const verifier = 'v'.repeat(43)
  const wrong = {
    grant_type: 'authorization_code',
    code: values['code'] ?? '',
    redirect_uri: defaultRedirectUri,
    code_verifier: verifier,
  }
  t.match((await idp.token(forAll, wrong)).body, { error: 'invalid_grant' }, 'the code is bound by PKCE like any other')
})

t.test('no response has headers of more than 8 KB: it becomes an error that says what to do', async (t) => {
  const long = { nonce: 'n'.repeat(2500), state: 's'.repeat(1500) }
  const uri = `https://app.example/${'c'.repeat(1900)}`
  const type = 'code id_token token'
  const client = await registeredFor([type], { redirect_uris: [uri], id_token_signed_response_alg: 'RS256' })
  const ask = async (more: Record<string, string>) => {
    const { body } = await push(
      idp,
      client,
      authorizationParameters(client, pkce(), asking(type, { ...long, ...more })),
    )
    return ada.get(withRequestUri(client, body.request_uri))
  }
  const { location } = await ask({})
  t.ok((location?.length ?? 0) < 7168)
  const { where, values } = read(location)
  t.match([where, values['error'], values['state']], ['fragment', 'invalid_request', long.state])
  t.match(values['error_uri'], /#response_too_long$/)
  t.ok(idp.logged().includes('"entry":"response_too_long"'))
  const form = await ask({ response_mode: 'form_post' })
  t.match(formsOf(form.text)[0]?.inputs, { id_token: String, access_token: String }, 'a form can be longer')
})
