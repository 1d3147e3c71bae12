import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, type Sent, send, sendBytes } from './send.ts'

const form = 'application/x-www-form-urlencoded'
const browser = { accept: 'text/html,application/xhtml+xml', 'accept-language': 'de' }

t.test('every refusal of an endpoint for programs is JSON, whatever the request accepts', async (t) => {
  const idp = await startSignet(t)
  const posts = ['/token', '/par', '/introspect', '/revoke']
  const gets = [
    '/.well-known/jwks.json',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
  ]
  const requests: [status: number, sent: Sent][] = [
    ...posts.flatMap((path): [number, Sent][] => [
      [405, { path }],
      [405, { path: `${path}?a=b` }],
      [405, { path: `${path}#a` }],
      [405, { path: `http://evil.example${path}` }],
      [405, { path: path.replace('e', '%65') }],
      [404, { path: `${path.replace('e', '%65')}/x` }],
      [405, { method: 'PUT', path, headers: { 'content-type': 'application/json' }, body: '{}' }],
      [413, { method: 'PUT', path, headers: { 'content-type': form }, body: 'x'.repeat(40_000) }],
      [404, { path: `${path}/` }],
      [404, { method: 'POST', path: `${path}/x/y`, headers: { 'content-type': form }, body: 'a=b' }],
      [413, { method: 'POST', path, headers: { 'content-type': form }, body: 'x'.repeat(40_000) }],
      [415, { method: 'POST', path, headers: { 'content-type': 'application/json' }, body: '{}' }],
      [415, { method: 'POST', path, headers: { 'content-type': 'text/html; charset="' }, body: '<p>' }],
      [400, { method: 'POST', path, headers: { 'content-type': form }, body: 'a=%ff' }],
      [400, { method: 'POST', path: `${path}?client_secret=x`, headers: { 'content-type': form }, body: 'a=b' }],
      [path === '/introspect' ? 401 : 400, { method: 'POST', path }],
      [400, { method: 'POST', path, headers: { host: 'a b' } }],
      [400, { path, headers: { host: 'a b' } }],
      [400, { path: `${path}/x`, headers: { host: 'a b' } }],
      [400, { path: `${path}/%zz` }],
      [400, { path: `${path}%ff` }],
      [417, { path, headers: { expect: 'x' } }],
      [431, { path, headers: { 'x-long': 'x'.repeat(20_000) } }],
    ]),
    ...gets.flatMap((path): [number, Sent][] => [
      [405, { method: 'POST', path, headers: { 'content-type': form }, body: 'a=b' }],
      [405, { method: 'DELETE', path }],
      [404, { path: `${path}/x` }],
      [404, { path: `${path}/%2e%2e/x` }],
    ]),
    [404, { path: '/userinfo/x' }],
    [405, { method: 'DELETE', path: '/userinfo' }],
    [401, { path: '/userinfo' }],
    [401, { path: '/userinfo', headers: { authorization: 'Bearer x' } }],
    [400, { path: '/userinfo?access_token=x' }],
    [415, { method: 'POST', path: '/userinfo', headers: { 'content-type': 'text/plain' }, body: 'x' }],
    [413, { method: 'POST', path: '/userinfo', headers: { 'content-type': form }, body: 'x'.repeat(40_000) }],
  ]
  for (const [status, sent] of requests) {
    const what = `${sent.method ?? 'GET'} ${sent.path} ${JSON.stringify(sent.headers ?? {}).slice(0, 60)}`
    const answer = await send(idp, { ...sent, headers: { ...browser, ...sent.headers } })
    t.equal(answer.status, status, what)
    t.ok(isJson(answer), what)
    t.same(faultsOf(answer), [], what)
    if (status === 405) t.match(answer.headers.allow, /^(GET|POST)/, what)
  }
})

function isJson({ headers, json }: Answer): boolean {
  return /^application\/json\b/.test(headers['content-type'] ?? '') && json !== undefined
}

t.test('what is not HTTP gets JSON, and a browser at another path gets a page', async (t) => {
  const idp = await startSignet(t)
  for (const line of ['GET /token HTTP/9.9', 'NONSENSE /token HTTP/1.1', 'GET /to ken HTTP/1.1'])
    t.match(
      await sendBytes(idp, `${line}\r\nHost: a\r\nAccept: text/html\r\n\r\n`),
      /content-type: application\/json/i,
      line,
    )
  for (const path of ['/tokens', '/tokenx', '/TOKEN', '/nowhere', '/x/token'])
    t.match((await send(idp, { path, headers: browser })).headers['content-type'], /^text\/html/, path)
})

t.test('/revoke answers with an empty JSON object', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client({ token_endpoint_auth_method: 'client_secret_post' })
  const body = `${new URLSearchParams({ client_id: client.client_id, client_secret: client.secret ?? '', token: 'x' })}`
  const answer = await send(idp, {
    method: 'POST',
    path: '/revoke',
    headers: { ...browser, 'content-type': form },
    body,
  })
  t.equal(answer.status, 200)
  t.ok(isJson(answer))
  t.equal(answer.text, '{}')
  t.equal(answer.headers['cache-control'], 'no-store')
})
