import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { disableAccount, signOutEverywhere } from '../../src/operations/account-access.ts'
import { disconnectApplication } from '../../src/operations/revoke-grants.ts'
import type { Queryable, Statement } from '../../src/platform/database/queryable.ts'
import { digest } from '../../src/platform/secrets/digest.ts'
import { responseTypes } from '../../src/protocol/oidc-values.ts'
import { findClient, updateClient } from '../../src/records/clients/clients-store.ts'
import { grantTypesFor } from '../../src/records/clients/grant-and-response-types.ts'
import { findSession } from '../../src/records/sessions/sessions-store.ts'
import type { Signet } from '../../src/signet.ts'
import { basic, type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { push, withRequestUri } from '../support/request-objects.ts'

/*
 * An authorization request is judged by what one statement read, and another statement opens the grant. Between the two, no lock is held and anything can change.
 * Here it does, each time at that moment.
 */
const idp = await startSignet(t, { SIGNET_LEGACY_RESPONSE_TYPES: 'on' })
const { database } = idp.signet
/** As on another node: requests do not wait for those of the same session here. */
const turns = { take: <T>(_: string, work: () => Promise<T>) => work() }
const operator = { kind: 'operator', by: 'test' } as const

/** A client whose response types are all allowed, and that people have to allow. */
const newClient = (more: Parameters<Idp['client']>[0] = {}) =>
  idp.client({
    response_types: responseTypes,
    grant_types: [...new Set(responseTypes.flatMap(grantTypesFor)), 'refresh_token'],
    ...more,
  })

/** A node of the same installation on which something happens before each statement that opens or ends a grant. */
function appWith(before: () => Promise<unknown>, more: Partial<Signet> = {}) {
  const query = async (statement: Statement) => {
    if (/^(?:insert-authorization-code|end-grant)/.test(statement.name ?? '')) await before()
    return database.query(statement)
  }
  const app = buildApp({ ...idp.signet, ...more, database: { ...database, query: query as Queryable['query'] } })
  t.teardown(() => app.close())
  return app
}

function nodeWith(before: () => Promise<unknown>, more: Partial<Signet> = {}) {
  const app = appWith(before, more)
  return async (url: string, cookie: string) => {
    const { statusCode, headers } = await app.inject({ url, headers: { cookie, host: new URL(idp.issuer).host } })
    return { status: statusCode, location: String(headers['location'] ?? '') }
  }
}

/** A person who has allowed a client, with the Cookie header of their browser. */
async function allowed(client: TestClient) {
  const { browser, person } = await signIn(idp, client)
  const session = (await findSession(database, digest(browser.cookies.get(browser.names.session) ?? ''), 3600))!
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  return { browser, person, session, cookie }
}

const request = (client: TestClient, more: Record<string, string> = {}) =>
  authorizationParameters(client, pkce(), { nonce: 'n', ...more })
const urlOf = (parameters: Record<string, string>) => `/authorize?${new URLSearchParams(parameters)}`

async function written(client: TestClient) {
  const text = `SELECT (SELECT count(*) FROM grants WHERE client_id = $1) AS grants,
                  (SELECT count(*) FROM events WHERE client_id = $1 AND type = ANY ('{grant_opened,tokens_issued}')) AS events`
  return (await database.query({ text, values: [client.client_id] })).rows[0]
}

const person = ({ session: { account } }: Awaited<ReturnType<typeof allowed>>) =>
  ({ kind: 'person', sub: account.sub, caller: { requestId: 'r', network: '::1' } }) as const

/** Neither of two requests writes before both have read. */
function untilBoth(): () => Promise<void> {
  let go = () => {}
  const both = new Promise<void>((resolve) => {
    go = resolve
  })
  let waiting = 0
  return () => {
    if (++waiting === 2) go()
    return both
  }
}

const changes: [what: string, change: (who: Awaited<ReturnType<typeof allowed>>, client: TestClient) => unknown][] = [
  [
    'the session ends',
    ({ session }) =>
      database.query({ text: 'UPDATE sessions SET ended_at = now() WHERE id = $1', values: [session.id] }),
  ],
  ['the person signs out everywhere', ({ session }) => signOutEverywhere(idp.signet, operator, session.account.sub)],
  ['the account is disabled', ({ session }) => disableAccount(idp.signet, operator, session.account.sub)],
  [
    'the consent is withdrawn',
    (who, client) => disconnectApplication({ ...idp.signet, turns }, person(who), who.session, client.client_id),
  ],
  [
    'the redirect URI is removed',
    async (_, client) => {
      const metadata = (await findClient(database, client.client_id))!
      await updateClient(database, client.client_id, { ...metadata, redirect_uris: ['https://elsewhere.example'] })
    },
  ],
  [
    'the client is deleted',
    (_, client) =>
      database.query({
        text: 'UPDATE clients SET deleted_at = now() WHERE client_id = $1',
        values: [client.client_id],
      }),
  ],
]

for (const [what, change] of changes)
  t.test(`${what} between the check and the grant: nothing is opened, and the request starts again`, async (t) => {
    for (const responseType of ['code', 'code id_token token', 'id_token'] as const) {
      const client = await newClient()
      const who = await allowed(client)
      const before = await written(client)
      const parameters = request(client, { response_type: responseType })
      const get = nodeWith(async () => change(who, client))
      const { status, location } = await get(urlOf(parameters), who.cookie)
      t.equal(status, 303, responseType)
      t.match(location, /^\/authorize\?continue=[A-Za-z0-9_-]+$/, 'without a code, tokens or an error')
      t.same(await written(client), before, 'there is no grant, and no event')
      const next = await get(location, who.cookie)
      t.notMatch(next.location, /code=|token=/, 'and the second attempt does not get any either')
    }
  })

t.test('a pushed request that starts again has not been used up', async (t) => {
  const client = await newClient()
  const who = await allowed(client)
  const { body } = await push(idp, client, request(client))
  const get = nodeWith(async () =>
    database.query({ text: 'UPDATE accounts SET epoch = epoch + 1 WHERE sub = $1', values: [who.session.account.sub] }),
  )
  const first = await get(withRequestUri(client, body.request_uri), who.cookie)
  t.match(first, { status: 303, location: /^\/authorize\?client_id=/ })
  t.match((await who.browser.get(first.location)).location, /[?&]code=/)
})

t.test('a pushed request that two tabs complete at the same time gets one code', async (t) => {
  const client = await newClient()
  const who = await allowed(client)
  for (const responseType of ['code', 'code id_token']) {
    const { body } = await push(idp, client, request(client, { response_type: responseType }))
    const get = nodeWith(untilBoth(), { turns })
    const url = withRequestUri(client, body.request_uri)
    const answers = await Promise.all([get(url, who.cookie), get(url, who.cookie)])
    const [opened, ended] = [/[?&#]code=/, /^\/authorize\?client_id=/].map((form) =>
      answers.filter(({ location }) => form.test(location)),
    )
    t.same([opened?.length, ended?.length], [1, 1], responseType)
    t.match((await who.browser.get(ended?.[0]?.location ?? '')).location, /error=invalid_request_uri/)
  }
})

t.test('a node that has not heard of a change opens no grant with the old registration', async (t) => {
  const client = await newClient({ redirect_uris: ['https://old.example', 'https://kept.example'] })
  const old = (await findClient(database, client.client_id))!
  const who = await allowed(client)
  await updateClient(database, client.client_id, {
    ...old,
    ...{ redirect_uris: ['https://kept.example', 'https://new.example'], scope: 'openid email' },
  })
  const before = await written(client)
  let known = old
  const read = async (id: string) => {
    const found = await idp.signet.clients.read(id)
    if (found) known = found
    return found
  }
  const get = nodeWith(async () => undefined, { clients: { ...idp.signet.clients, cached: () => known, read } })

  const removed = await get(urlOf(request(client, { redirect_uri: 'https://old.example' })), who.cookie)
  t.match(
    removed,
    { status: 303, location: /^\/authorize\?continue=/ },
    'nothing is sent to a redirect URI that was removed',
  )
  t.match(await get(removed.location, who.cookie), { status: 400, location: '' })
  t.same(await written(client), before)

  known = old
  const added = await get(urlOf(request(client, { redirect_uri: 'https://new.example', scope: 'openid' })), who.cookie)
  t.match(added.location, /^https:\/\/new\.example\?code=/, 'a redirect URI that was added works at once')
  known = old
  const refused = request(client, { redirect_uri: 'https://old.example', prompt: 'none', max_age: '0' })
  t.match(await get(urlOf(refused), who.cookie), { status: 400, location: '' }, 'not even an error is sent to it')
})

/** The event types of a grant's end, and how often each was recorded. */
async function endingsOf(client: TestClient) {
  const text = `SELECT type, count(*) FROM events WHERE client_id = $1 AND type = ANY ('{token_revoked,grant_ended}') GROUP BY type`
  const { rows } = await database.query<{ type: string; count: number }>({ text, values: [client.client_id] })
  return Object.fromEntries(rows.map(({ type, count }) => [type, count]))
}

function revokeAt(app: ReturnType<typeof appWith>, client: TestClient, token: string) {
  const authorization = basic(client.client_id, client.secret ?? '')
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded', host: new URL(idp.issuer).host }
  return app.inject({ method: 'POST', url: '/revoke', headers, payload: new URLSearchParams({ token }).toString() })
}

t.test('a refresh between the check and the end of a revocation does not survive it', async (t) => {
  for (const kind of ['refresh_token', 'access_token']) {
    const client = await newClient()
    const { redeem } = await signIn(idp, client)
    const { body } = await redeem()
    const refreshed: string[] = []
    const refresh = async () => {
      const parameters = { grant_type: 'refresh_token', refresh_token: body.refresh_token }
      const answer = await idp.token(client, parameters)
      refreshed.push(answer.body.refresh_token, answer.body.access_token)
    }
    t.match(await revokeAt(appWith(refresh), client, body[kind]), { statusCode: 200 })
    const [refreshToken = '', accessToken = ''] = refreshed
    const again = await idp.token(client, { grant_type: 'refresh_token', refresh_token: refreshToken })
    t.match(again, { status: 400, body: { error: 'invalid_grant' } }, kind)
    const headers = { authorization: `Bearer ${accessToken}` }
    t.equal((await fetch(`${idp.issuer}/userinfo`, { headers })).status, 401)
  }
})

t.test('two revocations at the same time end the grant once, with one event', async (t) => {
  const client = await newClient()
  const { redeem } = await signIn(idp, client)
  const { body } = await redeem()
  const app = appWith(untilBoth(), { turns })
  const answers = await Promise.all([
    revokeAt(app, client, body.refresh_token),
    revokeAt(app, client, body.access_token),
  ])
  t.same(
    answers.map(({ statusCode }) => statusCode),
    [200, 200],
  )
  t.same(await endingsOf(client), { token_revoked: 1, grant_ended: 1 })
})
