import { gzipSync } from 'node:zlib'
import t from 'tap'
import { deleteClient } from '../../src/operations/client-registration.ts'
import { finishEndings } from '../../src/operations/finish-endings.ts'
import { sendLogoutToken } from '../../src/operations/send-logout-token.ts'
import type { ClientId } from '../../src/records/ids.ts'
import { documentsPerNetwork, newDocumentsPerHost } from '../../src/records/limits/limit-counters.ts'
import { arrive, documentClient, outcomeOf, plainDocument, startDocumentHost } from '../support/client-documents.ts'
import { eventually } from '../support/eventually.ts'
import { serverName } from '../support/https-server.ts'
import { defaultRedirectUri } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'
import { clientKey, push, withRequestUri } from '../support/request-objects.ts'

/* Client ID metadata documents of hosts that lie, change their minds, or want Signet to do something for them (draft-ietf-oauth-client-id-metadata-document §8). */
const host = await startDocumentHost(t, { SIGNET_NAME: 'Acme Bank' })
const { idp, publish, answer, timesAsked } = host
const { database } = idp.signet
await idp.resource('https://mcp.example', ['tools:call'], { selfRegisteredClients: true })
const person = await idp.person()
const evil = 'https://evil.example/callback'
const hour = { 'cache-control': 'max-age=3600' }
const noStore = { 'cache-control': 'no-store' }

const query = async (text: string, values: unknown[] = []) =>
  (await database.query<Record<string, unknown>>({ text, values })).rows
const rowOf = async (url: string) => (await query('SELECT * FROM clients WHERE client_id = $1', [url]))[0]
/** As if the headers of the document did not allow to keep it any longer. */
const expire = async (url: string) => {
  await query('UPDATE client_registrations SET document_expires_at = now() WHERE client_id = $1', [url])
  idp.signet.clients.clear()
}
/** Makes Signet see what a host has published in the meantime, as anybody can by sending a request. */
const change = async (path: string, members: object, headers: Record<string, string> = hour) => {
  const url = publish(path, { ...members }, headers)
  await expire(url)
  t.equal(outcomeOf(await arrive(idp, url, { redirect_uri: redirectOf(members) })), 'continued')
  return url
}
const redirectOf = (members: { redirect_uris?: readonly string[] }) => members.redirect_uris?.[0] ?? defaultRedirectUri
const allow = { parameters: { scope: 'openid offline_access' }, person }

t.test('what is not the URL of a document is never fetched', async (t) => {
  const before = host.asked.length
  for (const [clientId, entry] of [
    [`http://${serverName}:${host.port}/a`, 'client_unknown'],
    [host.url('/a').replace('https', 'HTTPS'), 'client_unknown'],
    [host.url(''), 'client_document_url_invalid'],
    [host.url('/'), 'client_document_url_invalid'],
    [host.url('/a#'), 'client_document_url_invalid'],
    [host.url('/a/../b'), 'client_document_url_invalid'],
    [host.url('/a/%2e%2e/b'), 'client_document_url_invalid'],
    [host.url('/a?'), 'client_document_url_invalid'],
    [host.url('/a').replace('//', '//@'), 'client_document_url_invalid'],
    [host.url('/a').replace('//', '//user:password@'), 'client_document_url_invalid'],
    [host.url('/a').replace('keys', 'KEYS'), 'client_document_url_invalid'],
    [host.url('/a').replace('.example', '.example.'), 'client_document_url_invalid'],
    [host.url('\\a'), 'client_document_url_invalid'],
    [host.url('/%zz'), 'client_document_url_invalid'],
    [host.url(`/${'a'.repeat(255)}`), 'client_document_url_invalid'],
    ['https://other.example/a', 'client_document_host_refused'],
    [`https://${serverName}.evil.example/a`, 'client_document_host_refused'],
    ['https://apps.example/a', 'client_document_host_refused'],
    ['https://127.0.0.1/a', 'client_document_host_refused'],
    [`${idp.issuer.replace('http', 'https')}/client`, 'client_document_host_refused'],
  ] as const)
    t.equal(outcomeOf(await arrive(idp, clientId)), entry, clientId)
  t.equal(host.asked.length, before)
})

t.test('what is fetched is not used unless it is the document of this very URL', async (t) => {
  const document = JSON.stringify({ client_id: host.url('/refused'), ...plainDocument })
  const json = { 'content-type': 'application/json' }
  const cases: [what: string, entry: string, answer: Parameters<typeof answer>[1]][] = [
    ['404', 'client_document_unavailable', (_, reply) => reply.writeHead(404, json).end(document)],
    ['201', 'client_document_unavailable', (_, reply) => reply.writeHead(201, json).end(document)],
    ['304', 'client_document_unavailable', (_, reply) => reply.writeHead(304).end()],
    ['500', 'client_document_unavailable', (_, reply) => reply.writeHead(500, json).end(document)],
    ['no answer', 'client_document_unavailable', (request) => request.socket.destroy()],
    [
      'a redirect to a document',
      'client_document_unavailable',
      (_, reply) => reply.writeHead(302, { location: publish('/redirected') }).end(document),
    ],
    [
      'one byte too many',
      'client_document_unavailable',
      (_, reply) => reply.writeHead(200, json).end(document.padEnd(5 * 1024 + 1)),
    ],
    [
      'the same without a length',
      'client_document_unavailable',
      (_, reply) => {
        reply.writeHead(200, json).write(document.padEnd(5000))
        reply.end(' '.repeat(121))
      },
    ],
    [
      'compressed',
      'client_document_unavailable',
      (_, reply) => reply.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync(document)),
    ],
    [
      'HTML',
      'client_document_invalid',
      (_, reply) => reply.writeHead(200, { 'content-type': 'text/html' }).end(document),
    ],
    ['not JSON', 'client_document_invalid', (_, reply) => reply.writeHead(200, json).end('<html>')],
    [
      'a member twice',
      'client_document_invalid',
      (_, reply) => reply.writeHead(200, json).end(document.replace('{', '{"client_name":"Other",')),
    ],
    [
      'of another client',
      'client_document_invalid',
      (_, reply) => reply.writeHead(200, json).end(document.replace('/refused', '/other')),
    ],
    [
      'with a secret',
      'client_document_invalid',
      (_, reply) => reply.writeHead(200, json).end(document.replace('{', '{"client_secret":null,')),
    ],
    [
      'with our name',
      'client_document_invalid',
      (_, reply) => reply.writeHead(200, json).end(document.replace('Notes', 'ACME-Bank')),
    ],
    [
      'for mutual TLS',
      'client_document_method_unsupported',
      (_, reply) =>
        reply.writeHead(200, json).end(document.replace('{', '{"token_endpoint_auth_method":"tls_client_auth",')),
    ],
  ]
  for (const [what, entry, listener] of cases) {
    const url = answer('/refused', listener)
    const asked = timesAsked('/refused')
    const visit = await arrive(idp, url)
    t.equal(outcomeOf(visit), entry, what)
    t.notMatch(visit.text, /status|redirect \(|ECONN|Content-Type/, 'what went wrong there is for the operator')
    t.equal(timesAsked('/refused'), asked + 1, 'it is not remembered that the last one could not be used')
    t.notOk(await rowOf(url))
  }
  t.equal(timesAsked('/redirected'), 0)
  t.equal(outcomeOf(await arrive(idp, publish('/refused'))), 'continued', 'a corrected document is used at once')
  await eventually('the reason for the operator', async () => {
    const found = await query('SELECT FROM refusals WHERE detail LIKE $1', [`%${host.url('/refused')}%status 404%`])
    return found.length > 0
  })
})

t.test('an error is never sent to a redirect URI before the document has confirmed it', async (t) => {
  for (const more of [{ prompt: 'none' }, { scope: 'nonsense' }, { code_challenge: '' }, { response_type: 'token' }]) {
    const visit = await arrive(idp, publish('/confirmed'), { redirect_uri: evil, ...more })
    t.equal(outcomeOf(visit), 'redirect_uri_not_registered')
    t.equal(outcomeOf(await arrive(idp, host.url('/missing'), more)), 'client_document_unavailable')
  }
})

t.test('a document is fetched once for as long as its headers allow, and by many at the same time once', async (t) => {
  const url = publish('/kept', {}, hour)
  const visits = await Promise.all(Array.from({ length: 12 }, () => arrive(idp, url)))
  t.same([...new Set(visits.map(outcomeOf))], ['continued'])
  t.equal(timesAsked('/kept'), 1)
  publish('/kept', { redirect_uris: [evil] }, hour)
  t.equal(outcomeOf(await arrive(idp, url)), 'continued', 'the one that is kept')
  t.equal(timesAsked('/kept'), 1)
  await expire(url)
  t.equal(outcomeOf(await arrive(idp, url)), 'redirect_uri_not_registered')
  t.equal(timesAsked('/kept'), 2)

  for (const headers of [noStore, { 'cache-control': 'max-age=0' }, { 'cache-control': 'max-age=60', age: '60' }]) {
    const path = `/not-kept-${Object.values(headers).join('-').replaceAll('=', '')}`
    const again = publish(path, {}, headers)
    for (const times of [1, 2, 3]) {
      t.equal(outcomeOf(await arrive(idp, again)), 'continued')
      t.equal(timesAsked(path), times, path)
    }
  }
  const forever = publish('/forever', {}, { 'cache-control': 'max-age=99999999' })
  await arrive(idp, forever)
  const [row] = await query(
    `SELECT extract(epoch FROM document_expires_at - document_fetched_at)::integer AS kept FROM client_registrations WHERE client_id = $1`,
    [forever],
  )
  t.same(row, { kept: 86_400 }, 'no document is kept longer than a day')
})

t.test('while nobody can reach the host, what is kept is used until it expires, and nothing afterwards', async (t) => {
  const url = publish('/down', {}, hour)
  t.equal(outcomeOf(await arrive(idp, url)), 'continued')
  answer('/down', (request) => request.socket.destroy())
  t.equal(outcomeOf(await arrive(idp, url)), 'continued')
  await expire(url)
  t.equal(outcomeOf(await arrive(idp, url)), 'client_document_unavailable')
  t.ok(await rowOf(url), 'the row stays: tokens of its clients do not depend on the host')
})

t.test('a whole sign-in; pages and tokens use the row', async (t) => {
  // It passes through URLs, forms and sealed values.
  const path = '/whole?a=1&amp;b=%2526+%20'
  const url = publish(path, {}, noStore)
  const { redeem, browser } = await signIn(idp, documentClient(url), allow)
  t.equal(timesAsked(path), 1, 'only the request that arrived fetched it')
  const { status, body } = await redeem()
  t.equal(status, 200)
  const refreshed = await idp.token(documentClient(url), {
    grant_type: 'refresh_token',
    refresh_token: body.refresh_token,
  })
  t.equal(refreshed.status, 200)
  t.not(refreshed.body.refresh_token, body.refresh_token, 'a public client rotates')
  t.match(JSON.parse(Buffer.from(body.id_token.split('.')[1], 'base64url').toString()), { aud: url })
  const introspected = await fetch(`${idp.issuer}/introspect`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: url, token: refreshed.body.access_token }),
  })
  t.match(await introspected.json(), { error: 'unauthorized_client' })
  const revoke = new URLSearchParams({ client_id: url, token: refreshed.body.refresh_token })
  t.equal((await fetch(`${idp.issuer}/revoke`, { method: 'POST', body: revoke })).status, 200)
  t.equal(timesAsked(path), 1)
  const silent = await signIn(idp, documentClient(url), { ...allow, browser, parameters: { prompt: 'none' } })
  t.ok(silent.code, 'the consent holds')
  const device = await fetch(`${idp.issuer}/device_authorization`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: url }),
  })
  t.match(await device.json(), { error: 'unauthorized_client' }, 'it has no grant type of devices')
  t.match(await query('SELECT used_at FROM client_registrations WHERE client_id = $1', [url]), [{ used_at: Date }])
})

t.test('PKCE is needed, whatever the document says', async (t) => {
  const key = await clientKey()
  for (const [path, members] of [
    ['/pkce-public', { require_pkce: false }],
    ['/pkce-key', { require_pkce: false, token_endpoint_auth_method: 'private_key_jwt', jwks: key.jwks }],
  ] as const) {
    const { location = '' } = await arrive(idp, publish(path, members), {
      code_challenge: '',
      code_challenge_method: '',
    })
    t.equal(new URL(location).searchParams.get('error'), 'invalid_request', path)
    t.equal(new URL(location).host, 'app.example')
  }
})

t.test('what only an operator gives is ignored', async (t) => {
  const url = publish('/greedy', {
    ...{ first_party: true, groups: ['*'], resources: ['https://payroll.example'], refresh_token_rotation: false },
    ...{ scope: 'openid groups roles tools:call', subject_type: 'pairwise', id_token_profile_claims: true },
  })
  t.equal(outcomeOf(await arrive(idp, url)), 'continued')
  t.match(await rowOf(url), {
    ...{ first_party: false, groups: [], resources: ['https://mcp.example'], refresh_token_rotation: true },
    ...{ scope: 'openid tools:call', subject_type: 'public', id_token_profile_claims: false, self_registered: true },
  })
  const browser = idp.browser()
  const parameters = authorizationParameters(documentClient(url), pkce(), { scope: 'openid' })
  const pages: string[] = []
  await passPages(browser, await browser.get(`/authorize?${new URLSearchParams(parameters)}`), person, ({ text }) =>
    pages.push(text),
  )
  t.match(pages.at(-1), 'id="allow"', 'the person is asked')
})

t.test('a document that changes between consent and redemption gains nothing', async (t) => {
  const key = await clientKey()
  const changes: [what: string, members: Record<string, unknown>][] = [
    ['redirect URIs', { redirect_uris: [defaultRedirectUri, evil] }],
    ['name', { client_name: 'Acme Payments' }],
    ['keys', { jwks: key.jwks }],
    ['method', { token_endpoint_auth_method: 'private_key_jwt', jwks: key.jwks }],
  ]
  for (const [index, [what, members]] of changes.entries()) {
    const path = `/swap-${index}`
    const url = publish(path, {}, hour)
    const { redeem } = await signIn(idp, documentClient(url), allow)
    await change(path, members)
    const { status, body } = await redeem()
    t.match([status, body.error], [400, what === 'method' ? 'invalid_client' : 'invalid_grant'], what)
    if (what !== 'method') t.match(body.error_uri, 'client_document_changed')
    const [code] = await query(
      'SELECT spent_at, ended_at FROM authorization_codes JOIN grants ON grants.id = grant_id WHERE client_id = $1',
      [url],
    )
    t.same(code, { spent_at: null, ended_at: null }, 'nothing is spent')
    await change(path, {})
    t.equal((await redeem()).status, 200, 'the document that the person saw can redeem it')
  }
})

t.test('a code of a changed document cannot be redeemed by the document from before', async (t) => {
  const url = publish('/back', { redirect_uris: [evil] }, hour)
  const { redeem } = await signIn(idp, documentClient(url, evil), allow)
  await change('/back', {})
  t.match((await redeem()).body, { error: 'invalid_grant' })
})

t.test('the other node, with the older document in memory, does not redeem the code either', async (t) => {
  const other = await idp.another()
  for (const path of ['/race-1', '/race-2', '/race-3', '/race-4']) {
    const raced = publish(path, {}, hour)
    const visits = await Promise.all([idp, other, idp, other].map((at) => arrive(at, raced)))
    t.same([...new Set(visits.map(outcomeOf))], ['continued'], 'both may insert it at the same time')
  }
  const url = publish('/nodes', {}, hour)
  const { code, pkce: proof } = await signIn(idp, documentClient(url), allow)
  const redeemAt = (at: typeof idp) =>
    fetch(`http://127.0.0.1:${at.signet.settings.port}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        ...{ grant_type: 'authorization_code', client_id: url, code },
        ...{ redirect_uri: defaultRedirectUri, code_verifier: proof.verifier },
      }),
    })
  const old = await other.signet.clients.read(url)
  await change('/nodes', { redirect_uris: [defaultRedirectUri, evil] })
  // As if the notification were on its way.
  Object.assign(other.signet.clients, { cached: (id: string) => (id === url ? old : undefined) })
  t.match(await (await redeemAt(other)).json(), { error: 'invalid_grant' })
  t.match(await (await redeemAt(idp)).json(), { error: 'invalid_grant' })
  await other.stop()
})

t.test(
  'consent is asked for again when the document changes, and does not bring back what was allowed before',
  async (t) => {
    const url = publish('/consent', {}, hour)
    const { browser } = await signIn(idp, documentClient(url), { person, parameters: { scope: 'openid tools:call' } })
    const silently = async (redirectUri: string, scope: string) => {
      const asked = { scope, prompt: 'none', redirect_uri: redirectUri }
      const parameters = authorizationParameters(documentClient(url), pkce(), asked)
      const { location = '' } = await browser.get(`/authorize?${new URLSearchParams(parameters)}`)
      return new URL(location).searchParams.get('error') ?? 'code'
    }
    t.equal(await silently(defaultRedirectUri, 'openid tools:call'), 'code')
    await change('/consent', { redirect_uris: [evil] })
    t.equal(await silently(evil, 'openid'), 'consent_required')
    const client = documentClient(url, evil)
    t.ok((await signIn(idp, client, { browser, person, parameters: { scope: 'openid' } })).code)
    t.equal(await silently(evil, 'openid'), 'code')
    t.equal(await silently(evil, 'openid tools:call'), 'consent_required', 'that was allowed at another host')
    await change('/consent', {})
    t.equal(await silently(defaultRedirectUri, 'openid'), 'consent_required', 'changed back')
    const key = await clientKey()
    t.ok((await signIn(idp, documentClient(url), { browser, person, parameters: { scope: 'openid' } })).code)
    await change('/consent', { jwks: key.jwks })
    t.equal(await silently(defaultRedirectUri, 'openid'), 'consent_required', 'new keys')
  },
)

t.test('a document that changes while the consent page is open does not get the consent', async (t) => {
  const key = await clientKey()
  for (const [path, members] of [
    ['/open-name', { client_name: 'Acme Payments' }],
    ['/open-keys', { jwks: key.jwks }],
  ] as const) {
    const url = publish(path, {}, hour)
    const browser = idp.browser()
    const parameters = authorizationParameters(documentClient(url), pkce(), { scope: 'openid' })
    const first = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
    const page = await browser.follow(
      await browser.submit(first, 'sign-in', { username: person.username, password: person.password }),
    )
    t.match(page.text, 'id="allow"')
    await change(path, members)
    const after = await browser.follow(await browser.submit(page, 'allow', { decision: 'allow' }))
    t.match(after.text, 'id="allow"', 'the page is shown again')
    t.same(await query('SELECT FROM consents WHERE client_id = $1', [url]), [])
  }
  const url = publish('/open-uri', {}, hour)
  const browser = idp.browser()
  const parameters = authorizationParameters(documentClient(url), pkce(), { scope: 'openid' })
  const page = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
  await change('/open-uri', { redirect_uris: [evil] })
  const signedIn = await browser.submit(page, 'sign-in', { username: person.username, password: person.password })
  t.equal(outcomeOf(await browser.follow(signedIn)), 'redirect_uri_not_registered', 'no code for a URI that is gone')
})

t.test('a registered client with such an id wins, and is not fetched', async (t) => {
  const published = publish('/imported', { redirect_uris: [evil] })
  for (const url of [published, 'https://not-accepted.example/client.json', 'https://not-accepted.example']) {
    const { client_id } = await idp.client({ token_endpoint_auth_method: 'none' })
    await query('UPDATE clients SET client_id = $2 WHERE client_id = $1', [client_id, url])
    idp.signet.clients.clear()
    t.equal(outcomeOf(await arrive(idp, url)), 'continued', url)
    t.equal(outcomeOf(await arrive(idp, url, { redirect_uri: evil })), 'redirect_uri_not_registered', url)
  }
  t.equal(timesAsked('/imported'), 0)
})

t.test(
  'a deleted client does not come back while its rows are deleted, and has nothing of before afterwards',
  async (t) => {
    const url = publish('/deleted', {}, hour)
    const { redeem, browser } = await signIn(idp, documentClient(url), allow)
    await deleteClient(idp.signet, { kind: 'operator', by: 'test' }, url as ClientId)
    t.equal(outcomeOf(await arrive(idp, url)), 'client_document_unavailable')
    t.match((await redeem()).body, { error: 'invalid_client' })
    await finishEndings(idp.signet, new AbortController().signal)
    t.notOk(await rowOf(url))
    const silent = await signIn(idp, documentClient(url), { browser, person, parameters: { prompt: 'none' } })
    t.equal(silent.response.get('error'), 'consent_required')
    t.match((await redeem()).body, { error: 'invalid_grant' })
  },
)

t.test('without the host in the list, the client is unknown everywhere', async (t) => {
  const api = await idp.client()
  await query('UPDATE resources SET served_by = $1 WHERE identifier = $2', [[api.client_id], 'https://mcp.example'])
  const introspectAt = async (address: string, token: string) => {
    const authorization = `Basic ${Buffer.from(`${api.client_id}:${api.secret}`).toString('base64')}`
    const response = await fetch(address, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams({ token }),
    })
    return response.json()
  }
  const told = answer('/told', (_request, reply) => reply.end())
  const members = { post_logout_redirect_uris: ['https://app.example/bye'], backchannel_logout_uri: told }
  const url = publish('/removed', members, hour)
  const { redeem } = await signIn(idp, documentClient(url), allow)
  const { body } = await redeem()
  const atApi = await (await signIn(idp, documentClient(url), { person, parameters: { scope: 'tools:call' } })).redeem()
  t.match(await introspectAt(`${idp.issuer}/introspect`, atApi.body.access_token), { active: true })
  for (const hosts of ['elsewhere.example', '']) {
    const other = await idp.another({ SIGNET_CLIENT_ID_METADATA_HOSTS: hosts })
    const at = (path: string) => `http://127.0.0.1:${other.signet.settings.port}${path}`
    const post = async (path: string, form: Record<string, string>) =>
      (await fetch(at(path), { method: 'POST', body: new URLSearchParams(form) })).json()
    const page = await fetch(
      at(`/authorize?${new URLSearchParams({ client_id: url, redirect_uri: defaultRedirectUri })}`),
    )
    t.match(await page.text(), hosts === '' ? '#client_unknown' : '#client_document_host_refused')
    const named = { client_id: url, refresh_token: body.refresh_token, token: body.refresh_token }
    t.match(await post('/token', { ...named, grant_type: 'refresh_token' }), { error: 'invalid_client' })
    t.match(await post('/revoke', named), { error: 'invalid_client' })
    t.match(await post('/par', { ...named, response_type: 'code' }), { error: 'invalid_client' })
    const logout = { id_token_hint: body.id_token, post_logout_redirect_uri: 'https://app.example/bye' }
    const bye = await fetch(at(`/logout?${new URLSearchParams(logout)}`), { redirect: 'manual' })
    t.equal(bye.headers.get('location'), null)
    const bearer = { authorization: `Bearer ${body.access_token}` }
    t.equal((await fetch(at('/userinfo'), { headers: bearer })).status, 401)
    t.same(await introspectAt(at('/introspect'), atApi.body.access_token), { active: false })
    const ended = { session: 1, sidVersion: 1, sub: person.sub, client: url }
    await sendLogoutToken(other.signet, ended, {
      ...{ attempt: 1, isLast: false, isOver: false, canWait: true, signal: new AbortController().signal },
    })
    t.equal(timesAsked('/told'), 0)
    await other.stop()
  }
  t.equal((await signIn(idp, documentClient(url), allow)).code.length > 0, true, 'nothing is lost if it was a mistake')
})

t.test('nobody manages such a client with a registration access token', async (t) => {
  const url = publish('/managed')
  t.equal(outcomeOf(await arrive(idp, url)), 'continued')
  for (const method of ['GET', 'PUT', 'DELETE'])
    for (const id of [encodeURIComponent(url), '%00'])
      for (const token of ['', 'x', '0'.repeat(43)]) {
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
        const body = method === 'PUT' ? { body: JSON.stringify({ client_id: url, ...plainDocument }) } : {}
        const { status } = await fetch(`${idp.issuer}/register/${id}`, { method, headers, ...body })
        t.ok(status === 400 || status === 401, `${method} ${status}`)
      }
})

t.test('after a sign-out, no page of an application is loaded whose host is no longer in the list', async (t) => {
  const url = publish('/framed', { frontchannel_logout_uri: 'https://app.example/out' }, hour)
  const other = await idp.another({ SIGNET_CLIENT_ID_METADATA_HOSTS: 'elsewhere.example' })
  for (const [at, frames] of [
    [idp, 1],
    [other, 0],
  ] as const) {
    const { browser } = await signIn(idp, documentClient(url), { person })
    const there = at.browser()
    for (const [name, value] of browser.cookies) there.cookies.set(name, value)
    const page = await there.submit(await there.get('/'), 'sign-out')
    t.equal([...page.text.matchAll(/<iframe /g)].length, frames)
  }
  await other.stop()
})

t.test(
  'a pushed request fetches the document; the browser that arrives with it does so again if it must',
  async (t) => {
    const url = publish('/pushed', {}, noStore)
    const client = documentClient(url)
    const { status, body } = await push(idp, client, authorizationParameters(client, pkce(), { scope: 'openid' }))
    t.equal(status, 201)
    t.equal(timesAsked('/pushed'), 1)
    publish('/pushed', { redirect_uris: [evil] }, noStore)
    const visit = await idp.browser().get(withRequestUri(client, body.request_uri))
    t.equal(outcomeOf(visit), 'redirect_uri_not_registered')
    t.equal(timesAsked('/pushed'), 2)
    for (const [path, expected] of [
      ['/nothing', [503, 'temporarily_unavailable']],
      ['', [400, 'invalid_client']],
    ] as const) {
      const absent = documentClient(host.url(path))
      const refused = await push(idp, absent, authorizationParameters(absent, pkce()))
      t.same([refused.status, refused.body.error], expected)
      t.notMatch(refused.body.error_description, /404/)
    }
  },
)

t.test('fetches are limited by network, and by host for what Signet does not know', async (t) => {
  t.teardown(() => query('DELETE FROM rate_limits'))
  const known = publish('/known', {}, noStore)
  t.equal(outcomeOf(await arrive(idp, known)), 'continued')
  const fill = (name: string, points: number) =>
    query(`UPDATE rate_limits SET points = $1 WHERE key LIKE '${name}:%'`, [points])
  await fill('document-host', newDocumentsPerHost.points)
  const refused = await arrive(idp, publish('/one-more'))
  t.match([outcomeOf(refused), refused.status], ['too_many_documents', 429])
  t.match(refused.headers.get('retry-after'), /^\d+$/)
  t.equal(timesAsked('/one-more'), 0)
  t.equal(outcomeOf(await arrive(idp, known)), 'continued', 'an application is not kept out by invented neighbours')
  await fill('document-network', documentsPerNetwork.points * 4)
  t.equal(outcomeOf(await arrive(idp, known)), 'too_many_documents')
  t.equal(
    outcomeOf(await arrive(idp, host.url('/kept'), { redirect_uri: evil })),
    'continued',
    'what is kept counts for nothing',
  )
  const { status, body } = await push(
    idp,
    documentClient(known),
    authorizationParameters(documentClient(known), pkce()),
  )
  t.match([status, body.error], [429, 'temporarily_unavailable'])
})

t.test('the port of a loopback redirect URI is free, its host and its path are not', async (t) => {
  const url = publish('/native', { redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'] })
  for (const redirect_uri of [
    'http://localhost:51234/callback',
    'http://127.0.0.1:51234/callback',
    'http://localhost/callback',
  ])
    t.equal(outcomeOf(await arrive(idp, url, { redirect_uri })), 'continued', redirect_uri)
  for (const redirect_uri of [
    ...['http://[::1]:51234/callback', 'http://localhost:51234/other', 'https://localhost:51234/callback'],
    ...['http://localhost.evil.example/callback', 'http://localhost:51234@evil.example/callback'],
    ...['http://LOCALHOST:51234/callback', 'http://localhost:99999/callback', 'http://localhost:/callback'],
  ])
    t.equal(outcomeOf(await arrive(idp, url, { redirect_uri })), 'redirect_uri_not_registered', redirect_uri)
})
