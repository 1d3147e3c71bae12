import { randomUUID } from 'node:crypto'
import t from 'tap'
import { arrive, documentClient, outcomeOf, startDocumentHost } from '../support/client-documents.ts'
import { serverName } from '../support/https-server.ts'
import { defaultRedirectUri } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce } from '../support/journey.ts'
import { type ClientKey, clientKey } from '../support/request-objects.ts'

/* Clients whose keys are in a client ID metadata document (draft-ietf-oauth-client-id-metadata-document §8.2). */
const host = await startDocumentHost(t)
const { idp, publish, answer, timesAsked } = host
const [one, two] = [await clientKey('ES256', 'one'), await clientKey('ES256', 'two')]
const hour = { 'cache-control': 'max-age=3600' }
const person = await idp.person()
const withKey = (key: ClientKey, more: object = {}) => ({
  ...{ token_endpoint_auth_method: 'private_key_jwt', jwks: key.jwks },
  ...more,
})

const assertion = (url: string, key: ClientKey, claims: object = {}, header: Record<string, unknown> = {}) => {
  const seconds = Math.floor(Date.now() / 1000)
  return key.sign(
    { iss: url, sub: url, aud: idp.issuer, iat: seconds, exp: seconds + 60, jti: randomUUID(), ...claims },
    { typ: 'oauth-client-auth+jwt', ...header },
  )
}
const authenticated = async (
  url: string,
  key: ClientKey,
  claims: object = {},
  header: Record<string, unknown> = {},
) => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await assertion(url, key, claims, header),
})
const post = async (path: string, form: Record<string, string>) => {
  const response = await fetch(`${idp.issuer}${path}`, { method: 'POST', body: new URLSearchParams(form) })
  const body = await response.json()
  return { status: response.status, body, error: [response.status, body.error] }
}
const refreshWith = (token: string, credentials: Record<string, string>) =>
  post('/token', { grant_type: 'refresh_token', refresh_token: token, ...credentials })

/** Signs in through a pushed request, and redeems the code. */
async function signInWithKey(url: string, key: ClientKey) {
  const proof = pkce()
  const parameters = authorizationParameters(documentClient(url), proof)
  const pushed = await post('/par', { ...parameters, ...(await authenticated(url, key)) })
  t.equal(pushed.status, 201)
  const browser = idp.browser()
  const arrival = new URLSearchParams({ client_id: url, request_uri: pushed.body.request_uri })
  const back = await passPages(browser, await browser.get(`/authorize?${arrival}`), person)
  const code = new URL(back.location ?? '').searchParams.get('code') ?? ''
  const bindings = { code, redirect_uri: defaultRedirectUri, code_verifier: proof.verifier }
  return { grant_type: 'authorization_code', ...bindings }
}

t.test('a client with a key must use it at every endpoint', async (t) => {
  const url = publish('/client', withKey(one), hour)
  const code = await signInWithKey(url, one)
  const bare = { client_id: url, client_secret: '' }
  t.same((await post('/token', { ...code, ...bare })).error, [400, 'invalid_client'])
  t.same((await post('/token', { ...code, ...(await authenticated(url, two)) })).error, [400, 'invalid_client'])
  const { status, body } = await post('/token', { ...code, ...(await authenticated(url, one)) })
  t.equal(status, 200)
  for (const path of ['/revoke', '/introspect', '/par'])
    t.match((await post(path, { token: body.access_token, client_id: url })).body, { error: 'invalid_client' }, path)
  t.match((await post('/introspect', { token: body.access_token, ...(await authenticated(url, one)) })).body, {
    active: true,
  })
  t.same((await refreshWith(body.refresh_token, { client_id: url })).error, [400, 'invalid_client'])
  for (const [what, claims, header] of [
    ['another issuer', { iss: host.url('/other') }, {}],
    ['another audience', { aud: 'https://evil.example' }, {}],
    ['of a request object', {}, { typ: 'oauth-authz-req+jwt' }],
    ['of an access token', {}, { typ: 'at+jwt' }],
    ['a normalized client_id', { iss: url.toUpperCase() }, {}],
  ] as const)
    t.same(
      (await refreshWith(body.refresh_token, await authenticated(url, one, claims, header))).error,
      [400, 'invalid_client'],
      what,
    )
  t.equal((await refreshWith(body.refresh_token, await authenticated(url, one))).status, 200)
})

t.test('a new key is found at its first use, and the key from before is refused from then on', async (t) => {
  const url = publish('/rotation', withKey(one), hour)
  const { body } = await post('/token', { ...(await signInWithKey(url, one)), ...(await authenticated(url, one)) })
  publish('/rotation', withKey(two), hour)
  const { outgoing } = idp.signet
  const { get } = outgoing
  const lanes: unknown[] = []
  t.teardown(() => Object.assign(outgoing, { get }))
  outgoing.get = (address, options) => {
    lanes.push([address, options.isVouchedFor])
    return get(address, options)
  }
  const asked = timesAsked('/rotation')
  t.equal((await refreshWith(body.refresh_token, await authenticated(url, two))).status, 200)
  t.equal(timesAsked('/rotation'), asked + 1)
  t.same(lanes, [[url, true]], 'a host that the operator named does not wait for those that anybody names')
  t.same((await refreshWith(body.refresh_token, await authenticated(url, one))).error, [400, 'invalid_client'])
  for (const _ of [1, 2, 3])
    await refreshWith(body.refresh_token, await authenticated(url, await clientKey('ES256', randomUUID())))
  t.equal(timesAsked('/rotation'), asked + 1, 'strangers cannot make Signet fetch it again and again')
})

t.test('an expired document is fetched before its keys are used', async (t) => {
  const url = publish('/expired', withKey(one), { 'cache-control': 'no-store' })
  const { body } = await post('/token', { ...(await signInWithKey(url, one)), ...(await authenticated(url, one)) })
  t.ok(body.refresh_token)
  const gone = publish('/gone', withKey(one), { 'cache-control': 'no-store' })
  const code = await signInWithKey(gone, one)
  answer('/gone', (_request, reply) => reply.writeHead(503).end())
  const refused = await post('/token', { ...code, ...(await authenticated(gone, one)) })
  t.same(
    refused.error,
    [503, 'temporarily_unavailable'],
    'not invalid_client, with which clients throw their tokens away',
  )
  t.same(
    (await post('/token', { ...code, client_id: gone })).error,
    [400, 'invalid_client'],
    'nor is a missing assertion overlooked',
  )
  const open = publish('/opened', withKey(one), hour)
  const stolen = await signInWithKey(open, one)
  publish('/opened', { token_endpoint_auth_method: 'none' }, hour)
  await idp.signet.database.query({ text: 'UPDATE client_registrations SET document_expires_at = now()' })
  // As if the node had heard of it.
  idp.signet.clients.clear()
  t.equal(outcomeOf(await arrive(idp, open)), 'continued')
  t.same((await post('/token', { ...stolen, client_id: open })).error, [400, 'invalid_grant'], 'a code outlives no key')
})

t.test('a client that may choose can leave the key out, but not use a wrong one', async (t) => {
  const either = { token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'], jwks: one.jwks }
  const url = publish('/either', either, hour)
  const { body } = await post('/token', { ...(await signInWithKey(url, one)), ...(await authenticated(url, one)) })
  t.same((await refreshWith(body.refresh_token, await authenticated(url, two))).error, [400, 'invalid_client'])
  t.equal((await refreshWith(body.refresh_token, { client_id: url })).status, 200)
})

t.test('keys at a jwks_uri that cannot be had are no reason to throw tokens away', async (t) => {
  const keys = answer('/jwks', (_request, reply) =>
    reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(one.jwks)),
  )
  const url = publish('/remote', { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: keys }, hour)
  const { status, body } = await post('/token', {
    ...(await signInWithKey(url, one)),
    ...(await authenticated(url, one)),
  })
  t.equal(status, 200)
  const lost = publish('/lost', { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: host.url('/none') }, hour)
  t.equal(outcomeOf(await arrive(idp, lost)), 'continued')
  t.same((await refreshWith(body.refresh_token, await authenticated(lost, one))).error, [
    503,
    'temporarily_unavailable',
  ])
})

t.test('a request object is verified with the keys in the document', async (t) => {
  const url = publish('/objects', withKey(one, { require_signed_request_object: true }), hour)
  const claims = { iss: url, aud: idp.issuer, ...authorizationParameters(documentClient(url), pkce()) }
  const send = async (key: ClientKey) =>
    idp.browser().get(`/authorize?${new URLSearchParams({ client_id: url, request: await key.sign(claims) })}`)
  t.equal(outcomeOf(await send(one)), 'continued')
  t.equal(outcomeOf(await send(two)), 'request_object_refused')
  t.equal(serverName, new URL(url).hostname)
})
