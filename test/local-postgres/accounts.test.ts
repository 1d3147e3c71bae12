// Own process: it starts database servers, and kills them.
import { chmodSync, chownSync, existsSync, lstatSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { joinLocalPostgres } from '#local-postgres'
import { noLog } from '../database.ts'
import { askOnce, freshFolder, joinIn, serverPid } from '../platform/database/own-server.ts'
import { startJoiner } from './joiners.ts'

// A user who has a name on every system, and one without a name.
const daemon = 1
const nameless = 12345

const skip = process.getuid?.() !== 0
const root = skip ? 'only root can try (skipped): ' : ''

t.test(`${root}root may join for a loopback issuer only`, { skip }, async (t) => {
  const dataDir = join(freshFolder(t), 'data')
  await t.rejects(joinLocalPostgres({ dataDir, allowRoot: false, log: noLog }), {
    name: 'LocalPostgresError',
    message: /loopback.*ordinary user.*SIGNET_DATABASE_URL/,
  })
  t.notOk(existsSync(dataDir), 'nothing was created')
})

t.test(`${root}root's server runs as nobody, who can change the cluster and nothing else`, { skip }, async (t) => {
  const before = process.umask(0o077)
  t.teardown(() => process.umask(before))
  const dataDir = freshFolder(t)
  chmodSync(dataDir, 0o700) // as mkdtemp and the umask would create it
  const embedded = await joinIn(t, dataDir)
  t.equal(statSync(dataDir).mode & 0o777, 0o701, 'nobody can pass through it')
  if (process.platform === 'linux') t.equal(statSync(`/proc/${serverPid(embedded)}`).uid, 65534)
  const foreign: string[] = []
  const visit = (path: string) => {
    const entry = lstatSync(path)
    if (entry.uid !== 0 || (!entry.isSymbolicLink() && entry.mode & 0o022)) foreign.push(path.slice(dataDir.length + 1))
    else if (entry.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name))
  }
  visit(dataDir)
  t.same(foreign.sort(), ['postgresql/data', 'postgresql/run', 'postgresql/server.log'])

  await t.test('an ordinary user cannot join, and the error says why', async (t) => {
    const { refused } = await startJoiner(t, dataDir, { uid: daemon, home: tmpdir() }).joined
    t.match(
      refused,
      /^LocalPostgresError: .*permission denied.*Run Signet as the user who owns it.*SIGNET_DATABASE_URL/,
    )
  })
})

t.test(`${root}below a closed home, root's database is kept in /var/lib/signet`, { skip }, async (t) => {
  const home = freshFolder(t)
  chmodSync(home, 0o700)
  const lines: unknown[] = []
  const first = await joinIn(t, join(home, 'first'), { ...noLog, info: (details) => lines.push(details) })
  const elsewhere = join(first.data, '../..')
  t.teardown(() => rmSync(elsewhere, { recursive: true, force: true }))
  t.equal(dirname(elsewhere), '/var/lib/signet')
  t.match(lines, [{ folder: elsewhere, dataDir: join(home, 'first') }])
  await askOnce(first, 'CREATE TABLE seals ()')
  await first.leave()

  renameSync(join(home, 'first'), join(home, 'moved'))
  const again = await joinIn(t, join(home, 'moved'), { ...noLog, info: (details) => lines.push(details) })
  t.equal((await askOnce(again, 'SELECT FROM seals')).rowCount, 0, 'found again after the move')
  t.equal(lines.length, 1, 'reported once')
  await again.leave()
})

t.test(`${root}root can join a user's database and leaves nothing that blocks them`, { skip }, async (t) => {
  const home = freshFolder(t)
  chownSync(home, daemon, daemon)
  chmodSync(home, 0o700)
  const dataDir = join(home, 'data')
  const user = startJoiner(t, dataDir, { uid: daemon, home })
  const { pid, data, refused } = await user.joined
  t.equal(refused, undefined)
  t.same([statSync(dataDir).mode & 0o777, statSync(data).mode & 0o777], [0o700, 0o700])
  const embedded = await joinIn(t, dataDir)
  t.equal(serverPid(embedded), pid, 'root joins')
  t.equal(await user.leave(), 0)
  await embedded.leave()
  await joinIn(t, dataDir).then((root) => root.leave())
  const back = startJoiner(t, dataDir, { uid: daemon, home })
  t.equal((await back.joined).refused, undefined, "root has left nothing that is in the user's way")
  t.equal(await back.leave(), 0)
  t.notOk(existsSync(join(data, 'postmaster.pid')))
})

t.test(`${root}for a user id without a name, as in containers, the error says what is missing`, { skip }, async (t) => {
  const home = freshFolder(t)
  chownSync(home, nameless, nameless)
  const { refused } = await startJoiner(t, join(home, 'data'), { uid: nameless, home }).joined
  t.match(refused, /^LocalPostgresError: .*user does not exist.*\/etc\/passwd.*SIGNET_DATABASE_URL/s)
  const left = readdirSync(join(home, 'data')).filter((name) => name.includes('making'))
  t.same(left, [], 'no incomplete files remain')
})
