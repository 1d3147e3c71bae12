import Fastify, { type FastifyInstance } from 'fastify'
import { fastifyAuthentication, fastifyBearer, fastifyScopes } from 'signet-idp/verify'
import t, { type Test } from 'tap'
import { awayVerifier, good, refusals, send, verifier } from './bearer.ts'
import { audience } from './issuer.ts'

async function start(t: Test, app: FastifyInstance): Promise<string> {
  t.teardown(() => app.close())
  return app.listen({ host: '127.0.0.1', port: 0 })
}

function service(options: { verifier: typeof verifier; realm?: string }, log: string[] = []) {
  const app = Fastify({
    logger: { level: 'info', stream: { write: (line: string) => void log.push(line) } },
    disableRequestLogging: true,
  })
  const reached: string[] = []
  app.setErrorHandler((_, __, reply) => reply.code(500).send({ error: 'the error handler of the service' }))
  app.get('/open', async () => ({ open: true }))
  app.register(async (api) => {
    await api.register(fastifyBearer, options)
    api.get('/invoices', async (request) => {
      reached.push(request.url)
      return { sub: request.accessToken.sub }
    })
    api.get('/payments', { onRequest: fastifyScopes('invoices:read', 'payments:make') }, async (request) => {
      reached.push(request.url)
      return {}
    })
    const recent = { onRequest: fastifyAuthentication({ acr: ['aal2', 'phr'], maxAge: 300 }) }
    api.get('/transfers', recent, async (request) => {
      reached.push(request.url)
      return {}
    })
    api.get('/exports', { onRequest: fastifyScopes('invoices:read', 'invoices:write') }, async () => ({
      exported: true,
    }))
  })
  return { app, reached }
}

t.test('every refusal is answered as in RFC 6750, and the route is not reached', async (t) => {
  const log: string[] = []
  const { app, reached } = service({ verifier, realm: 'invoices' }, log)
  const origin = await start(t, app)
  for (const [what, path, headers, status, challenge] of refusals) {
    const answer = await send(origin, path, headers)
    t.match(answer, { status, challenge, headers: { 'cache-control': 'no-store', 'set-cookie': undefined } }, what)
  }
  t.strictSame(reached, [])
  t.equal(
    log.filter((line) => JSON.parse(line).code !== undefined).length,
    refusals.length,
    'each is in the log with its code',
  )
  t.notOk(log.join('').includes(good), 'and the token is not')
})

t.test('if the keys cannot be fetched, the service answers 503 and does not reveal internal details', async (t) => {
  const log: string[] = []
  const origin = await start(t, service({ verifier: awayVerifier }, log).app)
  const answer = await send(origin, '/invoices', ['Authorization', `Bearer ${good}`])
  t.match(answer, { status: 503, headers: { 'retry-after': '5', 'www-authenticate': undefined } })
  t.strictSame(answer.body, {
    error: 'temporarily_unavailable',
    error_description: 'The token cannot be checked at the moment. Try again.',
  })
  t.match(JSON.parse(log.find((line) => line.includes('keys_unavailable')) ?? '{}'), {
    level: 50,
    code: 'keys_unavailable',
  })
})

t.test('a program error reaches the error handler of the service, not the route', async (t) => {
  const { app, reached } = service({ verifier: { ...verifier, verify: () => Promise.reject(new RangeError('a bug')) } })
  const answer = await send(await start(t, app), '/invoices', ['Authorization', `Bearer ${good}`])
  t.match(answer, { status: 500, body: { error: 'the error handler of the service' } })
  t.strictSame(reached, [])
})

t.test('if no token is checked, requiring scopes lets nobody pass', async (t) => {
  const app = Fastify()
  app.get('/forgotten', { onRequest: fastifyScopes('invoices:read') }, async () => ({ reached: true }))
  t.match(await send(await start(t, app), '/forgotten', ['Authorization', `Bearer ${good}`]), { status: 500 })
})

t.test('an unprotected route cannot read claims', async (t) => {
  const app = Fastify()
  app.get('/before', async (request) => ({ sub: request.accessToken.sub }))
  t.match(await send(await start(t, app), '/before', ['Authorization', `Bearer ${good}`]), { status: 500 })
})

t.test('a realm that would end its quoted string is rejected at the start', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await t.rejects(async () => app.register(fastifyBearer, { verifier, realm: 'a", scope="b' }), { name: 'TypeError' })
  t.throws(() => fastifyScopes('invoices:read invoices:write'), { name: 'TypeError' })
})

t.test('a valid token reaches the route, in any spelling of its scheme, and its claims can be read', async (t) => {
  const origin = await start(t, service({ verifier }).app)
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  '])
    t.match(await send(origin, '/invoices?page=2', ['Authorization', `${scheme} ${good}`]), {
      status: 200,
      body: { sub: 'kX0m2dEPQ8y1Vq3S5wTz9A' },
    })
  t.match(await send(origin, '/exports', ['Authorization', `Bearer ${good}`]), {
    status: 200,
    body: { exported: true },
  })
  t.match(await send(origin, '/open'), { status: 200, body: { open: true } }, 'outside the scope nothing is required')
})

t.test('the realm is the audience by default', async (t) => {
  const origin = await start(t, service({ verifier }).app)
  t.match(await send(origin, '/invoices'), { status: 401, challenge: `Bearer realm="${audience}"` })
})

t.test(
  'if the plugin protects the whole service, a route that does not exist is refused just like any other',
  async (t) => {
    const app = Fastify()
    await app.register(fastifyBearer, { verifier })
    t.match(await send(await start(t, app), '/nowhere'), { status: 401 })
  },
)

t.test('injected requests, as in a unit test of the service, are checked in the same way', async (t) => {
  const { app } = service({ verifier })
  t.teardown(() => app.close())
  t.equal((await app.inject({ url: '/invoices' })).statusCode, 401)
  t.equal((await app.inject({ url: '/invoices', headers: { authorization: `Bearer ${good}` } })).statusCode, 200)
})
