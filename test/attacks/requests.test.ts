import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, send, sendBytes } from './send.ts'

const idp = await startSignet(t)

/** Every address, with the methods that it supports. */
const routes: Record<string, readonly string[]> = {
  '/': ['GET'],
  '/authorize': ['GET', 'POST'],
  '/sign-in': ['GET', 'POST'],
  '/sign-up': ['GET', 'POST'],
  '/consent': ['GET', 'POST'],
  '/logout': ['GET', 'POST'],
  '/logout/confirm': ['POST'],
  '/token': ['POST'],
  '/userinfo': ['GET', 'POST'],
  '/.well-known/openid-configuration': ['GET'],
  '/.well-known/oauth-authorization-server': ['GET'],
  '/.well-known/jwks.json': ['GET'],
  '/healthz': ['GET'],
  '/readyz': ['GET'],
  '/assets/signet.css': ['GET'],
  '/assets/no-such-file': ['GET'],
}
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'OPTIONS', 'PROPFIND', 'QUERY']

t.test('an address accepts only its own methods, and names them when it refuses others', async (t) => {
  const secret = 'a-cookie-that-nobody-echoes'
  for (const [path, allowed] of Object.entries(routes))
    t.test(path, async (t) => {
      for (const method of methods) {
        const answer = await send(idp, { method, path, headers: { cookie: `x=${secret}`, 'content-length': '0' } })
        if (method !== 'HEAD' && method !== 'OPTIONS') t.same(faultsOf(answer), [], method)
        t.ok(answer.status < 500, `${method} causes no server error`)
        t.notMatch(answer.text, secret, 'no method echoes the request, not even TRACE')
        if (allowed.includes(method) || method === 'HEAD' || method === 'OPTIONS') continue
        // One wildcard serves all assets. A QUERY without a body is refused for that.
        const otherwise = method === 'QUERY' ? [400] : path.startsWith('/assets/') ? [404] : []
        t.ok([405, ...otherwise].includes(answer.status), `${method} is not supported: ${answer.status}`)
        if (answer.status === 405) t.match(answer.headers.allow, allowed[0] ?? '', 'RFC 9110 §15.5.6')
      }
    })
})

t.test('bodies', async (t) => {
  const posts = [...Object.keys(routes).filter((path) => routes[path]?.includes('POST')), '/no-such-path']
  const form = 'application/x-www-form-urlencoded'
  const bodies: [name: string, type: string | undefined, body: string | Buffer, status: number | undefined][] = [
    ['no body at all', undefined, '', undefined],
    ['a content type and nothing else', form, '', undefined],
    ['JSON', 'application/json', '{"grant_type":"client_credentials"}', 415],
    ['JSON that sets a prototype', 'application/json', '{"__proto__":{"x":1}}', 415],
    ['broken JSON', 'application/json', '{', 415],
    [
      'multipart',
      'multipart/form-data; boundary=x',
      '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--',
      415,
    ],
    ['plain text', 'text/plain', 'grant_type=client_credentials', 415],
    ['XML', 'application/xml', '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', 415],
    ['a JWT', 'application/jwt', 'a.b.c', 415],
    ['an unknown type', 'application/x-nobody', 'x', 415],
    ['no type', undefined, 'grant_type=client_credentials', 415],
    ['an invalid type', 'x', 'grant_type=client_credentials', 415],
    ['two types', `${form}, application/json`, 'grant_type=x', undefined],
    ['a form in another character set', `${form}; charset=utf-16`, Buffer.from('a=b', 'utf16le'), undefined],
    ['bytes that are not a form', form, Buffer.from([0, 1, 2, 0xff, 0xfe, 0x80]), undefined],
    ['only separators', form, '&&&===&&&', undefined],
    ['30 KB of one parameter', form, `x=${'y'.repeat(30_000)}`, undefined],
    ['30 KB of parameters', form, 'a&'.repeat(15_000), undefined],
    ['more than the limit', form, `x=${'y'.repeat(33 * 1024)}`, 413],
    ['a megabyte', form, `x=${'y'.repeat(1024 * 1024)}`, 413],
    ['compressed', form, Buffer.from('1f8b08000000000000034b04', 'hex'), undefined],
  ]
  for (const path of posts)
    t.test(path, async (t) => {
      for (const [name, type, body, status] of bodies) {
        const headers = {
          origin: idp.issuer,
          ...(type === undefined ? {} : { 'content-type': type }),
          ...(name === 'compressed' ? { 'content-encoding': 'gzip' } : {}),
        }
        // A server that responds before everything has arrived may close the connection: RFC 9112 §9.6.
        const answer = await send(idp, { method: 'POST', path, headers, body }).catch(
          (error: NodeJS.ErrnoException) => error,
        )
        if (answer instanceof Error) {
          t.match(answer, { code: /^(EPIPE|ECONNRESET)$/ }, `${name}: closed`)
          t.equal(status, 413, `${name} is over the limit`)
          continue
        }
        t.same(faultsOf(answer), [], name)
        if (path !== '/no-such-path' && status !== undefined) t.equal(answer.status, status, name)
        t.ok(path !== '/no-such-path' || answer.status >= 400, name)
      }
      t.equal((await send(idp, { path: '/healthz' })).status, 200)
    })

  t.test('an empty body counts as no body, whatever its type', async (t) => {
    const types = ['application/json', 'application/json; charset=utf-8', 'text/plain;charset=UTF-8', 'application/jwt']
    types.push('multipart/form-data; boundary=x', 'application/x-nobody')
    const without = (answer: Answer) => [answer.status, answer.json?.['error'], answer.json?.['error_description']]
    const asked = { accept: 'application/json', origin: idp.issuer }
    for (const path of posts.filter((path) => path in routes)) {
      const usual = await send(idp, { method: 'POST', path, headers: asked })
      t.not(usual.status, 415, path)
      for (const type of types) {
        const headers = { ...asked, 'content-type': type }
        const none = await send(idp, { method: 'POST', path, headers: { ...headers, 'content-length': '0' } })
        t.same(without(none), without(usual), `${path}, ${type}`)
        t.same(faultsOf(none), [], `${path}, ${type}`)
        const chunked = { ...headers, 'transfer-encoding': 'chunked' }
        t.same(without(await send(idp, { method: 'POST', path, headers: chunked })), without(usual), `${path}, chunked`)
        const one = await send(idp, { method: 'POST', path, headers: chunked, body: '0' })
        t.equal(one.status, 415, `${path}, one octet of ${type}`)
      }
      // Neither a length nor chunks: there is no body (RFC 9112 §6.3).
      const bytes = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n`
      t.match(await sendBytes(idp, bytes), new RegExp(`^HTTP/1\\.1 ${usual.status === 303 ? 303 : '(?!415)'}`), path)
    }
  })

  t.test('a body of another type is refused before all of it has arrived', async (t) => {
    const head = 'POST /userinfo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n'
    t.match(await sendBytes(idp, `${head}content-length: 20000\r\n\r\n{`), /^HTTP\/1\.1 415 /)
    t.match(await sendBytes(idp, `${head}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`), /^HTTP\/1\.1 415 /)
  })

  t.test('a parameter with a TAB, a line end or another control character is refused by every endpoint', async (t) => {
    const forms = ['/token', '/introspect', '/revoke', '/userinfo', '/authorize', '/logout']
    for (const value of ['a%09b', 'a%0Ab', 'a%0Db', 'a%C2%85b', '%0D%0A'])
      for (const name of ['client_id', 'state', 'token', 'scope', 'resource', 'not_a_parameter']) {
        const answers = [
          ...forms.map((path) =>
            send(idp, { method: 'POST', path, headers: { 'content-type': form }, body: `${name}=${value}` }),
          ),
          ...['/authorize', '/logout'].map((path) => send(idp, { path: `${path}?${name}=${value}` })),
          ...['/sign-in', '/sign-up', '/logout'].map((path) => send(idp, { path: `${path}?continue=${value}` })),
        ]
        const statuses = (await Promise.all(answers)).map(({ status }) => status)
        t.same(new Set(statuses), new Set([400]), `${name}=${value}`)
      }
    const token = await send(idp, { method: 'POST', path: '/token', headers: { 'content-type': form }, body: 'a=%09' })
    t.match(token.json, { error: 'invalid_request', error_description: /^The parameter 'a' contains a tab/ })
  })

  t.test('a body without a declared length has the same limit', async (t) => {
    for (const path of posts.filter((path) => path in routes)) {
      const chunk = `${(8192).toString(16)}\r\n${'a'.repeat(8192)}\r\n`
      const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: ${form}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`
      const answer = await sendBytes(idp, `${head}${chunk.repeat(5)}0\r\n\r\n`).catch(() => 'HTTP/1.1 413 (closed)')
      t.match(answer, /^HTTP\/1\.1 413 /, path)
    }
  })
})

t.test('paths that are almost right are refused', async (t) => {
  for (const path of [
    '/no-such-path',
    '/authorize/',
    '//authorize',
    '/./authorize',
    '/AUTHORIZE',
    '/authorize%00',
    '/authorize%2f',
    '/authorize;x=y',
    '/token/x',
    '/.well-known/',
    '/.well-known/jwks',
    '/.well-known/openid-configuration/tenant',
    '/__proto__',
    '/constructor',
    '/%E2%98%83',
    '/logout/confirm/',
    `/${'a'.repeat(8000)}`,
    `/${'a/'.repeat(2000)}`,
  ]) {
    const answer = await send(idp, { path })
    t.same(faultsOf(answer), [], path.slice(0, 40))
    t.ok([404, 405].includes(answer.status), `${path.slice(0, 40)}: ${answer.status}`)
  }

  t.test('a path that cannot be decoded gets a normal response', async (t) => {
    for (const path of ['/%', '/%zz', '/%ff', '/%c0%af', '/assets/%', '/authorize%zz?client_id=x']) {
      const answer = await send(idp, { path })
      t.same(faultsOf(answer), [], path)
      t.ok(answer.status === 400 || answer.status === 404, `${path}: ${answer.status}`)
    }
  })

  t.test('no path leads out of the assets folder', async (t) => {
    for (const path of [
      '/assets/',
      '/assets/.',
      '/assets/..',
      '/assets/../package.json',
      '/assets/%2e%2e/package.json',
      '/assets/%2e%2e%2fpackage.json',
      '/assets/..%2f..%2fetc%2fpasswd',
      '/assets/..%5cpackage.json',
      '/assets/....//package.json',
      '/assets//etc/passwd',
      '/assets/%00',
      '/assets/signet.css%00.html',
      '/assets/signet.css/',
      '/assets/.gitignore',
      '/assets/con',
      `/assets/${'a'.repeat(5000)}`,
      `/assets/${'../'.repeat(50)}etc/passwd`,
    ]) {
      const answer = await send(idp, { path })
      t.same(faultsOf(answer), [], path.slice(0, 40))
      t.ok(answer.status >= 400, `${path.slice(0, 40)}: ${answer.status}`)
      t.notMatch(answer.text, /signet-idp|root:/)
    }
  })

  t.test('range requests and conditional requests for an asset', async (t) => {
    for (const headers of [
      { range: 'bytes=0-0' },
      { range: 'bytes=999999999-' },
      { range: 'bytes=5-1' },
      { range: `bytes=${'0-1,'.repeat(1000)}0-1` },
      { range: 'x' },
      { 'if-modified-since': 'yesterday' },
      { 'if-none-match': '*' },
      { 'if-none-match': `"${'x'.repeat(8000)}"` },
    ]) {
      const { status } = await send(idp, { path: '/assets/signet.css', headers })
      t.ok([200, 206, 304, 400, 416].includes(status), `${JSON.stringify(headers).slice(0, 40)}: ${status}`)
    }
  })
})

t.test('made-up headers', async (t) => {
  t.test('change nothing: neither the issuer, nor the request id, nor the redirect', async (t) => {
    const headers = {
      host: 'evil.example',
      forwarded: 'host=evil.example;proto=https',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-original-url': '/healthz',
      'x-rewrite-url': '/healthz',
      'x-http-method-override': 'DELETE',
      'x-request-id': 'mine',
      'request-id': 'mine',
    }
    for (const path of Object.keys(routes)) {
      const usual = await send(idp, { path })
      const answer = await send(idp, { path, headers })
      t.equal(answer.status, usual.status, path)
      t.notMatch(`${answer.text}${JSON.stringify(answer.headers)}`, 'evil.example', path)
      t.not(answer.headers['x-request-id'], 'mine')
    }
  })

  t.test('may have any value', async (t) => {
    for (const headers of [
      { 'accept-language': 'x'.repeat(8000) },
      { 'accept-language': 'de;q=abc, ,;;q=, *;q=9, __proto__' },
      { accept: 'text/html;'.repeat(800) },
      { cookie: 'a=b;'.repeat(2000) },
      { cookie: '__proto__=x; constructor=y; =; ;;; a' },
      { origin: '__proto__' },
      { authorization: 'Bearer' },
      { authorization: `Basic ${'A'.repeat(8000)}` },
      { 'user-agent': '{jndi:ldap://evil.example}' },
      { 'content-type': '__proto__' },
      { expect: '100-continue' },
      { upgrade: 'websocket', connection: 'upgrade' },
      { 'if-none-match': ',,,"' },
    ])
      for (const path of ['/', '/sign-in', '/userinfo', '/.well-known/jwks.json', '/authorize']) {
        const answer = await send(idp, { path, headers })
        t.same(faultsOf(answer), [], `${path} ${JSON.stringify(headers).slice(0, 40)}`)
      }
  })
})

t.test('a request with two Host, Authorization or Content-Type headers, or a malformed Host, is refused', async (t) => {
  const post = 'POST /token HTTP/1.1\r\ncontent-length: 3\r\nconnection: close\r\n'
  const form = 'content-type: application/x-www-form-urlencoded\r\n'
  const refused: Record<string, string> = {
    'two hosts': 'GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n',
    'one host twice': 'GET /healthz HTTP/1.1\r\nhost: a\r\nHOST: a\r\nconnection: close\r\n\r\n',
    'two hosts, far apart': 'GET / HTTP/1.1\r\nHost: a\r\nconnection: close\r\ncookie: a=b\r\nhost: b\r\n\r\n',
    'two hosts, one of them empty': 'GET /healthz HTTP/1.1\r\nhost:\r\nhost: b\r\nconnection: close\r\n\r\n',
    'two hosts in HTTP/1.0': 'GET /healthz HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n',
    'two hosts at an unknown path': 'GET /no-such-path HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n',
    ...Object.fromEntries(
      [
        'a b',
        'a, b',
        'user@a',
        'a/b',
        'http://a',
        'a:b',
        'a:1:2',
        '[a',
        '[zz]',
        'a?b',
        'a#b',
        'a\\b',
        '\xe9.example',
        '%zz',
      ].map((host) => [`the host ${host}`, `GET /healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`]),
    ),
    'two Authorization headers': `${post}host: x\r\n${form}authorization: Basic YTpi\r\nAuthorization: Basic YTpi\r\n\r\na=b`,
    'two types for one body': `${post}host: x\r\n${form}content-type: application/json\r\n\r\na=b`,
  }
  for (const [name, bytes] of Object.entries(refused)) {
    const came = await sendBytes(idp, Buffer.from(bytes, 'latin1'))
    t.match(came, /^HTTP\/1\.1 400 /, name)
    t.match(came, /^x-request-id: [\w-]{16}\r$/im, name)
  }
  for (const host of [
    'x',
    'x:1',
    'a_b.example',
    'EXAMPLE.com.',
    '127.0.0.1:80',
    '[::1]:80',
    'xn--e1afmkfd.example',
    'x:',
    '',
  ]) {
    const came = await sendBytes(idp, `GET /healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
    t.match(came, /^HTTP\/1\.1 200 /, `host ${host}`)
  }
  const cookies = 'cookie: a=b\r\ncookie: c=d\r\naccept: a/b\r\naccept: c/d\r\n'
  const came = await sendBytes(idp, `GET /healthz HTTP/1.1\r\nhost: x\r\n${cookies}connection: close\r\n\r\n`)
  t.match(came, /^HTTP\/1\.1 200 /, 'headers that may be repeated')
})

t.test('input that is not HTTP is answered or disconnected, and the server survives', async (t) => {
  const end = 'host: x\r\nconnection: close\r\n\r\n'
  const raw: Record<string, string | Buffer> = {
    nonsense: 'nonsense\r\n\r\n',
    'bytes above 7F in the address': Buffer.concat([
      Buffer.from('GET /authorize?state='),
      Buffer.from([0xff, 0xc3]),
      Buffer.from(` HTTP/1.1\r\n${end}`),
    ]),
    'a NUL byte in the address': `GET /authorize?\0 HTTP/1.1\r\n${end}`,
    'a space in the address': `GET /authorize?state=a b HTTP/1.1\r\n${end}`,
    'an absolute address': `GET http://evil.example/authorize HTTP/1.1\r\n${end}`,
    'an asterisk': `OPTIONS * HTTP/1.1\r\n${end}`,
    'no host': 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n',
    'two hosts': `GET / HTTP/1.1\r\nhost: y\r\n${end}`,
    'an old version': 'GET / HTTP/1.0\r\n\r\n',
    'an unknown version': `GET / HTTP/9.9\r\n${end}`,
    'two lengths': `POST /token HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n${end}ab`,
    'a length and chunks (request smuggling)': `POST /token HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n${end}0\r\n\r\n`,
    'a negative length': `POST /token HTTP/1.1\r\ncontent-length: -1\r\n${end}`,
    'a folded header': `GET / HTTP/1.1\r\nx: a\r\n b\r\n${end}`,
    'a header with a NUL byte': `GET / HTTP/1.1\r\nx: a\0b\r\n${end}`,
    'more headers than fit': `GET / HTTP/1.1\r\n${'x: y\r\n'.repeat(4000)}${end}`,
    'an address of 20 KB': `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${end}`,
    'a tunnel': `CONNECT evil.example:443 HTTP/1.1\r\n${end}`,
  }
  for (const [name, bytes] of Object.entries(raw))
    t.test(name, async (t) => {
      const came = await sendBytes(idp, bytes).catch((error: NodeJS.ErrnoException) => `hung up: ${error.code}`)
      t.match(came, /^(HTTP\/1\.1 (200|4\d\d) |hung up: ECONNRESET|$)/)
      t.notMatch(came, /evil\.example|\n\s+at |node_modules/)
      t.equal((await send(idp, { path: '/healthz' })).status, 200)
    })
})
