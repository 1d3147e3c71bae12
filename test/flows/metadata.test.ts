import t from 'tap'
import { startSignet } from '../support/idp.ts'

t.test('public documents for programs', async (t) => {
  const idp = await startSignet(t)
  const get = (path: string, headers: Record<string, string> = {}) => fetch(`${idp.issuer}${path}`, { headers })

  t.test('both metadata documents are the same, and every address in them responds', async (t) => {
    const documents = await Promise.all(
      ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'].map(async (path) =>
        (await get(path)).json(),
      ),
    )
    t.same(documents[0], documents[1])
    t.equal(documents[0].issuer, idp.issuer)
    for (const [name, value] of Object.entries<unknown>(documents[0])) {
      if (typeof value !== 'string' || name === 'issuer') continue
      const { status, headers } = await fetch(value)
      t.not(status, 404, name)
      if (status === 405) t.equal(headers.get('allow'), 'POST', name)
      t.ok(status < 500, name)
    }
  })

  t.test('the JWK Set has only public members, and can be cached', async (t) => {
    const response = await get('/.well-known/jwks.json')
    t.equal(response.headers.get('cache-control'), 'public, max-age=300, stale-while-revalidate=300')
    t.equal(response.headers.get('content-type'), 'application/jwk-set+json')
    t.equal(response.headers.get('access-control-allow-origin'), '*')
    const { keys } = await response.json()
    for (const key of keys) {
      const own = { EC: ['crv', 'x', 'y'], RSA: ['n', 'e'], OKP: ['crv', 'x'] }[String(key.kty)] ?? []
      t.same(Object.keys(key).sort(), ['alg', 'kid', 'kty', 'use', ...own].sort())
    }
    const etag = response.headers.get('etag') ?? ''
    t.match(etag, /^"[\w-]{43}"$/, 'a strong ETag')
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const unchanged = await get('/.well-known/jwks.json', { 'if-none-match': tag })
      t.equal(unchanged.status, 304, tag)
      t.equal(await unchanged.text(), '')
    }
    t.equal((await get('/.well-known/jwks.json', { 'if-none-match': '"other"' })).status, 200)
    const head = await fetch(`${idp.issuer}/.well-known/jwks.json`, { method: 'HEAD' })
    t.equal(head.headers.get('etag'), etag)
  })

  t.test('every response has a request id, including pages and errors', async (t) => {
    for (const path of ['/', '/nowhere', '/authorize', '/userinfo', '/healthz', '/.well-known/jwks.json'])
      t.match((await get(path)).headers.get('x-request-id'), /^[\w-]{16}$/, path)
    const page = await get('/authorize')
    t.match(await page.text(), page.headers.get('x-request-id') ?? 'none', 'an error page shows it')
  })
})
