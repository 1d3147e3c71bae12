import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { readSettings } from '../../src/platform/config/settings.ts'
import { signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import type { Signet } from '../../src/signet.ts'
import { postForm, send } from '../attacks/send.ts'
import { startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

const token = 'metrics-token-0123456789-abcdefghijklmnop'
const idp = await startSignet(t)
const { issuer, signet } = idp

/** The same Signet, called without a socket, so that requests can come from any address. */
function openDoor(more: Partial<Signet['settings']> = {}) {
  const app = buildApp({ ...signet, settings: { ...signet.settings, ...more } })
  t.teardown(() => app.close())
  return async (
    path: string,
    headers: Record<string, string> = {},
    remoteAddress = '127.0.0.1',
    method: 'GET' | 'HEAD' = 'GET',
  ) => {
    const { statusCode, headers: sent, body } = await app.inject({ method, url: path, headers, remoteAddress })
    return { status: statusCode, headers: sent, body }
  }
}

const open = openDoor()
const trusting = openDoor({ trustProxy: ['192.0.2.0/24'] })
const guarded = openDoor({ metricsToken: token })

/** The response without what differs in each request. */
function lasting({ status, headers, body }: Awaited<ReturnType<typeof open>>) {
  const { 'x-request-id': id, date, ...rest } = headers
  return { status, headers: rest, body: body.replaceAll(String(id), '') }
}

/** The values of all series, by name and labels. */
async function scrape(): Promise<Map<string, number>> {
  const { status, text } = await send(idp, { path: '/metrics' })
  t.equal(status, 200)
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

/** What has changed among Signet's own counters, except those of requests. */
async function counted(act: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await scrape()
  await act()
  const after = [...(await scrape())].filter(([name]) => /^signet_\w+_total/.test(name))
  return Object.fromEntries(
    after.map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const).filter(([, more]) => more !== 0),
  )
}

t.test('without a configured token, other machines get the same 404 as for an unknown path', async (t) => {
  const nothing = lasting(await open('/no-such-address'))
  const nothingForPeople = lasting(await open('/no-such-address', { accept: 'text/html' }))
  t.equal(nothing.status, 404)
  for (const peer of ['192.0.2.1', '10.0.0.1', '2001:db8::1', '::ffff:192.0.2.1', '0.0.0.0', '127.0.0.1.example'])
    t.same(lasting(await open('/metrics', {}, peer)), nothing, `from ${peer}`)
  t.same(lasting(await open('/metrics', { accept: 'text/html' }, '192.0.2.1')), nothingForPeople)
  for (const [name, value] of [
    ['forwarded', 'for=192.0.2.1'],
    ['x-forwarded-for', '127.0.0.1'],
    ['x-forwarded-for', ''],
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-host', 'localhost'],
    ['x-real-ip', '127.0.0.1'],
    ['via', '1.1 proxy'],
  ] as const)
    t.same(lasting(await open('/metrics', { [name]: value })), nothing, `forwarded: ${name}`)
  for (const host of ['user@127.0.0.1@evil.example', 'a b'])
    t.equal((await open('/metrics', { host })).status, 400, `Host: ${host}`)
  for (const host of ['id.example.com', 'localhost.example', '127.0.0.1.example:4000'])
    t.same(lasting(await open('/metrics', { host })), nothing, `Host: ${host}`)
  t.same(
    lasting(await trusting('/metrics', { 'x-forwarded-for': '127.0.0.1' }, '192.0.2.1')),
    nothing,
    'a trusted proxy that claims to be local',
  )
  t.same(lasting(await open('/metrics', { authorization: `Bearer ${token}` }, '192.0.2.1')), nothing, 'with a token')
  t.same((await open('/metrics', {}, '192.0.2.1', 'HEAD')).status, 404)
})

t.test('with a configured token, nobody can read without it, not even from this machine', async (t) => {
  const missing = await guarded('/metrics')
  t.match(missing, {
    status: 401,
    headers: { 'www-authenticate': 'Bearer realm="Signet metrics"', 'cache-control': 'no-store' },
  })
  for (const authorization of [
    `Bearer ${token}x`,
    `Bearer ${token.slice(0, -1)}`,
    `Bearer ${token.toUpperCase()}`,
    'Bearer x',
    `Bearer ${'a'.repeat(5_000)}`,
  ])
    t.match(
      await guarded('/metrics', { authorization }),
      { status: 401, headers: { 'www-authenticate': /^Bearer .*error="invalid_token"/, 'content-type': /json/ } },
      authorization.slice(0, 60),
    )
  for (const authorization of [
    `Basic ${Buffer.from(`x:${token}`).toString('base64')}`,
    token,
    'Bearer',
    `Bearer ${token} ${token}`,
  ])
    t.equal((await guarded('/metrics', { authorization })).status, 401, authorization)
  t.equal((await guarded(`/metrics?access_token=${token}`)).status, 401, 'in the query')
  const answers = [missing, await guarded('/metrics', { authorization: 'Bearer x' })]
  for (const { body } of answers) t.notMatch(body, /signet_|process_/)
})

t.test(
  'a token that could be guessed, or that does not fit into a header, stops the start and is not repeated',
  async (t) => {
    for (const text of [
      'short',
      'x'.repeat(31),
      'x'.repeat(257),
      `${'x'.repeat(40)} y`,
      `${'x'.repeat(40)}é`,
      `=${'x'.repeat(40)}`,
    ])
      t.throws(() => readSettings({ SIGNET_METRICS_TOKEN: text }, '/nowhere'), {
        message:
          /^Invalid settings:\n {2}- SIGNET_METRICS_TOKEN: expected 32 to 256 letters, digits and `-._~\+\/=`\.$/,
      })
    t.equal(readSettings({ SIGNET_METRICS_TOKEN: token }, '/nowhere').metricsToken, token)
  },
)

t.test('the token grants access, and this machine has access if no token is set', async (t) => {
  for (const answer of [
    await guarded('/metrics', { authorization: `Bearer ${token}`, 'x-forwarded-for': '192.0.2.1' }, '192.0.2.1'),
    await guarded('/metrics', { authorization: `bearer ${token}`, host: 'id.example.com' }),
    await open('/metrics', { host: 'localhost:4000' }),
    await open('/metrics', { host: '[::1]:4000' }, '::1'),
    await open('/metrics', { host: '127.0.0.1' }, '::ffff:127.0.0.1'),
  ])
    t.match(answer, {
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' },
      body: /^signet_build_info\{version="\d+\.\d+\.\d+[^"]*"\} 1$/m,
    })
  const head = await open('/metrics', { host: 'localhost' }, '127.0.0.1', 'HEAD')
  t.same({ status: head.status, body: head.body }, { status: 200, body: '' })
})

t.test('requests cannot create new series', async (t) => {
  const sendNonsense = async (name: string) => {
    for (const path of [`/${name}`, `/metrics/${name}`, `/token?${name}=${name}`, `/assets/${name}`])
      await send(idp, { path })
    await send(idp, { method: 'PROPFIND', path: `/${name}` })
    await postForm(idp, '/token', `grant_type=${name}&client_id=${name}`)
  }
  await sendNonsense('first')
  const before = [...(await scrape()).keys()].filter((name) => name.startsWith('signet_'))
  await sendNonsense('second')
  const after = [...(await scrape()).keys()].filter((name) => name.startsWith('signet_'))
  t.same(after, before)
  t.ok(after.includes('signet_http_request_duration_seconds_count{route="none",method="other",status="4xx"}'))
})

t.test('each event is counted once, where it happens', async (t) => {
  const client = await idp.client({ token_endpoint_auth_method: 'none' })
  const machine = await idp.client({ grant_types: ['client_credentials'], scope: '' })
  const person = await idp.person()
  const browser = idp.browser()
  const page = await browser.get('/sign-in')
  const attempt = (password: string) => browser.submit(page, 'sign-in', { username: person.username, password })

  t.same(await counted(() => attempt('wrong password')), { 'signet_sign_ins_total{outcome="wrong_credentials"}': 1 })
  t.same(await counted(() => attempt(person.password)), { 'signet_sign_ins_total{outcome="success"}': 1 })

  const { code, redeem } = await signIn(idp, client, { person, browser })
  let first = ''
  t.same(
    await counted(async () => {
      first = (await redeem(code)).body.refresh_token
    }),
    {
      'signet_tokens_issued_total{token="access",grant_type="authorization_code",alg="ES256"}': 1,
      'signet_tokens_issued_total{token="id",grant_type="authorization_code",alg="ES256"}': 1,
    },
  )
  t.same(await counted(() => redeem(code)), { 'signet_refusals_total{entry="code_replayed"}': 1 }, 'a code used twice')

  const refreshed = {
    'signet_tokens_issued_total{token="access",grant_type="refresh_token",alg="ES256"}': 1,
    'signet_tokens_issued_total{token="id",grant_type="refresh_token",alg="ES256"}': 1,
  }
  const refresh = (refresh_token: string) => idp.token(client, { grant_type: 'refresh_token', refresh_token })
  t.same(await counted(() => refresh(first)), { 'signet_refreshes_total{outcome="spend"}': 1, ...refreshed })
  t.same(await counted(() => refresh(first)), { 'signet_refreshes_total{outcome="again"}': 1, ...refreshed })
  t.same(await counted(() => refresh(`${first}x`)), { 'signet_refusals_total{entry="refresh_token_unknown"}': 1 })
  // As if both had happened an hour ago.
  await refresh((await refresh(first)).body.refresh_token)
  await signet.database.query({
    text: `UPDATE refresh_families SET spends = (SELECT array_agg(spent - interval '1 hour') FROM unnest(spends) AS spent)`,
  })
  t.same(
    await counted(() => refresh(first)),
    { 'signet_refreshes_total{outcome="reused"}': 1, 'signet_refusals_total{entry="refresh_token_reused"}': 1 },
    'a replay issues nothing',
  )

  t.same(await counted(() => idp.token(machine, { grant_type: 'client_credentials' })), {
    'signet_tokens_issued_total{token="access",grant_type="client_credentials",alg="ES256"}': 1,
  })

  for (let tries = 0; tries < 20; tries++) await attempt('wrong password')
  t.same(await counted(() => attempt('wrong password')), {
    'signet_sign_ins_total{outcome="limited"}': 1,
    'signet_limits_exceeded_total{limit="sign-in-name"}': 1,
    'signet_refusals_total{entry="too_many_attempts"}': 1,
  })
})

t.test('a request is counted once, under the path of its route, with its duration', async (t) => {
  const series = (what: string, le = '') =>
    `signet_http_request_duration_seconds_${what}{route="/healthz",method="GET",status="2xx"${le}}`
  const before = await scrape()
  await send(idp, { path: '/healthz?code=secret' })
  const after = await scrape()
  t.equal(after.get(series('count')), (before.get(series('count')) ?? 0) + 1)
  t.equal(after.get(series('bucket', ',le="+Inf"')), after.get(series('count')))
  const buckets = [...after].filter(([name]) => name.includes('_bucket') && name.includes('route="/healthz"'))
  t.same(
    buckets.map(([, value]) => value),
    buckets.map(([, value]) => value).toSorted((a, b) => a - b),
    'each bucket includes the smaller ones',
  )
})

t.test('keys, readiness and connections are read at each scrape', async (t) => {
  const before = await scrape()
  for (const alg of signingAlgorithms)
    for (const [state, keys] of [
      ['active', 1],
      ['standby', 2],
      ['retiring', 0],
    ])
      t.equal(before.get(`signet_signing_keys{alg="${alg}",state="${state}"}`), keys, `${alg} ${state}`)
  const published = [...signet.keyRing.keys()]
  for (const [{ kid, alg, activatesAt }, state] of published)
    t.equal(
      before.get(`signet_signing_key_activation_timestamp_seconds{kid="${kid}",alg="${alg}",state="${state}"}`),
      activatesAt / 1000,
    )
  t.equal(before.get('signet_signing_ready'), 1)
  t.equal(before.get('signet_database_connections_limit'), signet.settings.databasePool)
  t.equal(before.get('signet_database_waiting'), 0)

  const [gone] = published.find(([, state]) => state === 'standby') ?? []
  if (!gone) throw new Error('There is a key on standby.')
  const held = await signet.database.connect()
  await held.query('UPDATE signing_keys SET revoked_at = clock_timestamp() WHERE kid = $1', [gone.kid])
  await signet.keyRing.refresh()
  const after = await scrape()
  held.release()
  t.notOk(
    [...after.keys()].some((name) => name.includes(gone.kid)),
    'a retired key has no series',
  )
  t.equal(after.get(`signet_signing_keys{alg="${gone.alg}",state="standby"}`), 2, 'another took its place')
  t.ok((after.get('signet_database_connections{state="busy"}') ?? 0) >= 1)
})

t.test('metrics contain no secret and name no client or person', async (t) => {
  const client = await idp.client()
  const { code, person, redeem } = await signIn(idp, client)
  const { body } = await redeem(code)
  await idp.token({ ...client, secret: 'a-wrong-secret-of-a-client' }, { grant_type: 'client_credentials' })
  const { text } = await send(idp, { path: `/metrics?${new URLSearchParams({ code })}` })
  t.ok(text.includes('signet_http_request_duration_seconds_count{route="/token"'))
  for (const secret of [
    ...[client.client_id, client.secret, 'a-wrong-secret', code, body.access_token, body.refresh_token, body.id_token],
    ...[person.sub, person.email, person.username, person.password, 'app.example', issuer, signet.settings.databaseUrl],
  ]) {
    t.type(secret, 'string')
    t.notOk(text.includes(String(secret)), String(secret).slice(0, 40))
  }
})

t.test('a scrape is valid Prometheus text: one HELP and TYPE each, and no series twice', async (t) => {
  const { text } = await send(idp, { path: '/metrics' })
  const lines = text.split('\n').filter((line) => line !== '')
  const series = lines.filter((line) => !line.startsWith('#'))
  const names = series.map((line) => line.slice(0, line.lastIndexOf(' ')))
  t.equal(new Set(names).size, names.length)
  for (const line of series)
    t.match(line, /^[a-z0-9_]+(?:\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})? (?:-?\d[\d.e+-]*|Nan)$/)
  for (const kind of ['HELP', 'TYPE']) {
    const declared = lines.flatMap((line) => new RegExp(`^# ${kind} (\\S+) \\S`).exec(line)?.[1] ?? [])
    t.equal(new Set(declared).size, declared.length)
    for (const name of names) {
      const [base = ''] = name.split('{')
      t.ok(declared.includes(base) || declared.includes(base.replace(/_(?:bucket|sum|count)$/, '')), `${kind} ${base}`)
    }
  }
})
