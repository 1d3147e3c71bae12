import { Agent, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createServer, serverLimits } from '../../src/protocol/http/server.ts'
import { openConsole } from '../cli/console.ts'
import { spawnServer } from '../cli/spawned.ts'
import { eventually } from '../support/eventually.ts'
import { basic, freePort } from '../support/idp.ts'

const { environment, json, database } = await openConsole(t)
await json('resources', 'create', '--identifier', 'https://api.example', '--scope', 'jobs:run')
const flags = ['--grant-type', 'client_credentials', '--scope', 'jobs:run']
const job = await json<{ client_id: string; client_secret: string }>('clients', 'create', '--name', 'Job', ...flags)
const authorization = basic(job.client_id, job.client_secret)
const form = 'grant_type=client_credentials'

async function serve(t: Test, more: Record<string, string> = {}) {
  const port = await freePort()
  const { child, ended } = await spawnServer(t, { ...environment, SIGNET_PORT: String(port), ...more })
  return { port, terminate: () => child.kill('SIGTERM'), ended }
}

/** A connection, and a way to wait for what it receives. */
async function open(port: number) {
  const socket = connect(port, '127.0.0.1')
  let came = ''
  socket.on('data', (chunk) => {
    came += chunk.toString('latin1')
  })
  socket.on('error', () => {}) // it is cut off, which `closed` reports
  const closed = new Promise<string>((done) => socket.once('close', () => done(came)))
  await new Promise((done) => socket.once('connect', done))
  return { socket, closed, came: () => came }
}

/** A token request whose body has not been sent: the server has begun to process it, and says so. */
async function openHalf(port: number): Promise<{ socket: Socket; closed: Promise<string> }> {
  const { socket, closed, came } = await open(port)
  const head = ['POST /token HTTP/1.1', 'host: localhost', `authorization: ${authorization}`, 'expect: 100-continue']
  const body = ['content-type: application/x-www-form-urlencoded', `content-length: ${form.length}`]
  socket.write(`${[...head, ...body].join('\r\n')}\r\n\r\n`)
  await eventually('the server to ask for the body', came, (text) => text.includes('100 Continue'))
  socket.write(form.slice(0, 9))
  return { socket, closed }
}

/** Waits until the port refuses connections. */
async function refused(port: number): Promise<void> {
  const connects = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.once('error', () => resolve(false)).once('connect', () => socket.destroy())
    })
  await eventually(`port ${port} to be closed`, async () => !(await connects()))
}

async function readiness(port: number) {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`)
  return { status: response.status, connection: response.headers.get('connection'), body: await response.json() }
}

t.test('a client that takes longer than the timeout of a stopping server is cut off', async (t) => {
  const settings = { issuer: 'http://localhost:4000', tls: undefined, trustProxy: [], keepAliveTimeout: 60 }
  const limits = { ...serverLimits, closeTimeout: 100 }
  const app = createServer(settings, pino({ level: 'silent' }), () => {}, limits)
  app.post('/token', async () => ({}))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { closed } = await openHalf((app.server.address() as AddressInfo).port)
  await app.close()
  t.equal(await closed, 'HTTP/1.1 100 Continue\r\n\r\n')
})

for (const [workers, settings] of [
  ['one process', { SIGNET_WORKERS: '1' }],
  ['two workers', { SIGNET_WORKERS: '2' }],
] as const) {
  t.test(
    `${workers}: requests under way are answered, and a connection without any data does not delay the stop`,
    async (t) => {
      const { port, terminate, ended } = await serve(t, settings)
      const [silent, ...halves] = [await open(port), await openHalf(port), await openHalf(port)]
      terminate()
      await refused(port)
      t.equal(await silent.closed, '', 'while the others are still open')
      for (const { socket, closed } of halves) {
        socket.write(form.slice(9))
        const answer = await closed
        t.match(answer, /\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
        t.match(answer, /\r\nconnection: close\r\n/i)
        t.match(answer, /"access_token":"/)
      }
      const { code, out } = await ended
      t.same(
        { code, out },
        { code: 0, out: `Signet is ready: http://localhost:4000 (this process listens on http://127.0.0.1:${port})\n` },
      )
    },
  )

  t.test(
    `${workers}: under load a client that leaves when the node is not ready is never cut off; a second signal ends the delay`,
    async (t) => {
      const before = await counted()
      const { port, terminate, ended } = await serve(t, { ...settings, SIGNET_SHUTDOWN_DELAY: '10m' })
      t.match(await readiness(port), { status: 200 })

      const agent = new Agent({ keepAlive: true, maxSockets: 4 })
      let away = false
      const answers = { before: 0, ending: 0, closing: 0 }
      const statuses = new Set<number | undefined>()
      const client = async () => {
        for (let last = false; !last; ) {
          // One more after the proxy could have known, because it polls only from time to time.
          last = away
          const { status, connection } = await token(agent, port)
          statuses.add(status)
          answers[last ? 'ending' : 'before'] += 1
          if (connection === 'close') answers.closing += 1
        }
      }
      const clients = [client(), client(), client(), client()]
      await eventually(
        'forty answers',
        () => answers.before,
        (count) => count >= 40,
      )
      terminate()
      const ready = await eventually(
        'the node not to be ready',
        async () => {
          // Several, on connections of their own, so that each worker answers.
          const all = await Promise.all(Array.from({ length: 6 }, () => readiness(port)))
          return all.find(({ status }) => status === 200) ?? all[0]
        },
        (one) => one?.status !== 200,
      )
      t.match(ready, { status: 503, connection: 'close', body: { problems: ['this node is shutting down'] } })
      away = true
      await Promise.all(clients)
      agent.destroy()
      t.same([...statuses], [200])
      t.equal(answers.ending, 4)
      t.ok(answers.closing >= 4, 'each of these was the last on its connection')
      t.match(await fetch(`http://127.0.0.1:${port}/healthz`), { status: 200 })

      // Signals within a second count as one Ctrl-C.
      await pause(1100)
      terminate()
      t.equal((await ended).code, 0)
      t.equal((await counted()) - before, answers.before + answers.ending, 'deferred writes were completed')
    },
  )
}

/** Tokens issued to machines, as the events count them. */
async function counted(): Promise<number> {
  const { rows } = await database.query<{ tokens: number }>(
    `SELECT coalesce(sum((detail->>'tokens')::int), 0)::int AS tokens FROM events WHERE type = 'tokens_issued'`,
  )
  return rows[0]?.tokens ?? 0
}

function token(agent: Agent, port: number): Promise<{ status: number | undefined; connection: string | undefined }> {
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: '/token', method: 'POST', headers, agent }, (response) => {
      response.resume().on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode, connection: response.headers.connection }))
    })
    sent.on('error', reject).end(form)
  })
}
