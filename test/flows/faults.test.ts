import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createServer } from '../../src/protocol/http/server.ts'
import { openConsole } from '../cli/console.ts'
import { spawnNode, untilServing } from '../cli/spawned.ts'
import { freshFolder } from '../platform/database/own-server.ts'
import { eventually } from '../support/eventually.ts'
import { basic, freePort, startSignet } from '../support/idp.ts'
import { readiness } from '../support/readiness.ts'

const { environment, json } = await openConsole(t)
await json('resources', 'create', '--identifier', 'https://api.example', '--scope', 'jobs:run')
const flags = ['--grant-type', 'client_credentials', '--scope', 'jobs:run']
const job = await json<{ client_id: string; client_secret: string }>('clients', 'create', '--name', 'Job', ...flags)
const form = 'grant_type=client_credentials'

/** Loaded into the server by `node --import`: faults that a signal triggers at any moment. */
const planted = join(freshFolder(t), 'planted.mjs')
writeFileSync(
  planted,
  `process.on('SIGUSR2', () => setImmediate(() => { throw new Error('planted exception') }))
   process.on('SIGWINCH', () => { Promise.reject(new Error('planted rejection')) })`,
)

async function serve(t: Test) {
  const port = await freePort()
  const node = ['--import', planted, 'dist/main.js', 'serve']
  // A delay that a fault does not wait for.
  const settings = {
    ...environment,
    SIGNET_PORT: String(port),
    SIGNET_SHUTDOWN_DELAY: '10m',
    SIGNET_LOG_LEVEL: 'fatal',
  }
  const { child, ended } = await untilServing(spawnNode(t, settings, node))
  return { port, child, ended }
}

/** A token request whose second half has not been sent; the server has begun to process it. */
async function half(port: number) {
  const socket = connect(port, '127.0.0.1')
  let came = ''
  socket.on('data', (chunk) => {
    came += chunk.toString('latin1')
  })
  socket.on('error', () => {}) // it may be cut off, which `closed` reports
  const closed = new Promise<string>((done) => socket.once('close', () => done(came)))
  const authorization = basic(job.client_id, job.client_secret)
  const head = ['POST /token HTTP/1.1', 'host: localhost', `authorization: ${authorization}`, 'expect: 100-continue']
  const body = ['content-type: application/x-www-form-urlencoded', `content-length: ${form.length}`]
  socket.write(`${[...head, ...body].join('\r\n')}\r\n\r\n`)
  await eventually(
    'the server to begin with the request',
    () => came,
    (text) => text.includes('100 Continue'),
  )
  socket.write(form.slice(0, 9))
  return { finish: () => socket.write(form.slice(9)), closed }
}

async function untilRefused(port: number): Promise<void> {
  const isRefused = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(false))
      socket.once('error', () => resolve(true)).once('connect', () => socket.destroy())
    })
  await eventually('the port to refuse connections', isRefused, Boolean)
}

for (const [signal, message] of [
  ['SIGUSR2', 'planted exception'],
  ['SIGWINCH', 'planted rejection'],
] as const)
  t.test(`${message}: it is logged, requests under way are answered, and the process exits with code 70`, async (t) => {
    const { port, child, ended } = await serve(t)
    t.match(await readiness(`http://127.0.0.1:${port}`), { status: 200 })
    const request = await half(port)
    child.kill(signal)
    await untilRefused(port)
    request.finish()
    t.match(await request.closed, /\r\n\r\nHTTP\/1\.1 200 OK\r\n.*"access_token":"/s)
    const { code, err } = await ended
    t.equal(code, 70)
    const [line = '', ...more] = err.split('\n').filter((text) => text.includes('"level":60'))
    t.same(more, [])
    t.match(JSON.parse(line), { level: 60, err: { message }, msg: 'Uncaught error: the server is stopping.' })
    t.match(JSON.parse(line).err.stack, /planted\.mjs/)
    t.match(err, /signet: The server was stopped by an uncaught error\. .*\n$/)
  })

t.test('a second uncaught error while requests are being answered exits immediately with the same code', async (t) => {
  const { port, child, ended } = await serve(t)
  const request = await half(port)
  child.kill('SIGUSR2')
  await untilRefused(port)
  child.kill('SIGWINCH')
  const { code, err } = await ended
  t.equal(code, 70)
  t.match(await request.closed, /100 Continue\r\n\r\n$/, 'the request was cut off')
  for (const message of ['planted exception', 'planted rejection']) t.match(err, message, 'both are in the log')
})

t.test('an uncaught error during the start exits immediately', async (t) => {
  const early = join(freshFolder(t), 'early.mjs')
  // The first timer during the start that fires after the handlers are installed.
  writeFileSync(
    early,
    `const wait = setInterval(() => {
       if (process.listenerCount('uncaughtException') === 0) return
       clearInterval(wait)
       throw new Error('planted early')
     }, 1)`,
  )
  const settings = { ...environment, SIGNET_PORT: String(await freePort()), SIGNET_LOG_LEVEL: 'fatal' }
  const { code, out, err } = await spawnNode(t, settings, ['--import', early, 'dist/main.js', 'serve']).ended
  t.same({ code, out }, { code: 70, out: '' })
  t.match(err, 'planted early')
})

t.test('an error in metrics or in the log of refusals affects neither the response nor the process', async (t) => {
  const idp = await startSignet(t)
  const { port } = idp.signet.settings
  const broken = () => {
    throw new Error('planted')
  }
  Object.assign(idp.signet.metrics, { request: broken })
  Object.assign(idp.signet.refusals, { record: broken })
  t.equal((await fetch(`${idp.issuer}/healthz`)).status, 200)
  t.equal((await fetch(`${idp.issuer}/no-such-path`)).status, 404)
  const garbage = connect(port, '127.0.0.1')
  let came = ''
  garbage.on('data', (chunk) => {
    came += chunk
  })
  garbage.write('no HTTP at all\r\n\r\n')
  await new Promise((done) => garbage.once('close', done))
  t.match(came, /^HTTP\/1\.1 400 /)
  t.equal(idp.logged().split('A request could not be counted or recorded.').length - 1, 3)
})

t.test('an error from accept() does not stop the server', async (t) => {
  const lines: string[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
  const app = createServer(
    { issuer: 'http://localhost', tls: undefined, trustProxy: [], keepAliveTimeout: 60 },
    log,
    () => {},
  )
  t.teardown(() => app.close())
  app.get('/', async () => 'served')
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  app.server.emit('error', Object.assign(new Error('accept ENOMEM'), { code: 'ENOMEM', syscall: 'accept' }))
  t.equal(await (await fetch(address)).text(), 'served')
  t.match(lines, [/accept ENOMEM/])
})
