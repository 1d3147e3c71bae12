// Own process: it changes the environment and the tracing of its process.
import { createServer } from 'node:http'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { startTracing, TracingUnavailable } from '../../src/platform/tracing.ts'
import { noLog } from '../database.ts'
import { basic, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'

/** A receiver for traces that keeps all bytes it gets. */
async function startReceiver(t: Test): Promise<{ url: string; received: () => string; requests: () => string[] }> {
  const bodies: Buffer[] = []
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers['content-type']}`)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      bodies.push(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  t.teardown(() => new Promise((done) => server.close(done)))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('It listens on a port.')
  return {
    url: `http://127.0.0.1:${address.port}`,
    received: () => Buffer.concat(bodies).toString('latin1'),
    requests: () => requests,
  }
}

/** The SDK reads the environment of the process. */
function setEnvironment(t: Test, variables: Record<string, string>): void {
  Object.assign(process.env, variables)
  t.teardown(() => {
    for (const name of Object.keys(variables)) delete process.env[name]
  })
}

const neverLoad = () => Promise.reject(new Error('The packages must not be loaded.'))
const endpoint = 'http://127.0.0.1:4318'

t.test('nothing is loaded if tracing is not enabled', async (t) => {
  for (const environment of [
    {},
    { OTEL_SERVICE_NAME: 'id', OTEL_TRACES_SAMPLER: 'always_on' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: 'TRUE' },
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint, OTEL_TRACES_EXPORTER: 'none' },
  ])
    t.equal(await startTracing(environment, noLog, neverLoad), undefined, JSON.stringify(environment))
  for (const name of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'])
    await t.rejects(startTracing({ [name]: endpoint }, noLog, neverLoad), /must not be loaded/, `${name} enables it`)
})

t.test('a configuration that cannot work is reported in one sentence', async (t) => {
  const missing = () =>
    Promise.reject(Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' }))
  await t.rejects(
    startTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, noLog, missing),
    new TracingUnavailable(
      'OTEL_EXPORTER_OTLP_ENDPOINT enables tracing, but the packages for it are not installed: install Signet without ' +
        '--omit=optional, or unset that variable.',
    ),
  )
  await t.rejects(
    startTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, noLog, neverLoad),
    { name: 'TracingUnavailable', message: / is grpc, .* http\/protobuf\.$/ },
  )
})

t.test('spans contain no query, code, token, cookie, password or message, and the last spans are sent', async (t) => {
  const { url, received, requests } = await startReceiver(t)
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_SERVICE_NAME: 'id.test',
    OTEL_TRACES_SAMPLER: 'always_on',
  }
  setEnvironment(t, environment)
  const idp = await startSignet(t)
  const tracing = await startTracing(environment, noLog)
  if (!tracing) throw new Error('Tracing is enabled.')
  const app = buildApp(idp.signet, { tracing: tracing.plugin })
  t.teardown(() => app.close())

  // The cookie and the code come from a node that is not traced, so that all secrets of the sign-in are known here.
  const client = await idp.client()
  const { browser, code, person, pkce: proof } = await signIn(idp, client)
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const form = {
    'content-type': 'application/x-www-form-urlencoded',
    authorization: basic(client.client_id, client.secret ?? ''),
  }
  const redeemed = await app.inject({
    method: 'POST',
    url: '/token?leaked=in-the-query',
    headers: {
      ...form,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'vendor=what-a-stranger-says',
      baggage: 'person=what-a-stranger-says',
    },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: proof.verifier,
    }).toString(),
  })
  t.equal(redeemed.statusCode, 200)
  const tokens = redeemed.json() as Record<string, string>
  const parameters = authorizationParameters(client, pkce())
  const asked = await app.inject({ url: `/authorize?${new URLSearchParams(parameters)}`, headers: { cookie } })
  t.equal(asked.statusCode, 303)
  const given = new URL(String(asked.headers['location'])).searchParams
  const page = await app.inject({ url: `/sign-in?continue=${'c'.repeat(40)}`, headers: { cookie } })
  const unknown = await app.inject({ url: `/no-such-place/${tokens['access_token']}?code=${code}` })
  t.equal(unknown.statusCode, 404)
  const wrong = await app.inject({
    method: 'POST',
    url: '/token',
    headers: form,
    body: 'grant_type=refresh_token&refresh_token=guessed-by-somebody',
  })
  t.equal(wrong.statusCode, 400)
  await app.inject({ url: '/healthz' })
  await app.close()
  await tracing.stop()

  const bytes = received()
  t.same(new Set(requests()), new Set(['POST /v1/traces application/x-protobuf']))
  for (const told of ['id.test', 'POST /token', 'GET /authorize', 'http.route', 'http.response.status_code'])
    t.ok(bytes.includes(told), told)
  for (const { headers } of [redeemed, asked, page, unknown, wrong])
    t.ok(bytes.includes(String(headers['x-request-id'])), 'each request, under the id that its caller got')
  t.ok(
    bytes.includes(Buffer.from('0af7651916cd43dd8448eb211c80319c', 'hex').toString('latin1')),
    "the caller's trace is continued",
  )

  const secrets: Record<string, string> = {
    code,
    'another code': given.get('code') ?? '',
    state: parameters['state'] ?? '',
    'code challenge': parameters['code_challenge'] ?? '',
    'code verifier': proof.verifier,
    'access token': tokens['access_token'] ?? '',
    'access token signature': tokens['access_token']?.split('.')[2] ?? '',
    'refresh token': tokens['refresh_token'] ?? '',
    'ID token': tokens['id_token'] ?? '',
    'client secret': client.secret ?? '',
    'client id': client.client_id,
    sub: person.sub,
    cookie: [...browser.cookies.values()][0] ?? '',
    'a guessed password': 'guessed-by-somebody',
    'a query': 'leaked=',
    'a path without a route': 'no-such-place',
    'a message': wrong.json().error_description,
    'the URL attributes of the instrumentation': 'url.path',
    'an exception': 'exception',
    'the tracestate of a caller': 'what-a-stranger-says',
    'a health check': '/healthz',
  }
  for (const [what, secret] of Object.entries(secrets)) {
    t.ok(secret.length > 5, `${what} is known`)
    t.notOk(bytes.includes(secret), what)
  }
})
