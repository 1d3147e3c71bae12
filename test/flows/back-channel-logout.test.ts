import { readdirSync, readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { disableAccount, signOutEverywhere } from '../../src/operations/account-access.ts'
import { changeClient, deleteClient } from '../../src/operations/client-registration.ts'
import { rotateClientSecret } from '../../src/operations/client-secrets.ts'
import { deleteAccount } from '../../src/operations/delete-account.ts'
import { queueMail } from '../../src/operations/queue-mail.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { tendJobs } from '../../src/platform/jobs/jobs-store.ts'
import type { Browser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { outgoingToTests } from '../support/https-server.ts'
import { startSignet, type TestClient } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { hang, hurryLogouts, idTokenOf, startLogoutReceiver, waitingLogouts } from '../support/logout-receiver.ts'

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'
const operator = { kind: 'operator', by: 'test' } as const

const applications = await startLogoutReceiver(t)
// Endpoints that hang do so until the test ends, not until a request has taken too long.
const idp = await startSignet(t, {}, { outgoing: outgoingToTests({ timeoutMs: 600_000 }) })
const { signet } = idp
const { database } = signet
const keys = createRemoteJWKSet(new URL(`${idp.issuer}/.well-known/jwks.json`))

let count = 0
/** A client that wants to be told, with the path at which it is. */
async function listeningClient(more: Parameters<typeof idp.client>[0] = {}) {
  const path = `/app-${++count}?x=1`
  const client = await idp.client({ backchannel_logout_uri: applications.url(path), ...more })
  return { client, path, received: () => applications.at(path) }
}

/** Signs in, and gets the tokens. */
async function enter(client: TestClient, options: Parameters<typeof signIn>[2] = {}) {
  const journey = await signIn(idp, client, options)
  const tokens = await journey.redeem()
  return { ...journey, tokens: tokens.body, claims: idTokenOf(tokens) }
}

/** Waits until all these clients have been told, or never will be: the jobs are there as soon as a session has ended. */
const settled = (...clients: TestClient[]) =>
  eventually(
    'all logout tokens to be sent',
    async () => (await waitingLogouts(idp)).filter(({ client }) => clients.some(({ client_id: id }) => id === client)),
    (rows) => rows.length === 0,
  )

/** Waits until a client's logout token has failed this often. */
const failed = ({ client_id: id }: TestClient, attempts: number) =>
  eventually(
    `attempt ${attempts} to have failed`,
    async () => (await waitingLogouts(idp)).filter(({ client, locked }) => client === id && !locked),
    (rows) => rows.length > 0 && rows.every((row) => row.attempts >= attempts),
  )

const confirmLogout = async (browser: Browser) => browser.submit(await browser.get('/logout'), 'confirm-logout')

async function eventsOf({ client_id: id }: TestClient) {
  const { rows } = await database.query<{ sub: string; detail: object }>({
    text: `SELECT sub, detail FROM events WHERE type = 'logout_token_failed' AND client_id = $1 ORDER BY id`,
    values: [id],
  })
  return rows
}

const counted = () =>
  Object.fromEntries(
    signet.metrics.readings.signet_logout_tokens_total().map(({ labels, value }) => [labels['outcome'], value]),
  )

t.test('whoever had no grant in the session that ends is not told', async (t) => {
  const [here, elsewhere, never] = [await listeningClient(), await listeningClient(), await listeningClient()]
  const { browser, person } = await enter(here.client)
  await enter(elsewhere.client, { person })
  await enter(never.client)
  await confirmLogout(browser)
  await settled(here.client, elsewhere.client, never.client)
  t.equal(here.received().length, 1)
  t.same([elsewhere.received(), never.received()], [[], []])
})

t.test('a sign-out tells each client of the session once, with the sid and sub of its ID tokens', async (t) => {
  const one = await listeningClient({ id_token_signed_response_alg: 'RS256' })
  const two = await listeningClient({ subject_type: 'pairwise', redirect_uris: ['https://two.example/callback'] })
  const first = await enter(one.client)
  const again = await enter(one.client, first)
  const other = await enter(two.client, first)
  t.not(other.claims.sub, first.claims.sub)
  t.not(other.claims.sid, first.claims.sid)
  await confirmLogout(first.browser)
  await settled(one.client, two.client)
  for (const [{ client, received }, { claims }] of [
    [one, first],
    [two, other],
  ] as const) {
    t.equal(received().length, 1, 'two grants are one session')
    const [{ token, form, request }] = received() as [ReturnType<typeof received>[number]]
    t.match(request, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
    t.same([request.headers.authorization, request.headers.cookie], [undefined, undefined])
    t.same([...form.keys()], ['logout_token'])
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      ...{ issuer: idp.issuer, audience: client.client_id, typ: 'logout+jwt' },
      ...{ algorithms: [client.id_token_signed_response_alg], maxTokenAge: '2m' },
    })
    t.same(Object.keys(protectedHeader).sort(), ['alg', 'kid', 'typ'])
    t.same(Object.keys(payload).sort(), ['aud', 'events', 'exp', 'iat', 'iss', 'jti', 'sid', 'sub'])
    t.same(payload['events'], { [logoutEvent]: {} })
    t.equal((payload.exp ?? 0) - (payload.iat ?? 0), 120)
    t.match(payload, { sub: claims.sub, sid: claims.sid })
  }
  t.equal(again.claims.sid, first.claims.sid)
  t.notMatch(idp.logged(), applications.at(one.path)[0]?.token)
})

t.test('offline access survives the sign-out of which its client is told', async (t) => {
  const { client, received } = await listeningClient()
  const { browser, tokens } = await enter(client)
  await confirmLogout(browser)
  await settled(client)
  t.equal(received().length, 1)
  const refreshed = await idp.token(client, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
  t.equal(refreshed.status, 200)
})

t.test('every way in which a session can end tells its clients', async (t) => {
  const { client, received } = await listeningClient()
  const newPassword = 'something quite different 7'
  /** Two browsers of one person. */
  const both = async () => {
    const here = await enter(client)
    const there = await enter(client, { person: here.person })
    return { here, there }
  }
  type Both = Awaited<ReturnType<typeof both>>
  const ways: Record<string, { readonly end: (both: Both) => Promise<unknown>; readonly ends: (keyof Both)[] }> = {
    'the button on the account page': {
      end: async ({ here: { browser } }) => browser.submit(await browser.get('/account'), 'sign-out'),
      ends: ['here'],
    },
    'another session, on the account page': {
      end: async ({ here: { browser } }) => browser.submit(await browser.get('/account/sessions'), 'end-session-2'),
      ends: ['there'],
    },
    'all other sessions, on the account page': {
      end: async ({ here: { browser } }) =>
        browser.submit(await browser.get('/account/sessions'), 'end-other-sessions'),
      ends: ['there'],
    },
    'a new password': {
      end: async ({ here: { browser, person } }) =>
        browser.submit(await browser.get('/account/security'), 'password-change', {
          'current-password': person.password,
          'new-password': newPassword,
        }),
      ends: ['there'],
    },
    'a disabled account': {
      end: ({ here: { person } }) => disableAccount(signet, operator, person.sub),
      ends: ['here', 'there'],
    },
    'a deleted account': {
      end: ({ here: { person } }) => deleteAccount(signet, operator, person.sub),
      ends: ['here', 'there'],
    },
    'an operator who signs somebody out': {
      end: ({ here: { person } }) => signOutEverywhere(signet, operator, person.sub),
      ends: ['here', 'there'],
    },
    'somebody else who signs in in the same browser': {
      end: async ({ here: { browser } }) => {
        const { username, password } = await idp.person()
        return browser.submit(await browser.get('/sign-in'), 'sign-in', { username, password })
      },
      ends: ['here'],
    },
  }
  for (const [way, { end, ends }] of Object.entries(ways)) {
    const sessions = await both()
    const before = received().length
    await end(sessions)
    await settled(client)
    t.same(
      received()
        .slice(before)
        .map(({ claims: { sub, sid } }) => ({ sub, sid }))
        .sort((a, b) => String(a.sid).localeCompare(String(b.sid))),
      ends
        .map((which) => sessions[which].claims)
        .map(({ sub, sid }) => ({ sub, sid }))
        .sort((a, b) => String(a.sid).localeCompare(String(b.sid))),
      way,
    )
  }
})

t.test('a client whose grant has ended or has been deleted before the session is told', async (t) => {
  const revoked = await listeningClient()
  const cleaned = await listeningClient()
  const both = await listeningClient()
  const { browser, person, tokens } = await enter(revoked.client)
  await enter(cleaned.client, { browser, person })
  const third = await enter(both.client, { browser, person })
  for (const [client, token] of [
    [revoked.client, tokens.refresh_token],
    [both.client, third.tokens.refresh_token],
  ] as const) {
    const { client_id, secret = '' } = client
    const body = new URLSearchParams({ token, client_id })
    const authorization = `Basic ${Buffer.from(`${client_id}:${secret}`).toString('base64')}`
    await fetch(`${idp.issuer}/revoke`, { method: 'POST', body, headers: { authorization } })
  }
  // As the cleaner does, a week after the last token.
  await database.query({
    text: 'DELETE FROM grants WHERE client_id = ANY ($1)',
    values: [[cleaned.client.client_id, both.client.client_id]],
  })
  await confirmLogout(browser)
  await settled(revoked.client, cleaned.client, both.client)
  for (const { received } of [revoked, cleaned, both]) t.equal(received().length, 1)
})

t.test('what is registered when the token is sent counts', async (t) => {
  const [deleted, silent, moved] = [await listeningClient(), await listeningClient(), await listeningClient()]
  const { browser, person } = await enter(deleted.client)
  await enter(silent.client, { browser, person })
  await enter(moved.client, { browser, person })
  for (const { path } of [deleted, silent, moved]) applications.answer(path, (reply) => reply.writeHead(503).end())
  await confirmLogout(browser)
  for (const { client } of [deleted, silent, moved]) await failed(client, 1)
  await deleteClient(signet, operator, deleted.client.client_id)
  await changeClient(signet, operator, silent.client.client_id, { backchannel_logout_uri: null })
  const newPath = `/moved-${moved.client.client_id}`
  await changeClient(signet, operator, moved.client.client_id, { backchannel_logout_uri: applications.url(newPath) })
  const { dropped = 0 } = counted()
  for (const { client } of [deleted, silent, moved]) await hurryLogouts(idp, client.client_id)
  await settled(deleted.client, silent.client, moved.client)
  t.equal(applications.at(newPath).length, 1)
  for (const { received, client } of [deleted, silent, moved]) {
    t.equal(received().length, 1, 'only the first attempt')
    t.same(await eventsOf(client), [])
  }
  t.equal(counted()['dropped'], dropped + 2)
})

t.test('endpoints that do not work are tried again, and delay nobody', async (t) => {
  const unused = createServer()
  await new Promise<void>((resolve) => unused.listen(0, '127.0.0.1', resolve))
  const { port } = unused.address() as { port: number }
  await new Promise((resolve) => unused.close(resolve))

  const error = await listeningClient()
  const redirect = await listeningClient()
  const huge = await listeningClient()
  const endless = await listeningClient()
  const refused = await listeningClient({ backchannel_logout_uri: `https://keys.example:${port}/` })
  const privateOne = await listeningClient({ backchannel_logout_uri: 'https://10.1.2.3/logout' })
  const itself = await listeningClient({ backchannel_logout_uri: 'https://id.example/logout' })
  const good = await listeningClient()
  const target = `/target-of-redirect-${count}`
  applications.answer(error.path, (reply) => reply.writeHead(500).end('secret details'))
  applications.answer(redirect.path, (reply) => reply.writeHead(307, { location: applications.url(target) }).end())
  applications.answer(huge.path, (reply) => reply.writeHead(200).end(Buffer.alloc(2_000_000)))
  applications.answer(endless.path, (reply) => reply.writeHead(200).write('the beginning'))
  const all = [error, redirect, huge, endless, refused, privateOne, itself, good]
  const { browser, person, claims } = await enter(error.client)
  for (const { client } of all.slice(1)) await enter(client, { browser, person })
  await confirmLogout(browser)

  await settled(good.client, huge.client, endless.client)
  for (const { received } of [good, huge, endless]) t.equal(received().length, 1, 'a status of 2xx is enough')
  const broken = [error, redirect, refused, privateOne, itself]
  for (const { client } of broken) await failed(client, 1)
  t.same(applications.at(target), [], 'no redirect is followed')
  t.match(idp.logged(), 'will be told again: the response has the status 500')
  t.notMatch(idp.logged(), 'secret details')

  applications.answer(error.path, (reply) => reply.writeHead(204).end())
  await hurryLogouts(idp, error.client.client_id)
  await settled(error.client)
  const [one, two] = error.received()
  t.not(one?.claims.jti, two?.claims.jti, 'each attempt has a token of its own')
  t.match([one?.claims.sid, two?.claims.sid], [claims.sid, claims.sid])

  // The last attempt of all.
  await database.query({
    text: `UPDATE signet_test_jobs._private_jobs SET attempts = max_attempts - 2 WHERE payload->>'client' = ANY ($1)`,
    values: [broken.map(({ client }) => client.client_id)],
  })
  const { given_up: before = 0 } = counted()
  for (const { client } of broken.slice(1)) await hurryLogouts(idp, client.client_id)
  await settled(...broken.slice(1).map(({ client }) => client))
  const reasons = await Promise.all(broken.slice(1).map(async ({ client }) => (await eventsOf(client))[0]))
  t.match(reasons, [
    { sub: person.sub, detail: { by: 'schedule', reason: 'status', status: 307 } },
    { sub: person.sub, detail: { by: 'schedule', reason: 'no_response' } },
    { detail: { reason: 'no_response' } },
    { detail: { reason: 'no_response' } },
  ])
  t.equal(counted()['given_up'], before + 4)
})

t.test('a client that answers 400 is not told again', async (t) => {
  const { client, path, received } = await listeningClient()
  applications.answer(path, (reply) => reply.writeHead(400).end('{"error":"invalid_request"}'))
  const { browser } = await enter(client)
  await confirmLogout(browser)
  await settled(client)
  t.equal(received().length, 1)
  t.match(await eventsOf(client), [{ detail: { reason: 'rejected', status: 400 } }])
})

t.test(
  'with HS256, the secrets of the client take turns, so that one it does not know yet is no obstacle',
  async (t) => {
    const { client, path, received } = await listeningClient({ id_token_signed_response_alg: 'HS256' })
    const { browser } = await enter(client)
    const rotated = await rotateClientSecret(signet, operator, client.client_id, 'newest kept')
    if (typeof rotated === 'string' || !('secret' in rotated)) throw new Error('The client has no secret.')
    applications.answer(path, (reply) => reply.writeHead(400).end())
    await confirmLogout(browser)
    await failed(client, 1)
    applications.answer(path, (reply) => reply.writeHead(200).end())
    await hurryLogouts(idp, client.client_id)
    await settled(client)
    t.equal(received().length, 2)
    const octets = (text = '') => Buffer.from(text, 'utf8')
    const verified = await Promise.all(
      received().map(async ({ token }) =>
        Promise.any(
          [rotated.secret, client.secret].map((secret) => jwtVerify(token, octets(secret)).then(() => secret)),
        ),
      ),
    )
    t.same(new Set(verified), new Set([rotated.secret, client.secret]))
    t.match(decodeProtectedHeader(received()[0]?.token ?? ''), { alg: 'HS256', typ: 'logout+jwt' })
  },
)

t.test('while ten endpoints hang, other clients are told and mails are sent', async (t) => {
  const unanswered: ServerResponse[] = []
  const hanging = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const application = await startLogoutReceiver(t)
      application.answer('/', (reply) => unanswered.push(reply))
      return { application, client: await idp.client({ backchannel_logout_uri: application.url('/') }) }
    }),
  )
  const person = await idp.person()
  const { browser } = await enter(hanging[0]?.client as TestClient, { person })
  for (const { client } of hanging.slice(1)) await enter(client, { browser, person })
  await confirmLogout(browser)
  await eventually('all of them to hang', () => hanging.every(({ application }) => application.received.length === 1))

  const good = await listeningClient()
  const other = await enter(good.client)
  await confirmLogout(other.browser)
  await settled(good.client)
  t.equal(good.received().length, 1)
  const mail = { kind: 'recovery', link: `${idp.issuer}/recover/password?token=x`, minutes: 30 } as const
  await inTransaction(database, (tx) =>
    queueMail(tx, signet, { to: 'while-they-hang@example.com', locale: 'en', mail, sub: person.sub }),
  )
  const { mail: delivery } = signet.settings
  if (delivery.delivery !== 'files') throw new Error('Mails are not written to files.')
  await eventually('the mail', () =>
    readdirSync(delivery.folder).some((name) =>
      readFileSync(join(delivery.folder, name), 'utf8').includes('while-they-hang@example.com'),
    ),
  )
  const stillRunning = (await waitingLogouts(idp)).filter(({ client, locked }) =>
    hanging.some((one) => locked && one.client.client_id === client),
  )
  t.equal(stillRunning.length, 10, 'and all ten hang still')
  // Without an answer they would fail during a later test that counts failures.
  for (const reply of unanswered) reply.end()
  await settled(...hanging.map(({ client }) => client))
})

t.test('many sessions that end at the same time use up no attempts, however many may be told at a time', async (t) => {
  const { client, path, received } = await listeningClient()
  await idp.changeClient(client, 'self_registered = true')
  applications.answer(path, (reply) => setTimeout(() => reply.end(), 20))
  const before = counted()
  const notices = Array.from({ length: 150 }, (_, index) =>
    JSON.stringify({ session: 1_000_000 + index, sidVersion: 1, sub: 'somebody', client: client.client_id }),
  )
  await database.query({ text: `SELECT queue_notices('send_logout_token', $1::json[], 1)`, values: [notices] })
  await eventually('all of them', async () => {
    await hurryLogouts(idp, client.client_id)
    return received().length >= notices.length
  })
  await settled(client)
  t.equal(new Set(received().map(({ claims }) => claims.sid)).size, notices.length)
  t.equal(counted()['failed'] ?? 0, before['failed'] ?? 0)
  t.same(await eventsOf(client), [])
})

t.test('another node continues what a killed one was sending', async (t) => {
  const { client, received } = await listeningClient()
  const { browser, person } = await enter(client)
  await inTransaction(database, async (tx) => {
    await tx.query({ text: 'UPDATE sessions SET ended_at = now() WHERE sub = $1', values: [person.sub] })
    const text = `UPDATE signet_test_jobs._private_jobs SET attempts = 1, locked_by = 'killed', locked_at = now() - interval '6 minutes'
                  WHERE payload->>'client' = $1`
    t.equal((await tx.query({ text, values: [client.client_id] })).rowCount, 1)
  })
  t.ok(browser)
  t.same(received(), [])
  await tendJobs(database)
  await hurryLogouts(idp, client.client_id)
  await settled(client)
  t.equal(received().length, 1)
})

t.test('a node that was killed during the last attempt leaves an event', async (t) => {
  const { client, path, received } = await listeningClient()
  applications.answer(path, (reply) => reply.writeHead(503).end())
  const { browser } = await enter(client)
  await confirmLogout(browser)
  await failed(client, 1)
  await database.query({
    text: `UPDATE signet_test_jobs._private_jobs SET attempts = max_attempts - 1 WHERE payload->>'client' = $1`,
    values: [client.client_id],
  })
  await hurryLogouts(idp, client.client_id)
  await settled(client)
  t.equal(received().length, 1)
  t.match(await eventsOf(client), [{ detail: { reason: 'interrupted' } }])
})

t.test('a node that stops gives back what it is sending, and another one sends it', async (t) => {
  const { client, path, received } = await listeningClient()
  applications.answer(path, hang)
  const { browser, claims } = await enter(client)
  await confirmLogout(browser)
  await eventually('the first attempt', () => received().length === 1)
  const other = await idp.another()
  await idp.stop()
  applications.answer(path, (reply) => reply.end())
  await hurryLogouts(other, client.client_id)
  await eventually('the second attempt', () => received().length === 2)
  t.match(
    received().map(({ claims: { sid } }) => sid),
    [claims.sid, claims.sid],
  )
})
