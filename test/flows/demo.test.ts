// Own process: it takes long.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { freePort } from '../support/idp.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-demo-'))
// When started by root, the database runs as another user, who needs access to the folder.
chmodSync(folder, 0o711)
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const [signetPort, notesPort] = [await freePort(), await freePort()]
const [apiPort, mailsPort] = [await freePort(), await freePort()]
const issuer = `http://localhost:${signetPort}`
const notes = `http://localhost:${notesPort}`
const api = `http://localhost:${apiPort}`
const mails = `http://localhost:${mailsPort}`
const dataDir = join(folder, 'data')
const clientFile = join(dataDir, 'demo.json')

t.test('if a port is in use, the demo says which, and starts nothing', async (t) => {
  const stranger = createServer().listen(notesPort, '127.0.0.1')
  await once(stranger, 'listening')
  const demo = startDemo(t)
  const { code, errors } = await demo.ended
  stranger.close()
  t.equal(code, 1)
  t.equal(
    errors,
    `Notes cannot start: port ${notesPort} is in use by another program. Stop that program, or set NOTES_PORT to another port.\n`,
  )
  t.notOk(existsSync(dataDir))
})

let first: unknown

t.test('the demo starts from nothing, registers its client, and Ctrl-C leaves no process behind', async (t) => {
  const demo = startDemo(t)
  const printed = await demo.ready
  for (const address of [notes, api, issuer, mails]) t.match(printed, address)
  t.equal(statSync(clientFile).mode & 0o777, 0o600, 'only the owner can read its secret')
  first = JSON.parse(readFileSync(clientFile, 'utf8'))
  await worksThrough(t)

  const family = familyOf(demo.pid)
  for (const program of ['main.js serve', 'api/main.js', 'notes/main.js', 'mails/main.js', 'bin/postgres'])
    t.ok(
      family.some(({ args }) => args.includes(program)),
      program,
    )
  // A terminal sends the signal to the whole process group, and npm forwards it once more.
  process.kill(-demo.pid, 'SIGINT')
  process.kill(demo.pid, 'SIGINT')
  t.match(await demo.ended, { code: 0, errors: '' })
  t.same(alive(family), [])
})

t.test('a second start finds its client again, and a SIGTERM to the demo alone stops everything', async (t) => {
  const demo = startDemo(t)
  await demo.ready
  t.same(JSON.parse(readFileSync(clientFile, 'utf8')), first)
  await worksThrough(t)
  const family = familyOf(demo.pid)
  process.kill(demo.pid, 'SIGTERM')
  t.match(await demo.ended, { code: 0, errors: '' })
  t.same(alive(family), [])
})

t.test(
  'a client that Signet does not know is replaced; if one program dies, the others stop, with exit code 1',
  async (t) => {
    writeFileSync(clientFile, JSON.stringify({ ...(first as object), client_id: 'client_that_is_gone' }))
    const demo = startDemo(t)
    await demo.ready
    await worksThrough(t)
    t.not(JSON.parse(readFileSync(clientFile, 'utf8')).client_id, 'client_that_is_gone')
    const family = familyOf(demo.pid)
    const victim = family.find(({ args }) => args.includes('api/main.js'))
    process.kill(victim?.pid ?? 0, 'SIGKILL')
    const { code, errors } = await demo.ended
    t.equal(code, 1)
    t.equal(errors, 'The API has ended (SIGKILL). The demo is stopping.\n')
    t.same(alive(family), [])
  },
)

/** Notes redirects to Signet, Signet knows the client, the API refuses requests without a token, and no mail has been written. */
async function worksThrough(t: Test): Promise<void> {
  const toSignet = await fetch(`${notes}/sign-in`, { redirect: 'manual' })
  const location = toSignet.headers.get('location') ?? ''
  t.ok(location.startsWith(`${issuer}/authorize?`), location)
  const signIn = await fetch(location)
  t.equal(new URL(signIn.url).pathname, '/sign-in')
  t.match(await signIn.text(), 'Notes')
  const refused = await fetch(`${api}/notes`)
  t.equal(refused.status, 401)
  t.equal(refused.headers.get('www-authenticate'), 'Bearer realm="https://api.notes.example"')
  t.match(await (await fetch(mails)).text(), 'There are no mails yet.')
}

/** Starts the demo in its own process group, as a terminal does. */
function startDemo(t: Test) {
  const demo = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, join(packageFolder, 'examples/demo.js')], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...{ PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: tmpdir() },
      ...{ SIGNET_ISSUER: issuer, SIGNET_DATA_DIR: dataDir, SIGNET_KEYS_DIR: join(folder, 'keys') },
      ...{ NOTES_PORT: String(notesPort), API_PORT: String(apiPort), MAILS_PORT: String(mailsPort) },
    },
  })
  const errors = text(demo.stderr)
  const ended = once(demo, 'close').then(async ([code]) => ({ code: code as number | null, errors: await errors }))
  t.teardown(() => {
    if (demo.exitCode !== null || demo.signalCode !== null) return undefined
    demo.kill('SIGTERM')
    return ended
  })
  let printed = ''
  const ready = new Promise<string>((resolve, reject) => {
    demo.stdout.on('data', (chunk) => {
      printed += chunk
      if (printed.includes('Press Ctrl-C to stop the demo.')) resolve(printed)
    })
    ended.then(({ code, errors }) => reject(new Error(`The demo has ended with ${code}:\n${printed}\n${errors}`)))
  })
  ready.catch(() => {}) // not every test waits for it
  return { pid: demo.pid ?? 0, ready, ended }
}

interface Running {
  readonly pid: number
  readonly parent: number
  readonly args: string
}

/** Every process on the machine, except those that have exited and were not waited for. */
function running(): Running[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' }).trim().split('\n')
  return lines.flatMap((line) => {
    const [, pid, parent, state = '', args = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    return pid === undefined || state.startsWith('Z') ? [] : [{ pid: Number(pid), parent: Number(parent), args }]
  })
}

/** All processes that the demo has started. The database may have been started by a command that has exited since. */
function familyOf(demo: number): Running[] {
  const database = realpathSync(join(dataDir, 'postgresql'))
  const all = running()
  const found = all.filter(({ pid, args }) => pid !== demo && args.includes(database))
  for (let parents = [demo, ...found.map(({ pid }) => pid)]; parents.length > 0; ) {
    const children = all.filter((one) => parents.includes(one.parent) && !found.includes(one))
    found.push(...children)
    parents = children.map(({ pid }) => pid)
  }
  return found
}

function alive(processes: readonly Running[]): string[] {
  const pids = new Set(running().map(({ pid }) => pid))
  return processes.filter(({ pid }) => pids.has(pid)).map(({ args }) => args)
}
