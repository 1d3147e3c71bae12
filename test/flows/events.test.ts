import { setTimeout as pause } from 'node:timers/promises'
import { SignJWT } from 'jose'
import t from 'tap'
import type { Queryable } from '../../src/platform/database/queryable.ts'
import { DatabaseUnavailable } from '../../src/platform/database/unavailable.ts'
import { createTokenCounter } from '../../src/records/events/token-counter.ts'
import type { ClientId } from '../../src/records/ids.ts'
import { createRefusalLog } from '../../src/records/refusals/refusal-log.ts'
import { send, sendBytes } from '../attacks/send.ts'
import { answer, emptyFolder } from '../cli/console.ts'
import { noLog } from '../database.ts'
import { eventually } from '../support/eventually.ts'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { testMasterKey } from '../support/signing-keys.ts'

interface Shown {
  readonly events: { readonly type: string; readonly [name: string]: unknown }[]
  readonly refusals: {
    readonly description: string
    readonly detail?: string
    readonly documentation: string
    readonly fix: string
  }[]
  readonly notes: { readonly note: string; readonly detail: string; readonly fix: string }[]
}

const idp = await startSignet(t)
const folder = emptyFolder(t)
const { settings, database, refusals, tokenCounter, deferredEvents } = idp.signet
const environment = {
  SIGNET_DATABASE_URL: settings.databaseUrl ?? '',
  SIGNET_DATABASE_SCHEMA: settings.databaseSchema,
  SIGNET_ISSUER: settings.issuer,
  SIGNET_MASTER_KEY: testMasterKey,
  SIGNET_LOG_LEVEL: 'silent',
}
const signet = (...args: string[]) => answer(args, { environment, folder })
async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await signet(...args, '--json')
  if (code !== 0) throw new Error(err)
  return JSON.parse(out)
}

const headersIn = (came: string) => ({
  headers: new Headers({ 'x-request-id': /x-request-id: (\S+)/i.exec(came)?.[1] ?? '' }),
})

/** What the operator sees of a request, once it has been stored. */
async function show(headers: Headers): Promise<Shown> {
  await refusals.stop()
  return json('events', 'show', headers.get('x-request-id') ?? '')
}

t.test('for every refusal, the client is told what to fix and the operator what exactly failed', async (t) => {
  const client = await idp.client()
  const another = await idp.client()
  const journey = await signIn(idp, client)
  const authorize = (more: Record<string, string>) =>
    `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`
  const silently = (maxAge: string) => journey.browser.get(authorize({ prompt: 'none', max_age: maxAge }))
  const redemption = { grant_type: 'authorization_code', redirect_uri: 'https://app.example/callback' }
  const assertion = await new SignJWT({ iss: client.client_id, sub: client.client_id })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode('x'.repeat(32)))

  const cases: Record<string, { asked: Promise<{ headers: Headers }>; entry: string; detail: RegExp }> = {
    'a parameter: the verifier of another request': {
      asked: journey.redeem(journey.code, { code_verifier: pkce().verifier }),
      entry: 'code_verifier_wrong',
      detail: /^code_verifier: the request of grant .+ had a different code_challenge$/,
    },
    'a parameter: the code of another client': {
      asked: idp.token(another, { ...redemption, code: journey.code, code_verifier: journey.pkce.verifier }),
      entry: 'code_unknown',
      detail: new RegExp(`^code: grant .+ belongs to client ${client.client_id}$`),
    },
    'a parameter: a redirect URI that is not registered': {
      asked: idp.browser().get(authorize({ redirect_uri: 'https://app.example/callback/' })),
      entry: 'redirect_uri_not_registered',
      detail:
        /^redirect_uri https:\/\/app\.example\/callback\/; client \S+ is registered for: https:\/\/app\.example\/callback/,
    },
    'a secret: none of the active ones': {
      asked: idp.token({ ...client, secret: 'wrong' }, { ...redemption, code: 'x' }),
      entry: 'client_authentication_failed',
      detail: new RegExp(`^client ${client.client_id}: the secret matches none of its active ones$`),
    },
    'a client: unknown': {
      asked: idp.token({ ...client, client_id: 'client_nobody' as ClientId }, { ...redemption, code: 'x' }),
      entry: 'client_authentication_failed',
      detail: /^client_id: no such client$/,
    },
    'an authentication method: an assertion where a secret is registered': {
      asked: fetch(`${idp.issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: assertion,
        }),
      }),
      entry: 'client_authentication_failed',
      detail: /is registered for client_secret_basic but used client_secret_jwt$/,
    },
    'a cookie: missing': {
      asked: idp.browser().get(authorize({ prompt: 'none' })),
      entry: 'login_required',
      detail: new RegExp(`^cookie ${idp.cookieNames.session}: not sent$`),
    },
    'a cookie: its session has ended': {
      asked: fetch(`${idp.issuer}${authorize({ prompt: 'none' })}`, {
        headers: { cookie: `${idp.cookieNames.session}=${'x'.repeat(43)}` },
        redirect: 'manual',
      }),
      entry: 'login_required',
      detail: new RegExp(`^cookie ${idp.cookieNames.session}: its session has ended or expired$`),
    },
    'a cookie: sent twice': {
      asked: fetch(`${idp.issuer}${authorize({ prompt: 'none' })}`, {
        headers: {
          cookie: `${idp.cookieNames.session}=${'x'.repeat(43)}; ${idp.cookieNames.session}=${'y'.repeat(43)}`,
        },
        redirect: 'manual',
      }),
      entry: 'login_required',
      detail: new RegExp(`^cookie ${idp.cookieNames.session}: not set by this issuer, or sent twice$`),
    },
    'a clock: the sign-in is too old': {
      asked: pause(1_100).then(() => silently('0')),
      entry: 'login_required',
      detail: /^max_age: 0 seconds; the person signed in \d+ seconds before the request$/,
    },
    'a header: a form from elsewhere': {
      asked: journey.browser.post('/logout/confirm', {}, { origin: 'https://evil.example' }),
      entry: 'form_from_elsewhere',
      detail: /^Origin: https:\/\/evil\.example, but the issuer is http:\/\/localhost:\d+$/,
    },
    'a token: for somebody else': {
      asked: fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${assertion}` } }),
      entry: 'access_token_refused',
      detail: /^access token: [a-z_]+: /,
    },
    'an address that cannot be decoded': {
      asked: send(idp, { path: '/%zz' }).then(({ headers }) => ({
        headers: new Headers(headers as Record<string, string>),
      })),
      entry: 'address_unreadable',
      detail: /^undefined$/,
    },
    'not HTTP': {
      asked: sendBytes(idp, 'nonsense\r\n\r\n').then(headersIn),
      entry: 'not_http',
      detail: /^HPE_/,
    },
    'a request without a Host': {
      asked: sendBytes(idp, 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n').then(headersIn),
      entry: 'host_missing',
      detail: /^undefined$/,
    },
    'an unknown expectation': {
      asked: sendBytes(idp, 'POST /token HTTP/1.1\r\nhost: x\r\nexpect: a-miracle\r\ncontent-length: 1\r\n\r\n').then(
        headersIn,
      ),
      entry: 'expectation_unknown',
      detail: /^undefined$/,
    },
    'an unknown address': {
      asked: fetch(`${idp.issuer}/no-such-path`),
      entry: 'address_unknown',
      detail: /^undefined$/,
    },
  }
  for (const [name, { asked, entry, detail }] of Object.entries(cases))
    await t.test(name, async (t) => {
      const { events, refusals } = await show((await asked).headers)
      t.same(events, [])
      t.equal(refusals.length, 1)
      t.equal(refusals[0]?.documentation, `${idp.issuer}/errors#${entry}`)
      t.match(String(refusals[0]?.detail), detail)
    })
})

t.test('an error_uri leads to the page that explains this error, with the request id', async (t) => {
  const client = await idp.client()
  const { body, headers } = await idp.token(client, { grant_type: 'password' })
  const id = headers.get('x-request-id')
  t.equal(body.error_uri, `${idp.issuer}/errors?request_id=${id}#grant_type_unsupported`)
  const page = await idp.browser().get(body.error_uri)
  t.equal(page.status, 200)
  t.match(page.text, `signet events show ${id}`)
  t.match(page.text, 'id="grant_type_unsupported"')
  const forged = await idp.browser().get('/errors?request_id=%3Cscript%3Ealert(1)%3C/script%3E')
  t.notMatch(forged.text, 'alert')

  const refused = await idp
    .browser()
    .get(`/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), { scope: 'x y' }))}`)
  const answered = new URL(refused.location ?? '').searchParams
  const authorizationId = refused.headers.get('x-request-id')
  t.equal(answered.get('error_uri'), `${idp.issuer}/errors?request_id=${authorizationId}#scope_not_registered`)
})

t.test('a flood of refusals is counted, not stored', async (t) => {
  await refusals.stop()
  const before = await database.query<{ count: number }>('SELECT count(*) FROM refusals')
  const refusal = {
    ...{ requestId: 'flood', network: '::1', method: 'GET', route: '/', clientId: undefined },
    ...{ status: 400, entry: 'x', error: 'x' },
  }
  for (let n = 0; n < 5_000; n++) refusals.record({ ...refusal, description: 'x', detail: `\0\u001b[2J\ud800${n}` })
  await refusals.stop()
  const after = await database.query<{ count: number }>('SELECT count(*) FROM refusals')
  t.equal((after.rows[0]?.count ?? 0) - (before.rows[0]?.count ?? 0), 100)
  t.match(idp.logged(), '"lost":4900,"msg":"The queue of refusals was full')
  const shown = await signet('events', 'show', 'flood')
  t.notMatch(shown.out, '\u001b')
})

t.test('everything important leaves an event, and the filters find it', async (t) => {
  const client = await idp.client({ grant_types: ['authorization_code', 'refresh_token', 'client_credentials'] })
  const { client_id: clientId } = client
  const journey = await signIn(idp, client)
  const { sub, username } = journey.person
  const { body: tokens } = await journey.redeem()
  await idp.token(client, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
  for (let n = 0; n < 3; n++) await idp.token(client, { grant_type: 'client_credentials' })
  await Promise.all([tokenCounter.stop(), deferredEvents.stop()])
  await fetch(`${idp.issuer}/revoke`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${clientId}:${client.secret}`)}` },
    body: new URLSearchParams({ token: tokens.refresh_token }),
  })
  const browser = idp.browser()
  await browser.submit(await browser.get('/sign-in'), 'sign-in', { username, password: 'not the right one' })
  await journey.browser.submit(await journey.browser.get('/'), 'sign-out')

  const of = async (...filter: string[]) =>
    (await json<{ type: string; detail: object }[]>('events', 'list', ...filter)).map(({ type }) => type)
  t.same(await of('--client-id', clientId), [
    ...['grant_opened', 'consent_given', 'tokens_issued', 'tokens_issued'],
    // The machine's standing grant, and its three tokens, counted together.
    ...['grant_opened', 'tokens_issued', 'token_revoked', 'grant_ended'],
  ])
  t.same(await of('--user', username), [
    ...['signed_in', 'grant_opened', 'consent_given', 'tokens_issued', 'tokens_issued', 'token_revoked'],
    ...['grant_ended', 'sign_in_failed', 'signed_out'],
  ])
  t.same(await of('--user', sub, '--type', 'signed_in', '--type', 'signed_out'), ['signed_in', 'signed_out'])
  t.same(await of('--client-id', clientId, '--limit', '2'), ['token_revoked', 'grant_ended'], 'the newest')
  t.same(await of('--client-id', "' OR 1=1 --"), [])
  const issued = await json<{ detail: Record<string, unknown> }[]>(
    ...['events', 'list', '--client-id', clientId, '--type', 'tokens_issued'],
  )
  t.match(
    issued.map(({ detail }) => detail),
    [
      { grant_type: 'authorization_code', audience: idp.issuer, jti: String },
      { grant_type: 'refresh_token', audience: idp.issuer, jti: String },
      { grant_type: 'client_credentials', audience: idp.issuer, tokens: 3 },
    ],
  )
  t.match(await signet('events', 'list', '--type', 'x'), { code: 2, err: /There are no events of type x/ })
  t.match(await signet('events', 'list', '--limit', '0'), { code: 2, err: /from 1 to 10000/ })
  t.match(await signet('events', 'show', 'nothing'), { code: 1, err: /Nothing is recorded for request nothing/ })
  const listed = await signet('events', 'list', '--client-id', clientId, '--since', '1h')
  t.match(listed.out, /^\d{4}-.{19} {2}grant_opened {10}request_id=\S{16} network=127\.0\.0\.1 client_id=/)
  t.match((await signet('events', 'list', '--kid', 'x')).out, 'No events found.')
})

t.test('events outlive their subjects, and nobody can delete or change them', async (t) => {
  const { person } = await signIn(idp, await idp.client())
  t.match(await signet('users', 'delete', person.username), { code: 0 })
  const types = (await json<{ type: string }[]>('events', 'list', '--user', person.sub)).map(({ type }) => type)
  t.ok(types.includes('signed_in') && types.includes('account_deleted') && types.includes('grant_ended'), `${types}`)
  t.match(await signet('events', 'list', '--user', 'nobody'), { code: 1, err: /There is no user nobody/ })
  for (const text of ['DELETE FROM events', "UPDATE events SET type = 'x'", 'TRUNCATE events'])
    await t.rejects(database.query(text), { message: 'events are append-only' }, text)
})

t.test('whatever cannot be stored while the database is unreachable is stored when it is back', async (t) => {
  let away = true
  const written: unknown[] = []
  const db = {
    query: async ({ values = [] }: { values?: unknown[] }) => {
      if (away) throw new DatabaseUnavailable('The database is away.')
      written.push(...values)
    },
  } as unknown as Queryable
  const lost = createRefusalLog(db, noLog)
  const about = { network: '::1', method: 'POST', route: '/token', clientId: undefined, detail: undefined }
  const unavailable = { status: 503, entry: 'unavailable', error: 'temporarily_unavailable', description: 'Again.' }
  lost.record({ requestId: 'during', ...about, ...unavailable })
  await lost.stop()
  const counted = createTokenCounter(db, noLog)
  const token = { clientId: 'client', grantId: 'grant', audience: 'https://api.example' }
  for (let n = 0; n < 3; n++) counted.count(token)
  await counted.stop()
  away = false
  counted.count(token)
  await Promise.all([lost.stop(), counted.stop()])
  t.match(written.join(' '), /during.*"tokens":4\b/s)
})

t.test('an event that is written later has the time at which it happened, and --follow shows it', async (t) => {
  const clientId = 'client_deferred'
  const record = (n: number, secondsAgo: number) =>
    deferredEvents.record({
      ...{ at: Date.now() - secondsAgo * 1000, type: 'tokens_issued', clientId, detail: { n } },
      caller: { requestId: `deferred-${n}`, network: '192.0.2.1', userAgent: 'test' },
    })
  record(1, 0)
  await deferredEvents.stop()
  const stop = new AbortController()
  let seen = 0
  const following = answer(['events', 'list', '--follow', '--json', '--client-id', clientId], {
    environment,
    folder,
    stopSignal: stop.signal,
    onOut: () => {
      seen++
    },
  })
  await eventually('the first event', () => seen === 1)
  // It happened before the event that has been shown, and is written half a second from now.
  record(2, 20)
  await eventually('the second event', () => seen === 2)
  stop.abort()
  const shown = (await following).out.trim().split('\n')
  t.match(
    shown.map((line) => JSON.parse(line)),
    [{ request_id: 'deferred-1' }, { request_id: 'deferred-2' }],
    'in the order in which they were written',
  )
  const listed = await json<{ at: string; request_id: string }[]>('events', 'list', '--client-id', clientId)
  t.match(listed, [{ request_id: 'deferred-2' }, { request_id: 'deferred-1' }], 'in the order in which they happened')
  t.equal(Date.parse(listed[1]!.at) - Date.parse(listed[0]!.at) > 19_000, true)
})

t.test('--follow shows each event once, whatever the order of commits, and ends with Ctrl-C', async (t) => {
  const type = 'client_updated'
  const insert = "INSERT INTO events (type, detail) VALUES ($1, jsonb_build_object('n', $2::integer))"
  await database.query(insert, [type, 0])
  const late = await database.connect()
  await late.query('BEGIN')
  await late.query(insert, [type, 1]) // its number is lower than that of an event already seen
  const stop = new AbortController()
  let seen = 0
  const following = answer(['events', 'list', '--follow', '--json', '--type', type], {
    environment,
    folder,
    stopSignal: stop.signal,
    onOut: () => {
      seen++
    },
  })
  const reached = (n: number) =>
    eventually(
      `${n} events`,
      () => seen,
      (count) => count >= n,
    )
  await reached(1)
  await database.query(insert, [type, 2])
  await reached(2)
  await late.query('COMMIT')
  late.release()
  await reached(3)
  stop.abort()
  const { code, out, err } = await following
  t.same({ code, err }, { code: 0, err: '' })
  t.same(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).detail.n),
    [0, 2, 1],
  )
})
