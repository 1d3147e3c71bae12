import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { freePort } from '../support/idp.ts'
import { emptyFolder } from './console.ts'
import { spawnServer, spawnSignet } from './spawned.ts'

t.test('the version is that of the package, and is printed even with unusable settings', async (t) => {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
  for (const word of ['version', '--version']) {
    const { code, out, err } = await spawnSignet(t, { SIGNET_PORT: 'no port' }, word).ended
    t.same({ code, out, err }, { code: 0, out: `${version}\n`, err: '' })
  }
})

t.test('commands use the embedded database without a server, when interrupted, and next to a server', async (t) => {
  const folder = emptyFolder(t)
  const settings = {
    SIGNET_ISSUER: `http://localhost:${await freePort()}`,
    SIGNET_DATA_DIR: join(folder, 'data'),
    SIGNET_KEYS_DIR: join(folder, 'keys'),
    // Otherwise a command that takes longer than two seconds logs so.
    SIGNET_LOG_LEVEL: 'warn',
  }
  const create = (name: string) =>
    spawnSignet(t, settings, 'clients', 'create', '--name', name, '--redirect-uri', 'https://app.example/cb', '--json')
  const serverRuns = () => existsSync(join(folder, 'data/postgresql/data/postmaster.pid'))

  const early = await create('Early').ended
  t.match(early, { code: 1, out: '', err: /There is no Signet installation here/ })
  t.same(readdirSync(folder), [], 'a command alone creates nothing')
  t.match(await spawnSignet(t, settings, 'migrate').ended, { code: 0, err: '' })
  t.notOk(existsSync(join(folder, 'keys')), 'the first server start creates the keys')

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

  const server = await spawnServer(t, settings)
  t.equal(server.out(), `Signet is ready: ${settings.SIGNET_ISSUER}\n`)
  t.equal((await create('Beside').ended).code, 0)
  t.match(await fetch(`${settings.SIGNET_ISSUER}/healthz`), { status: 200 }, 'the server keeps running')
  server.child.kill('SIGTERM')
  t.equal((await server.ended).code, 0)

  const list = await spawnSignet(t, settings, 'clients', 'list', '--json').ended
  t.same({ code: list.code, err: list.err }, { code: 0, err: '' })
  const names = (JSON.parse(list.out) as { client_name: string }[]).map(({ client_name }) => client_name)
  // Without a code, the signal arrived while the command was ending, with its work done or not begun. It has reported nothing.
  const reported = code === null ? names.filter((name) => name !== 'Cut short') : names
  t.same(
    reported,
    code === 0 ? ['Beside', 'Cut short', 'First'] : ['Beside', 'First'],
    'the list matches what the commands reported',
  )
  t.notOk(serverRuns())
})
