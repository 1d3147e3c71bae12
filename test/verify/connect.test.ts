import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import {
  accessTokenOf,
  type ConnectBearerOptions,
  type ConnectMiddleware,
  connectAuthentication,
  connectBearer,
  connectScopes,
  fastifyBearer,
  VerificationError,
} from 'signet-idp/verify'
import t, { type Test } from 'tap'
import { awayVerifier, good, refusals, send, verifier } from './bearer.ts'
import { audience } from './issuer.ts'

/** Runs middlewares one after the other, as Connect does. An error that one throws or passes to `next` ends as 500. */
function run(chain: ConnectMiddleware[], request: IncomingMessage, response: ServerResponse): void {
  const [middleware, ...rest] = chain
  const fail = () => void response.writeHead(500).end('{"error":"the error handler of the service"}')
  try {
    middleware?.(request, response, (error) => (error === undefined ? run(rest, request, response) : fail()))
  } catch {
    fail()
  }
}

async function service(t: Test, options: ConnectBearerOptions) {
  const reached: string[] = []
  const bearer = connectBearer(options)
  const route: ConnectMiddleware = (request, response) => {
    reached.push(request.url ?? '')
    response.end(JSON.stringify({ sub: accessTokenOf(request).sub }))
  }
  const server = createServer((request, response) => {
    if (request.url === '/payments')
      run([bearer, connectScopes('invoices:read', 'payments:make'), route], request, response)
    else if (request.url === '/transfers')
      run([bearer, connectAuthentication({ acr: ['aal2', 'phr'], maxAge: 300 }), route], request, response)
    else if (request.url === '/exports') run([bearer, connectScopes('invoices:read'), route], request, response)
    else if (request.url === '/forgotten') run([connectScopes('invoices:read'), route], request, response)
    else if (request.url === '/open') run([route], request, response)
    else run([bearer, route], request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, reached }
}

t.test(
  'every refusal is answered as in RFC 6750 and RFC 9470 and reported, and the route is not reached',
  async (t) => {
    const reported: string[] = []
    const { origin, reached } = await service(t, {
      verifier,
      realm: 'invoices',
      onRefusal: (error, request) => reported.push(`${request.url} ${error.code}`),
    })
    for (const [what, path, headers, status, challenge] of refusals) {
      const answer = await send(origin, path, headers)
      t.match(answer, { status, challenge, headers: { 'cache-control': 'no-store', 'set-cookie': undefined } }, what)
    }
    t.strictSame(reached, [])
    t.equal(reported.length, refusals.length)
    t.match(reported.at(-1), '/transfers insufficient_user_authentication')
  },
)

t.test('the body repeats the challenge', async (t) => {
  const { origin } = await service(t, { verifier })
  t.strictSame((await send(origin, '/invoices')).body, {})
  t.strictSame((await send(origin, '/invoices', ['Authorization', 'Bearer'])).body, {
    error: 'invalid_request',
    error_description: 'The Authorization header must contain Bearer, a space, and the token.',
  })
})

t.test('if the keys cannot be fetched, the service answers 503 and does not reveal internal details', async (t) => {
  const reported: unknown[] = []
  const { origin } = await service(t, { verifier: awayVerifier, onRefusal: (error) => reported.push(error.cause) })
  const answer = await send(origin, '/invoices', ['Authorization', `Bearer ${good}`])
  t.match(answer, { status: 503, headers: { 'retry-after': '5', 'www-authenticate': undefined } })
  t.notMatch(JSON.stringify(answer.body), /10\.1\.2\.3/)
  t.match(reported, [{ message: /10\.1\.2\.3/ }])
})

t.test('a program error goes to next, not to the route', async (t) => {
  const bug = { ...verifier, verify: () => Promise.reject(new RangeError('a bug')) }
  const { origin, reached } = await service(t, { verifier: bug })
  t.match(await send(origin, '/invoices', ['Authorization', `Bearer ${good}`]), { status: 500 })
  const full = await service(t, {
    verifier,
    onRefusal: () => {
      throw new Error('the log is full')
    },
  })
  t.match(await send(full.origin, '/invoices'), { status: 500 }, 'a listener that throws lets nobody pass')
  t.strictSame([...reached, ...full.reached], [])
})

t.test('if no token was checked, requiring scopes or claims lets nobody pass', async (t) => {
  const { origin } = await service(t, { verifier })
  t.match(await send(origin, '/forgotten', ['Authorization', `Bearer ${good}`]), { status: 500 })
  t.match(await send(origin, '/open', ['Authorization', `Bearer ${good}`]), { status: 500 })
})

t.test('another middleware cannot put claims onto a request', async (t) => {
  const request = { accessToken: { sub: 'admin' }, user: { sub: 'admin' }, 'verified access token': { claims: {} } }
  t.throws(() => accessTokenOf(request as unknown as IncomingMessage), /No access token was checked/)
})

t.test('a realm or a scope that cannot be sent is rejected at the start', async (t) => {
  t.throws(() => connectBearer({ verifier, realm: 'a"' }), { name: 'TypeError' })
  t.throws(() => connectScopes('a b'), { name: 'TypeError' })
  t.throws(() => connectAuthentication({ acr: ['a b'] }), { name: 'TypeError' })
})

t.test('a missing verifier, or a logger in place of its method, is rejected at the start', async (t) => {
  t.throws(() => connectBearer({ verifer: verifier } as never), { name: 'TypeError', message: /^verifier must be/ })
  t.throws(() => connectBearer({ verifier, onRefusal: console } as never), {
    name: 'TypeError',
    message: /^onRefusal must be a function/,
  })
  await t.rejects(async () => fastify().register(fastifyBearer, {} as never), {
    name: 'TypeError',
    message: /^verifier must be/,
  })
})

t.test('a valid token reaches the route, which can read its claims', async (t) => {
  const { origin, reached } = await service(t, { verifier })
  const headers = ['Authorization', `bearer ${good}`]
  for (const path of ['/invoices?page=2', '/exports'])
    t.match(await send(origin, path, headers), { status: 200, body: { sub: 'kX0m2dEPQ8y1Vq3S5wTz9A' } })
  t.strictSame(reached, ['/invoices?page=2', '/exports'])
  t.match(await send(origin, '/invoices'), { challenge: `Bearer realm="${audience}"` })
})

t.test('a platform without raw headers is supported through the parsed ones', async (t) => {
  const next = new Promise((resolve) =>
    connectBearer({ verifier })(
      { url: '/invoices', headers: { authorization: `Bearer ${good}` } } as unknown as IncomingMessage,
      {} as ServerResponse,
      (error) => resolve(error),
    ),
  )
  t.notOk((await next) instanceof VerificationError)
  t.equal(await next, undefined)
})
