import { SignJWT } from 'jose'
import t from 'tap'
import { postForm, send } from '../attacks/send.ts'
import { answer, emptyFolder } from '../cli/console.ts'
import { eventually } from '../support/eventually.ts'
import { startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce } from '../support/journey.ts'
import { testMasterKey } from '../support/signing-keys.ts'

/** `signet events refusals`, beside a running server. */

interface Listed {
  readonly id: number
  readonly at: string
  readonly request_id: string
  readonly client_id?: string
  readonly error?: string
  readonly note?: string
  readonly entry?: string
  readonly fix?: string
  readonly [member: string]: unknown
}

const idp = await startSignet(t)
const { settings, database, refusals } = idp.signet
const environment = {
  SIGNET_DATABASE_URL: settings.databaseUrl ?? '',
  SIGNET_DATABASE_SCHEMA: settings.databaseSchema,
  SIGNET_ISSUER: settings.issuer,
  SIGNET_MASTER_KEY: testMasterKey,
  SIGNET_LOG_LEVEL: 'silent',
}
const folder = emptyFolder(t)
const signet = (...args: string[]) => answer(['events', 'refusals', ...args], { environment, folder })
async function json(...args: string[]): Promise<Listed[]> {
  await refusals.stop()
  const { code, out, err } = await signet(...args, '--json')
  if (code !== 0) throw new Error(err)
  return JSON.parse(out)
}
const ofClient = ({ client_id: id }: TestClient, ...args: string[]) => json('--client-id', id, ...args)
const authorize = (client: TestClient, more: Record<string, string> = {}) =>
  `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`
const empty = () => database.query({ text: 'DELETE FROM refusals' })

t.test('bad flag values are usage errors', async (t) => {
  for (const flags of [
    ['--since', '10'],
    ['--since'],
    ['--client-id', ''],
    ['--limit', '0'],
    ['--follow', '--all'],
    ['--follow', '--after', '5'],
  ])
    t.match(await signet(...flags), { code: 2, out: '' }, flags.join(' '))
  for (const id of ['x', '-1', '1e3', "' OR 1=1 --", '9'.repeat(400)])
    t.match(await signet('--after', id), { code: 1, out: '', err: /^signet: There is no refusal .{1,90}\n$/ }, id)
})

t.test('an empty list says what may be the reason', async (t) => {
  await refusals.stop()
  await empty()
  t.match(await signet(), {
    code: 0,
    err: '',
    out: /^No refused requests found\. They are recorded within a second .*X-Request-Id\.\n$/,
  })
  t.match(await signet('--client-id', 'client_nobody', '--since', '10m'), {
    code: 0,
    out: /^No refused requests found/,
  })
  t.same(await json(), [])
})

t.test('a refusal says what was sent, what was not, and what to change', async (t) => {
  const client = await idp.client()
  const { headers } = await idp.token({ ...client, secret: 'wrong' }, { grant_type: 'authorization_code', code: 'x' })
  const id = headers.get('x-request-id') ?? ''
  const [refusal, ...more] = await ofClient(client)
  t.same(more, [])
  t.match(refusal, {
    ...{ id: Number, at: /^\d{4}-/, request_id: id, network: '127.0.0.1', client_id: client.client_id },
    ...{ method: 'POST', route: '/token', status: 401, error: 'invalid_client', entry: 'client_authentication_failed' },
    description: /^Client authentication failed/,
    detail: /the secret matches none of its active ones$/,
    fix: /signet clients rotate-secret/,
    documentation: `${idp.issuer}/errors#client_authentication_failed`,
  })
  const { out } = await signet('--client-id', client.client_id, '--since', '10m')
  const lines = out.trimEnd().split('\n')
  t.match(lines[0], /^\d{4}-\S+Z {2}POST \/token was refused: 401 invalid_client$/)
  t.same(
    lines.slice(1).map((line) => line.slice(2, 10).trimEnd()),
    ['sent', 'not sent', 'request', 'from', 'to fix', 'more'],
  )
  t.match(out, `from      127.0.0.1, as client ${client.client_id}\n`)
  const shown = await answer(['events', 'show', id], { environment, folder })
  t.equal(shown.out, out, 'the same as for one request')
})

t.test('a note says that the request was answered, and what to change', async (t) => {
  const client = await idp.client()
  const { headers } = await send(idp, { path: authorize(client, { scope: 'openid no-such:scope' }) })
  const [note, ...more] = await ofClient(client)
  t.same(more, [])
  t.match(note, {
    ...{ note: 'scopes_dropped', status: 303, route: '/authorize', request_id: headers['x-request-id'] },
    ...{ detail: /^scope: "no-such:scope"; client /, fix: /signet clients update --scope/ },
  })
  for (const member of ['error', 'entry', 'documentation']) t.notOk(member in (note ?? {}), 'it is no error')
  const { out } = await signet('--client-id', client.client_id)
  t.match(out, /^\S+ {2}GET \/authorize was answered: 303, with a note\n {2}note {6}The request asked for scopes/)
  t.notMatch(out, 'refused')
  const shown = await answer(['events', 'show', note?.request_id ?? '', '--json'], { environment, folder })
  t.match(JSON.parse(shown.out), { events: [], refusals: [], notes: [{ note: 'scopes_dropped' }] })
})

t.test('refusals are found by client, however the request names it', async (t) => {
  const client = await idp.client()
  const key = new TextEncoder().encode('x'.repeat(32))
  const assertion = await new SignJWT({ iss: client.client_id, sub: client.client_id })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(key)
  await idp.token(client, { grant_type: 'x' })
  await postForm(idp, '/token', new URLSearchParams({ grant_type: 'y', client_id: client.client_id }).toString())
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const form = { grant_type: 'z', client_assertion: assertion, client_assertion_type: type }
  await postForm(idp, '/token', new URLSearchParams(form).toString())
  await send(idp, { path: authorize(client, { prompt: 'none' }) })
  const { location } = await postForm(
    idp,
    '/authorize',
    authorize(client, { max_age: 'x' }).slice('/authorize?'.length),
  )
  await send(idp, { path: location ?? '' })
  const found = await ofClient(client)
  t.same(
    found.map(({ entry }) => entry),
    [
      'max_age_malformed',
      'login_required',
      'client_authentication_failed',
      'client_authentication_failed',
      'grant_type_unsupported',
    ],
    'newest first',
  )
})

t.test('pages follow each other without a gap, for one client and for all, and --since cuts', async (t) => {
  await refusals.stop()
  await empty()
  const insert = (n: number, age: string) =>
    database.query({
      text: `INSERT INTO refusals (at, request_id, network, method, route, client_id, status, entry, error, description)
             SELECT now() - $2::interval, 'r' || i, '::1', 'GET', '/', 'client_' || i % 3, 400, 'from_another_release', 'x', 'x'
             FROM generate_series(1, $1::int) AS i`,
      values: [n, age],
    })
  await insert(1_500, '2 hours')
  await insert(900, '1 minute')
  for (const flags of [
    [],
    ['--client-id', 'client_1'],
    ['--since', '1h'],
    ['--client-id', 'client_1', '--since', '1h'],
  ]) {
    const all = await json(...flags, '--all')
    t.equal(
      all.length,
      (flags.includes('--since') ? 900 : 2_400) / (flags.includes('--client-id') ? 3 : 1),
      flags.join(' '),
    )
    t.same(
      all.map(({ id }) => id),
      all.map(({ id }) => id).sort((a, b) => b - a),
      'newest first',
    )
    const paged: Listed[] = []
    for (let after: string[] = []; ; ) {
      const { out, err } = await signet(...flags, '--json', '--limit', '700', ...after)
      const page: Listed[] = JSON.parse(out)
      paged.push(...page)
      if (err === '') break
      t.equal(err, `signet: There are more: --after ${page.at(-1)?.id} shows the next page, --all shows everything.\n`)
      after = ['--after', String(page.at(-1)?.id)]
    }
    t.same(paged, all)
  }
  t.equal((await json()).length, 100, 'a hundred by default')
  const [unknown] = await json('--limit', '1')
  t.equal(unknown?.fix, undefined, 'another release knows what to change')
  t.match((await signet('--limit', '1')).out, /\n\nThere are more: --after \d+ shows the next page/)
  t.match((await signet('--after', '1')).out, 'There is nothing after 1.')
})

t.test('nothing that a request contains is invisible or controls the terminal', async (t) => {
  await refusals.stop()
  await empty()
  const evil = 'x\u001b[2J\u009b31m\u202ey\u200b\u2066\u{e0041}\u00a0\r\nz'
  for (const client_id of [evil, `client_\u202e${'\u200b'.repeat(300)}`]) {
    await postForm(idp, '/token', new URLSearchParams({ client_id, grant_type: 'x' }).toString())
    await send(idp, { path: `/authorize?${new URLSearchParams({ client_id, redirect_uri: 'https://x.example' })}` })
  }
  const client = await idp.client()
  for (const redirect_uri of ['https://evil.example/\u202e\u200b\ufeff', 'https://evil.example/\u{e0041}'])
    await send(idp, { path: authorize(client, { redirect_uri }) })
  await send(idp, { path: authorize(client, { prompt: '\u2066\u3164' }) })
  const listed = await json()
  t.equal(listed.length, 7)
  const request = listed[0]?.request_id ?? ''
  for (const { out } of [
    await signet(),
    await signet('--json'),
    await answer(['events', 'show', request], { environment, folder }),
    await answer(['events', 'show', request, '--json'], { environment, folder }),
  ])
    t.match(out, /^[\x20-\x7e\n]+$/)
  const { out } = await signet()
  t.equal(out.match(/^\d{4}-/gm)?.length, 7, 'no value starts a line of its own')
})

t.test('--follow shows the last ones and then new ones, oldest first, until Ctrl-C', async (t) => {
  const client = await idp.client()
  const refuse = (code: string) => idp.token(client, { grant_type: code })
  for (const type of ['a', 'b', 'c']) await refuse(type)
  await refusals.stop()
  const stop = new AbortController()
  let seen = 0
  const following = answer(
    ['events', 'refusals', '--follow', '--json', '--limit', '2', '--client-id', client.client_id],
    {
      ...{ environment, folder, stopSignal: stop.signal },
      onOut: () => {
        seen++
      },
    },
  )
  const reached = (n: number) =>
    eventually(
      `${n} refusals`,
      () => seen,
      (count) => count >= n,
    )
  await reached(2)
  await idp.token(await idp.client(), { grant_type: 'of another client' })
  await refuse('d')
  await reached(3)
  await send(idp, { path: authorize(client, { scope: 'openid no-such:scope' }) })
  await reached(4)
  stop.abort()
  const { code, out, err } = await following
  t.same({ code, err }, { code: 0, err: '' })
  const lines: Listed[] = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.same(
    lines.map(({ detail, note }) => note ?? detail),
    ['grant_type b', 'grant_type c', 'grant_type d', 'scopes_dropped'],
  )
})
