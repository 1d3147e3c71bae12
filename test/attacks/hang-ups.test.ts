import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { findRefusals } from '../../src/records/refusals/refusals-store.ts'
import { eventually } from '../support/eventually.ts'
import { startSignet } from '../support/idp.ts'

const idp = await startSignet(t)
const { database, settings } = idp.signet
const client = await idp.client()

/** Writes bytes and disconnects immediately, by RST or by FIN; the response cannot be delivered. */
function hangUp(bytes: string, how: 'RST' | 'FIN', port = settings.port): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes, () => (how === 'RST' ? socket.resetAndDestroy() : socket.destroy()))
    })
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? undefined : reject(error)))
    socket.on('close', () => resolve())
  })
}

const host = `Host: ${new URL(idp.issuer).host}\r\n`
const form = (path: string, body: string, more = '') =>
  `POST ${path} HTTP/1.1\r\n${host}Content-Type: application/x-www-form-urlencoded\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\n${host}${more}\r\n`

/** Every kind of refusal: before any route, by endpoints for programs, and by pages. */
const ways: Record<string, string> = {
  'not HTTP': 'HELO mail.example\r\n\r\n',
  'headers that are too large': get('/', `X: ${'x'.repeat(20_000)}\r\n`),
  'an address that cannot be decoded': get('/%zz'),
  'an unknown expectation': get('/', 'Expect: a miracle\r\n'),
  'no host': 'GET / HTTP/1.1\r\n\r\n',
  'no such address': get('/no-such-path'),
  'a method that the route does not take': form('/userinfo/none', ''),
  'a client that does not exist': form(
    '/token',
    'grant_type=client_credentials&client_id=nobody&client_secret=wrong-secret-of-nobody',
  ),
  'a code that does not exist': form(
    '/token',
    `grant_type=authorization_code&code=none&redirect_uri=x&client_id=${client.client_id}&client_secret=${client.secret}`,
  ),
  'half a form': form('/token', 'grant_type=client_credentials').replace(/Content-Length: \d+/, 'Content-Length: 9000'),
  'a form that is too large': form('/token', `x=${'x'.repeat(40_000)}`),
  'a body that is not a form': form('/token', '{}').replace('x-www-form-urlencoded', 'json'),
  'a body of another type that never begins': form('/token', '')
    .replace('x-www-form-urlencoded', 'json')
    .replace('Content-Length: 0', 'Transfer-Encoding: chunked'),
  'an invalid token': get('/userinfo', 'Authorization: Bearer none\r\n'),
  'an application that does not exist': get('/authorize?client_id=nobody&redirect_uri=https://nobody.example/'),
  'a form from elsewhere': form('/sign-in', 'username=a&password=b', 'Origin: https://evil.example\r\n'),
}

/** Causes a refusal and waits until the operator can look it up. */
async function refusalIsFound(t: Test, node = idp): Promise<void> {
  const found = await eventually('a refusal to be stored', async () => {
    // Among more refusals than are kept, one may be skipped.
    const answer = await fetch(`http://127.0.0.1:${node.signet.settings.port}/no-such-path`)
    await node.signet.refusals.stop()
    const [refusal] = await findRefusals(database, answer.headers.get('x-request-id') ?? '', 1)
    return refusal
  })
  t.match(found, { network: '127.0.0.1', entry: 'address_unknown', status: 404 })
}

for (const [way, bytes] of Object.entries(ways))
  t.test(`clients that disconnect before they are refused do not stop the log of refusals: ${way}`, async (t) => {
    const before = Number((await database.query('SELECT count(*) FROM refusals')).rows[0].count)
    await Promise.all(Array.from({ length: 20 }, (_, one) => hangUp(bytes, one % 2 === 0 ? 'RST' : 'FIN')))
    await refusalIsFound(t)
    const { rows } = await database.query('SELECT DISTINCT network FROM refusals')
    t.ok(
      rows.every(({ network }) => network === '127.0.0.1' || network === 'unknown'),
      JSON.stringify(rows),
    )
    t.ok(Number((await database.query('SELECT count(*) FROM refusals')).rows[0].count) > before)
  })

t.test('a client that disconnects in the middle of a body is not reported as an unreachable database', async (t) => {
  for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
    const before = idp.logged().length
    const head = `POST /token HTTP/1.1\r\n${host}Content-Type: ${type}\r\nTransfer-Encoding: chunked\r\n`
    const socket = connect(settings.port, '127.0.0.1', () => socket.write(`${head}Expect: 100-continue\r\n\r\n`))
    // The server has the headers, and waits for the body.
    await once(socket, 'data')
    socket.resetAndDestroy()
    const logged = await eventually('the refusal to be logged', () => {
      const lines = idp.logged().slice(before)
      // Refusals of earlier requests may still be logged.
      return /"entry":"request_unreadable"|"msg":"unavailable"/.test(lines) ? lines : undefined
    })
    t.notMatch(logged, '"msg":"unavailable"', type)
  }
})

t.test('all kinds at once, behind a trusted proxy', async (t) => {
  const behind = await idp.another({ SIGNET_TRUST_PROXY: 'loopback' })
  const senders = Object.values(ways).flatMap((bytes) =>
    (['RST', 'FIN'] as const).map((how) => () => hangUp(bytes, how, behind.signet.settings.port)),
  )
  await Promise.all([...senders, ...senders].map((send) => send()))
  await refusalIsFound(t, behind)
})
