import t from 'tap'
import { basic, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { send, sendBytes } from './send.ts'

const idp = await startSignet(t)
const client = await idp.client({ grant_types: ['authorization_code', 'refresh_token', 'client_credentials'] })
const { browser, redeem } = await signIn(idp, client)
const session = browser.cookies.get(browser.names.session) ?? ''

const end = 'host: x\r\nconnection: close\r\n\r\n'
const get = (path: string, headers: string) => `GET ${path} HTTP/1.1\r\n${headers}${end}`
const post = (path: string, headers: string, body: string) =>
  `POST ${path} HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\n${headers}${end}${body}`

/** What arrived until the server closed the connection; empty if the connection was cut off. */
const answersTo = async (bytes: string | Buffer) => sendBytes(idp, bytes).catch(() => '')

const statusesIn = (came: string) => [...came.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

t.test("requests beyond Node's limits are refused before any of our code sees them", async (t) => {
  const secret = 'a-cookie-that-nobody-echoes'
  const kept = `cookie: ${idp.cookieNames.session}=${session}; x=${secret}\r\n`
  const long: Record<string, string> = {
    'a header of 17 KB': get('/', `${kept}x: ${'y'.repeat(17 * 1024)}\r\n`),
    'a header of a megabyte': get('/', `${kept}x: ${'y'.repeat(1024 * 1024)}\r\n`),
    'a header name of 17 KB': get('/', `${kept}${'x'.repeat(17 * 1024)}: y\r\n`),
    'a cookie of 17 KB': get('/', `${kept}cookie: ${idp.cookieNames.session}=${'a'.repeat(17 * 1024)}\r\n`),
    'a thousand cookie headers': get('/', `${kept}${`cookie: ${idp.cookieNames.session}=${session}\r\n`.repeat(1000)}`),
    'five thousand different headers': get('/', kept + Array.from({ length: 5000 }, (_, n) => `x${n}: y\r\n`).join('')),
    'an address of 17 KB': get(`/authorize?state=${'a'.repeat(17 * 1024)}`, kept),
    'an address of a megabyte': get(`/${'a'.repeat(1024 * 1024)}`, kept),
    'credentials of 17 KB': get('/userinfo', `${kept}authorization: Bearer ${'a'.repeat(17 * 1024)}\r\n`),
    'a method of 17 KB': `${'G'.repeat(17 * 1024)} / HTTP/1.1\r\n${end}`,
    'trailers of 17 KB': post(
      '/token',
      `${kept}transfer-encoding: chunked\r\n`,
      `1\r\na\r\n0\r\nx: ${'y'.repeat(17 * 1024)}\r\n\r\n`,
    ),
    'a chunk extension of 17 KB': post(
      '/token',
      `${kept}transfer-encoding: chunked\r\n`,
      `1;${'x'.repeat(17 * 1024)}\r\na\r\n0\r\n\r\n`,
    ),
  }
  for (const [name, bytes] of Object.entries(long))
    t.test(name, async (t) => {
      const came = await answersTo(bytes)
      t.ok(came === '' || [400, 413, 431].includes(statusesIn(came)[0] ?? 0), came.slice(0, 200))
      t.ok(statusesIn(came).length <= 1, 'at most one response')
      t.notMatch(came, /set-cookie|<html|sign-out/i, 'it did not get anywhere')
      t.notOk(came.includes(secret) || came.includes(session), 'and nothing is returned')
      t.equal((await send(idp, { path: '/healthz' })).status, 200)
    })
})

t.test('whatever is just short enough is read completely, or refused completely', async (t) => {
  t.test('a session cookie after 15 KB of others is found', async (t) => {
    const filler = Array.from({ length: 500 }, (_, n) => `filler${n}=${'a'.repeat(18)}`).join('; ')
    t.match(
      (await send(idp, { path: '/', headers: { cookie: `${filler}; ${idp.cookieNames.session}=${session}` } })).text,
      'sign-out',
    )
  })

  t.test(
    'a decisive header after two thousand others is read, or the request is refused: it is never ignored',
    async (t) => {
      const { access_token: token } = (await redeem()).body
      const filler = `host: x\r\nconnection: close\r\n${'x: y\r\n'.repeat(2100)}`
      const bearer = await answersTo(`GET /userinfo HTTP/1.1\r\n${filler}authorization: Bearer ${token}\r\n\r\n`)
      t.ok([200, 431].includes(statusesIn(bearer)[0] ?? 0), bearer.slice(0, 200))
      const basicTwice = await answersTo(
        `GET / HTTP/1.1\r\n${filler}cookie: ${idp.cookieNames.session}=${session}\r\n\r\n`,
      )
      t.ok(/sign-out/.test(basicTwice) || statusesIn(basicTwice)[0] === 431, basicTwice.slice(0, 200))
    },
  )
})

t.test('the end of a request is never ambiguous (RFC 9112 §11.2)', async (t) => {
  // If the inner request were answered, that response would go to the next user of the proxy's connection.
  const smuggled = `GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\n\r\n`
  const authorization = `authorization: ${basic(client.client_id, client.secret ?? '')}\r\n`
  const head = `POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n${authorization}`
  const body = 'grant_type=client_credentials'
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const ambiguous: Record<string, string> = {
    'chunks before a length': `${head}transfer-encoding: chunked\r\ncontent-length: ${chunked.length}\r\n\r\n${chunked}`,
    'a length in two values': `${head}content-length: ${body.length}, ${body.length}\r\n\r\n${body}`,
    'two lengths that agree': `${head}content-length: ${body.length}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    'a length with a sign': `${head}content-length: +${body.length}\r\n\r\n${body}`,
    'a length in hexadecimal': `${head}content-length: 0x1d\r\n\r\n${body}`,
    'a length with a space in it': `${head}content-length: 2 9\r\n\r\n${body}`,
    'a length beyond any number': `${head}content-length: ${'9'.repeat(40)}\r\n\r\n${body}`,
    'an empty length': `${head}content-length: \r\n\r\n${body}`,
    'a space before the colon': `${head}content-length : ${body.length}\r\n\r\n${body}`,
    'chunked, misspelled': `${head}transfer-encoding: xchunked\r\n\r\n${chunked}`,
    'chunked, and then something else': `${head}transfer-encoding: chunked, identity\r\n\r\n${chunked}`,
    'chunked, twice': `${head}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n${chunked}`,
    'a folded header that hides the chunks': `${head}transfer-encoding:\r\n chunked\r\n\r\n${chunked}`,
    'a bare CR in a header': `${head}x: a\rtransfer-encoding: chunked\r\n\r\n`,
    'a NUL byte in a name': `${head}transfer-\0encoding: chunked\r\n\r\n${chunked}`,
    'a chunk size with a sign': `${head}transfer-encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n`,
    'a chunk size beyond any number': `${head}transfer-encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\na\r\n0\r\n\r\n`,
    'a chunk longer than its size': `${head}transfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n`,
    'a chunk without its line end': `${head}transfer-encoding: chunked\r\n\r\n1\r\na0\r\n\r\n`,
    'an HTTP version within the headers': `${head}POST /token HTTP/1.1\r\n\r\n`,
  }
  for (const [name, bytes] of Object.entries(ambiguous))
    t.test(name, async (t) => {
      const came = await answersTo(bytes + smuggled)
      t.notMatch(came, '"keys"', 'whatever follows it is not answered')
      t.ok(came === '' || statusesIn(came).every((status) => status === 400), came.slice(0, 200))
    })

  t.test('lines that end without CR are refused, or read as lines', async (t) => {
    const came = await answersTo(`GET /healthz HTTP/1.1\nhost: x\nconnection: close\n\n${smuggled}`)
    t.notMatch(came, '"keys"')
    const split = await answersTo(
      `GET /healthz HTTP/1.1\r\nhost: x\r\nx: a\ncontent-length: ${smuggled.length}\r\n\r\n${smuggled}`,
    )
    t.notMatch(split, '"keys"')
  })

  t.test('a length that is too small leaves a rest that is not a valid request', async (t) => {
    const came = await answersTo(`${head}content-length: 10\r\n\r\n${body}`)
    t.match(statusesIn(came), [400])
    t.notMatch(came, 'access_token')
  })

  t.test('and an unambiguous request is answered, and so is the one that follows it', async (t) => {
    const good = `${head}content-length: ${body.length}\r\n\r\n${body}`
    const came = await answersTo(good + get('/.well-known/jwks.json', ''))
    t.same(statusesIn(came), [200, 200])
    t.match(came, '"keys"')
  })
})
