import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { emptyFolder } from './console.ts'

interface Running {
  readonly child: ChildProcess
  readonly out: () => string
  readonly ended: Promise<{ code: number | null; out: string; err: string }>
}

/** Runs `signet` as a process of its own, with these settings and no others. */
function signet(t: Test, settings: Record<string, string>, ...args: string[]): Running {
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('SIGNET_'))
  const child = spawn(process.execPath, ['dist/main.js', ...args], {
    cwd: packageFolder,
    env: { ...Object.fromEntries(environment), ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const said = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said.err += text
  })
  const ended = new Promise<{ code: number | null; out: string; err: string }>((done) =>
    child.once('close', (code) => done({ code, ...said })),
  )
  return { child, out: () => said.out, ended }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const address = server.address()
  await new Promise((done) => server.close(done))
  return typeof address === 'object' && address ? address.port : 0
}

t.test('the version is that of the package, and needs no settings that can be used', async (t) => {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
  const { code, out, err } = await signet(t, { SIGNET_PORT: 'no port' }, 'version').ended
  t.same({ code, out, err }, { code: 0, out: `${version}\n`, err: '' })
})

t.test('with the embedded database: no server, a cut short command, beside a server, and after it', async (t) => {
  const folder = emptyFolder(t)
  const settings = {
    SIGNET_ISSUER: `http://localhost:${await freePort()}`,
    SIGNET_DATA_DIR: join(folder, 'data'),
    SIGNET_KEYS_DIR: join(folder, 'keys'),
  }
  const create = (name: string) =>
    signet(t, settings, 'clients', 'create', '--name', name, '--redirect-uri', 'https://app.example/cb', '--json')
  const serverRuns = () => existsSync(join(folder, 'data/postgresql/data/postmaster.pid'))

  const first = await create('First').ended
  t.same({ code: first.code, err: first.err }, { code: 0, err: '' })
  t.match(JSON.parse(first.out), { client_id: /^client_/, client_secret: String })
  t.notOk(serverRuns(), 'the command has stopped the database that it started')

  const cut = create('Cut short')
  await pause(700)
  cut.child.kill('SIGINT')
  const { code, out, err } = await cut.ended
  if (code !== 0 && code !== null) t.same({ out, err }, { out: '', err: 'signet: Interrupted; nothing was changed.\n' })
  t.notOk(serverRuns())

  const server = signet(t, settings, 'serve')
  while (!server.out().includes('Signet is ready') && server.child.exitCode === null) await pause(50)
  t.equal(server.out(), `Signet is ready: ${settings.SIGNET_ISSUER}\n`)
  t.equal((await create('Beside').ended).code, 0)
  t.match(await fetch(`${settings.SIGNET_ISSUER}/healthz`), { status: 200 }, 'the server goes on')
  server.child.kill('SIGTERM')
  t.equal((await server.ended).code, 0)

  const list = await signet(t, settings, 'clients', 'list', '--json').ended
  t.same({ code: list.code, err: list.err }, { code: 0, err: '' })
  t.same(
    (JSON.parse(list.out) as { client_name: string }[]).map(({ client_name }) => client_name),
    code === 0 ? ['First', 'Cut short', 'Beside'] : ['First', 'Beside'],
    'what the commands told is what is',
  )
  t.notOk(serverRuns())
})
