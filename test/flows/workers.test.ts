import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { answer, openConsole } from '../cli/console.ts'
import { type Spawned, spawnNode, spawnSignet, untilServing } from '../cli/spawned.ts'
import { freshFolder } from '../platform/database/own-server.ts'
import { createBrowser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import type { TestClient } from '../support/idp.ts'
import { basic, freePort } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce } from '../support/journey.ts'

const { environment, json } = await openConsole(t, {
  SIGNET_WORKERS: '2',
  SIGNET_LOG_LEVEL: 'info',
  SIGNET_DATABASE_POOL: '6',
})
await json('resources', 'create', '--identifier', 'https://api.example', '--scope', 'jobs:run')
const flags = ['--grant-type', 'client_credentials', '--scope', 'jobs:run']
const job = await json<{ client_id: string; client_secret: string }>('clients', 'create', '--name', 'Job', ...flags)
const authorization = basic(job.client_id, job.client_secret)
const form = { 'content-type': 'application/x-www-form-urlencoded' }

interface Group extends Spawned {
  readonly port: number
  /** The processes of the workers that have been started and not ended. */
  readonly workers: () => number[]
}

async function serve(t: Test, settings = environment, flags: readonly string[] = []): Promise<Group> {
  const port = await freePort()
  const server = spawnNode(t, { ...settings, SIGNET_PORT: String(port) }, [...flags, 'dist/main.js', 'serve'])
  const workers = () => childrenOf(server.child.pid)
  await untilServing(server)
  return { ...server, port, workers }
}

/** The processes that a process has started, except PostgreSQL's. */
function childrenOf(parent: number | undefined): number[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, ppid, ...args]) => Number(ppid) === parent && args.join(' ').includes('server-worker'))
    .map(([pid]) => Number(pid))
}

const runs = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

interface Answered {
  readonly status: number | undefined
  readonly text: string
}

/** A request on a connection of its own. */
function send(
  port: number,
  path: string,
  { body, headers = {} }: { body?: string; headers?: Record<string, string> } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const options = { host: '127.0.0.1', port, path, method, headers, agent: false as const }
    const sent = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode, text }))
    })
    sent.on('error', reject).end(body)
  })
}

const token = (port: number) =>
  send(port, '/token', { body: 'grant_type=client_credentials', headers: { ...form, authorization } })

/** A token request whose second half has not been sent; a worker has begun to process it. The connection ends with the response. */
async function openHalf(port: number): Promise<{ finish: () => void; closed: Promise<string> }> {
  const socket = connect(port, '127.0.0.1')
  let came = ''
  socket.on('data', (chunk) => {
    came += chunk.toString('latin1')
  })
  socket.on('error', () => {}) // `closed` reports it
  const closed = new Promise<string>((done) => socket.once('close', () => done(came)))
  const body = 'grant_type=client_credentials'
  const head = ['POST /token HTTP/1.1', 'host: localhost', 'connection: close', 'expect: 100-continue']
  const fields = [`authorization: ${authorization}`, `content-type: ${form['content-type']}`]
  socket.write(`${[...head, ...fields, `content-length: ${body.length}`].join('\r\n')}\r\n\r\n`)
  await eventually('a worker to ask for the body', () => came.includes('100 Continue'))
  socket.write(body.slice(0, 9))
  return { finish: () => socket.write(body.slice(9)), closed }
}

/** The numbers of the workers that have logged a request. */
function answering({ err }: Spawned): Set<number> {
  const lines = err()
    .split('\n')
    .filter((line) => line.includes('"msg":"request"'))
  return new Set(lines.map((line) => (JSON.parse(line) as { worker: number }).worker))
}

/** Sends requests, each on a connection of its own, until both workers have answered some. */
async function untilBothAnswer(group: Group): Promise<void> {
  await eventually('both workers to answer', async () => {
    await send(group.port, '/healthz')
    return answering(group).size === 2
  })
}

/** Signet's own series, by name and labels. */
async function scrape(port: number): Promise<Map<string, number>> {
  const { text } = await send(port, '/metrics', { headers: { host: 'localhost' } })
  return new Map(
    text
      .split('\n')
      .filter((line) => line.startsWith('signet_'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

const issued = (metrics: Map<string, number>) =>
  metrics.get('signet_tokens_issued_total{token="access",grant_type="client_credentials",alg="ES256"}')

async function stop({ child, ended }: Spawned) {
  child.kill('SIGTERM')
  return ended
}

t.test('a worker that cannot start ends the group, with its message', async (t) => {
  // Only workers read the files.
  const files = { SIGNET_TLS_CERT: '/no/such/file', SIGNET_TLS_KEY: '/no/such/file' }
  const { environment } = await openConsole(t, { ...files, SIGNET_ISSUER: 'https://id.example', SIGNET_WORKERS: '2' })
  const port = String(await freePort())
  const { code, out, err } = await spawnSignet(t, { ...environment, SIGNET_PORT: port }, 'serve').ended
  t.same({ code, out, err }, { code: 1, out: '', err: 'signet: /no/such/file cannot be read: it does not exist.\n' })
})

t.test('a port in use gets the same explanation as with one process, and no process stays', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => taken.once('listening', done))
  const port = Object(taken.address()).port as number
  const settings = { ...environment, SIGNET_PORT: String(port), SIGNET_LOG_LEVEL: 'silent' }
  const several = spawnSignet(t, settings, 'serve')
  const one = await answer(['serve'], { environment: { ...settings, SIGNET_WORKERS: '1' }, folder: '/nowhere' })
  t.same(await several.ended, { code: one.code, out: one.out, err: one.err })
  t.match(one.err, `Port ${port} of 127.0.0.1 is in use.`)
  t.same(childrenOf(several.child.pid), [])
  await new Promise((done) => taken.close(done))
})

t.test('a pool that is too small for the processes stops the start', async (t) => {
  const { code, err } = await spawnSignet(t, { ...environment, SIGNET_DATABASE_POOL: '5' }, 'serve').ended
  t.equal(code, 1)
  t.match(err, 'SIGNET_DATABASE_POOL: must be at least 6 with 2 workers (SIGNET_WORKERS).')
})

t.test('two workers serve a journey: each accepts what the other has made', async (t) => {
  const group = await serve(t)
  const issuer = 'http://localhost:4000'
  const created = await json<TestClient & { client_secret: string }>(
    ...['clients', 'create', '--name', 'Shop', '--redirect-uri', 'https://app.example/callback'],
    ...['--scope', 'openid', '--scope', 'offline_access'],
  )
  const credentials = { authorization: basic(created.client_id, created.client_secret) }
  const person = { username: 'two.workers', password: 'correct horse battery staple' }
  const { code } = await answerTo(person.password, 'users', 'create', '--username', person.username, '--password-stdin')
  t.equal(code, 0)

  await untilBothAnswer(group)
  const browser = createBrowser(issuer, `http://127.0.0.1:${group.port}`)
  const proof = pkce()
  const parameters = authorizationParameters({ ...created, redirect_uris: ['https://app.example/callback'] }, proof)
  const first = await browser.get(`/authorize?${new URLSearchParams(parameters)}`)
  const back = await passPages(browser, first, { ...person, sub: '' as never, email: '' })
  const authorizationCode = new URL(back.location ?? '').searchParams.get('code') ?? ''
  const redeem = { grant_type: 'authorization_code', code: authorizationCode, code_verifier: proof.verifier }
  const post = async (parameters: Record<string, string>) => {
    const body = String(new URLSearchParams(parameters))
    const { status, text } = await send(group.port, '/token', { body, headers: { ...form, ...credentials } })
    t.equal(status, 200)
    return JSON.parse(text) as { access_token: string; refresh_token: string }
  }
  let tokens = await post({ ...redeem, redirect_uri: 'https://app.example/callback' })
  for (let times = 0; times < 6; times++) {
    const { refresh_token } = tokens
    tokens = { ...tokens, ...(await post({ grant_type: 'refresh_token', refresh_token })) }
    const bearer = { headers: { authorization: `Bearer ${tokens.access_token}` } }
    t.equal((await send(group.port, '/userinfo', bearer)).status, 200)
  }
  t.equal((await stop(group)).code, 0)
})

t.test('a client that a command has changed is known to all workers at once', async (t) => {
  const group = await serve(t)
  const another = await json<{ client_id: string; client_secret: string }>('clients', 'create', '--name', 'B', ...flags)
  const own = { ...form, authorization: basic(another.client_id, another.client_secret) }
  const statuses = async () => {
    const answers = Array.from({ length: 8 }, () =>
      send(group.port, '/token', { body: 'grant_type=client_credentials', headers: own }),
    )
    return new Set((await Promise.all(answers)).map(({ status }) => status))
  }
  await untilBothAnswer(group)
  // Both have the client in memory now.
  for (let times = 0; times < 4; times++) t.same([...(await statuses())], [200])
  await json('clients', 'delete', another.client_id)
  await eventually('every worker to refuse the client', statuses, (seen) => seen.size === 1 && seen.has(401))
  t.equal((await stop(group)).code, 0)
})

t.test('metrics add up, whichever worker is asked, and do not go down when a worker ends', async (t) => {
  const group = await serve(t)
  const before = issued(await scrape(group.port)) ?? 0
  for (let times = 0; times < 20; times++) await token(group.port)
  await untilBothAnswer(group)
  for (let times = 0; times < 4; times++) {
    const metrics = await scrape(group.port)
    t.equal((issued(metrics) ?? 0) - before, 20)
    t.equal(metrics.get('signet_database_connections_limit'), 6, 'of all processes together')
    t.equal(metrics.get('signet_signing_ready'), 1)
    t.equal(metrics.get('signet_signing_keys{alg="ES256",state="active"}'), 1)
    t.equal([...metrics].filter(([name]) => name.startsWith('signet_build_info'))[0]?.[1], 1)
    t.type(metrics.get('signet_jobs_waiting'), 'number', 'counted by the primary')
  }
  const [first] = group.workers()
  process.kill(first as number, 'SIGKILL')
  await eventually('another worker', () => group.workers().length === 2 && !group.workers().includes(first as number))
  t.equal((issued(await scrape(group.port)) ?? 0) - before, 20)
  t.equal((await send(group.port, '/metrics', { headers: { host: 'id.example' } })).status, 404)
  t.equal((await stop(group)).code, 0)
})

t.test(
  'while workers are killed, every new connection is accepted and answered or, with its worker, cut off',
  async (t) => {
    const group = await serve(t)
    const seen: Record<string, number> = {}
    const note = (what: string) => {
      seen[what] = (seen[what] ?? 0) + 1
    }
    let goesOn = true
    const client = async () => {
      while (goesOn) {
        await token(group.port).then(
          ({ status }) => note(String(status)),
          (error: NodeJS.ErrnoException) => note(error.code ?? error.message),
        )
      }
    }
    const clients = Array.from({ length: 8 }, client)
    const answered = () => seen['200'] ?? 0
    const more = async (count: number) => {
      const from = answered()
      await eventually(`${count} more answers`, answered, (now) => now >= from + count)
    }
    await more(50)
    const killed = new Set<number>()
    const kill = (pids: number[]) => {
      for (const pid of pids) {
        killed.add(pid)
        process.kill(pid, 'SIGKILL')
      }
    }
    const replaced = () =>
      eventually(
        'two workers that have not been killed',
        () => group.workers(),
        (pids) => pids.length === 2 && pids.every((pid) => !killed.has(pid)),
      )
    kill(group.workers().slice(0, 1))
    await more(50)
    kill((await replaced()).slice(1))
    await more(50)
    // Both at once: connections wait.
    kill(await replaced())
    await more(50)
    await replaced()
    goesOn = false
    await Promise.all(clients)
    const { 200: good = 0, ECONNRESET: cutOff = 0, ...others } = seen
    t.same(others, {}, 'no connection was refused, and none got another answer')
    t.ok(good >= 200)
    t.ok(cutOff <= 8 * killed.size, 'only those that a killed worker had')
    await untilBothAnswer(group)
    t.equal((await stop(group)).code, 0)
  },
)

t.test(
  'an uncaught error ends the worker that has it, after its requests, and another one takes its place',
  async (t) => {
    const planted = join(freshFolder(t), 'planted.mjs')
    writeFileSync(planted, `process.on('SIGUSR2', () => setImmediate(() => { throw new Error('planted exception') }))`)
    const group = await serve(t, environment, ['--import', planted])
    const [faulty, other] = group.workers()
    const halves = await Promise.all(Array.from({ length: 6 }, () => openHalf(group.port)))
    process.kill(faulty as number, 'SIGUSR2')
    const pids = await eventually(
      'a third worker',
      () => group.workers(),
      (pids) => pids.some((pid) => pid !== faulty && pid !== other),
    )
    t.ok(pids.includes(faulty as number), 'the worker still has requests')
    t.equal((await token(group.port)).status, 200)
    for (const { finish, closed } of halves) {
      finish()
      t.match(await closed, /\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    }
    await eventually('the faulty worker to end', () => !runs(faulty as number))
    t.match(group.err(), 'planted exception')

    const last = await openHalf(group.port)
    group.child.kill('SIGUSR2')
    await eventually('the primary to report the error', () => group.err().split('planted exception').length > 3)
    last.finish()
    t.match(await last.closed, /\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    t.equal((await group.ended).code, 70)
  },
)

t.test('a worker that cannot be started, because no file can be opened, ends nobody else', async (t) => {
  const planted = join(freshFolder(t), 'planted.mjs')
  writeFileSync(
    planted,
    `import { closeSync, openSync } from 'node:fs'
    const open = []
    process.on('SIGUSR2', () => {
      if (open.length > 0) return open.splice(0).forEach((file) => closeSync(file))
      try { for (;;) open.push(openSync('/dev/null')) } catch { console.error('no descriptor is left') }
    })`,
  )
  const group = await serve(t, environment, ['--import', planted])
  const [first, second] = group.workers()
  group.child.kill('SIGUSR2')
  await eventually('the primary to have no descriptor left', () => group.err().includes('no descriptor is left'))
  process.kill(first as number, 'SIGKILL')
  await eventually('a start to fail', () => group.err().includes('cannot be reached or started'))
  t.equal(group.child.exitCode, null)
  t.ok(group.workers().includes(second as number))
  group.child.kill('SIGUSR2')
  await eventually('two workers again', () => group.workers().length === 2)
  t.equal((await token(group.port)).status, 200)
  t.equal((await stop(group)).code, 0)
})

t.test('killing the primary ends the workers', async (t) => {
  const { child, workers, ended, port } = await serve(t)
  const pids = workers()
  t.equal(pids.length, 2)
  // One of them has a connection that stays open.
  const idle = connect(port, '127.0.0.1')
  // The primary may not have handed it over when it is killed.
  idle.on('error', () => {})
  await new Promise((done) => idle.once('connect', done))
  child.kill('SIGKILL')
  await eventually('the workers to end', () => !pids.some(runs))
  await ended
  idle.destroy()
})

t.test('if no worker serves and new ones cannot start, the group ends with the reason', async (t) => {
  const { environment } = await openConsole(t, { SIGNET_WORKERS: '2' }, 'made')
  const group = await serve(t, environment)
  rmSync(join(environment['SIGNET_KEYS_DIR'] ?? '', 'master.key'))
  for (const pid of group.workers()) process.kill(pid, 'SIGKILL')
  const { code, err } = await group.ended
  t.equal(code, 1)
  t.match(err, /^signet: .*master\.key/)
})

async function answerTo(input: string, ...args: string[]) {
  return answer(args, { environment, folder: '/nowhere', input })
}
