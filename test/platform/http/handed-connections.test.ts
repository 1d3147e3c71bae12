import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { App } from '../../../src/platform/http/fastify-app.ts'
import { serveHandedConnections } from '../../../src/platform/http/handed-connections.ts'
import { createServer } from '../../../src/protocol/http/server.ts'
import { selfSigned } from '../../cli/doctor/certificate.ts'
import { eventually } from '../../support/eventually.ts'

const quiet = pino({ level: 'silent' })
const plain = { issuer: 'http://localhost:4000', tls: undefined, trustProxy: [], keepAliveTimeout: 60 }

/** Accepts connections and hands them to servers in turn, as the primary process does. */
async function acceptFor(t: Test, apps: readonly App[]): Promise<number> {
  const takers = await Promise.all(apps.map(serveHandedConnections))
  let turn = 0
  const server = createTcpServer((socket) => takers[turn++ % takers.length]?.(socket))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

async function open(port: number) {
  const socket = connect(port, '127.0.0.1')
  let came = ''
  socket.on('data', (chunk) => {
    came += chunk.toString('latin1')
  })
  socket.on('error', () => {}) // it may be cut off, which `closed` reports
  const closed = new Promise<string>((done) => socket.once('close', () => done(came)))
  await new Promise((done) => socket.once('connect', done))
  return { socket, closed, came: () => came }
}

t.test('the time limits of requests apply', async (t) => {
  const limits = { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 10 }
  const app = createServer(plain, quiet, () => {}, limits)
  t.teardown(() => app.close())
  const port = await acceptFor(t, [app])
  const { socket, closed } = await open(port)
  socket.write('GET / HTTP/1.1\r\nhost: loc')
  t.match(await closed, /^HTTP\/1\.1 408 /)
})

t.test('a stop completes requests in progress and closes idle connections, and then waits no longer', async (t) => {
  const app = createServer(plain, quiet, () => {})
  let goOn = () => {}
  const permitted = new Promise<void>((resolve) => {
    goOn = resolve
  })
  app.get('/slow', async () => {
    await permitted
    return { good: true }
  })
  app.get('/fast', async () => ({ good: true }))
  const port = await acceptFor(t, [app])
  const [idle, silent, slow] = [await open(port), await open(port), await open(port)]
  idle.socket.write('GET /fast HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await eventually('a response', () => idle.came().includes('{"good":true}'))
  slow.socket.write('GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n')
  let isClosed = false
  const closing = app.close().then(() => {
    isClosed = true
  })
  await idle.closed
  t.equal(await silent.closed, '')
  t.notOk(isClosed)
  goOn()
  const answer = await slow.closed
  t.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
  t.match(answer, /\r\nconnection: close\r\n/i)
  await closing
})

t.test('a server without any connection stops at once', async () => {
  const app = createServer(plain, quiet, () => {})
  await serveHandedConnections(app)
  await app.close()
})

t.test('a TLS session that one process has begun can be resumed at another one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'signet-handed-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const { cert, key } = selfSigned({})
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
  const settings = { ...plain, issuer: 'https://localhost', tls: { certFile, keyFile } }
  const ticketKeys = randomBytes(48)
  const apps = [1, 2].map((number) => {
    const app = createServer(settings, quiet, () => {}, { ticketKeys })
    app.get('/', async () => ({ number }))
    t.teardown(() => app.close())
    return app
  })
  const port = await acceptFor(t, apps)
  const request = (session?: Buffer) =>
    new Promise<{ text: string; session: Buffer | undefined; isReused: boolean }>((resolve, reject) => {
      let [text, newest, isReused]: [string, Buffer | undefined, boolean] = ['', undefined, false]
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...(session && { session }) })
      socket.on('session', (one: Buffer) => {
        newest = one
      })
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
      })
      socket.once('error', reject)
      socket.once('secureConnect', () => {
        isReused = socket.isSessionReused()
      })
      socket.once('close', () => resolve({ text, session: newest, isReused }))
      socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
    })
  const first = await request()
  t.match(first, { text: '{"number":1}', isReused: false })
  t.match(await request(first.session), { text: '{"number":2}', isReused: true })
})
