// Own process: it starts database servers, and kills them.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { LocalPostgres } from '#local-postgres'
import {
  askOnce,
  freshFolder,
  joinIn,
  nextServer,
  poolOn,
  serverPid,
  serverPids,
  untilOneUserIsLeft,
} from '../platform/database/own-server.ts'
import { eventually } from '../support/eventually.ts'
import { startJoiner } from './joiners.ts'

t.test('a server that dies or is suspended', async (t) => {
  const dataDir = join(freshFolder(t), 'data')
  const lines: string[] = []
  const line = (_details: object, message: string) => void lines.push(message)
  const embedded = await joinIn(t, dataDir, { info: line, warn: line })
  const pool = poolOn(t, embedded)
  await askOnce(embedded, 'CREATE SCHEMA signet')
  await pool.query({ text: 'CREATE TABLE seals (name text)' })
  const kept: string[] = []
  const insertSeal = async (name: string) => {
    await pool.query({ text: 'INSERT INTO seals VALUES ($1)', values: [name] })
    kept.push(name)
  }
  const sealNames = async () =>
    (await pool.query<{ name: string }>({ text: 'SELECT name FROM seals' })).rows.map((row) => row.name)

  await t.test('killed: it is restarted automatically, with everything that was acknowledged', async (t) => {
    for (const round of [1, 2, 3]) {
      await insertSeal(`before ${round}`)
      const writing = Array.from({ length: 20 }, (_, n) => insertSeal(`${round}.${n}`).catch(() => {}))
      await Promise.race(writing)
      const pid = serverPid(embedded)
      process.kill(pid, 'SIGKILL')
      await Promise.all(writing)
      await nextServer(embedded, pid)
      const found = await eventually('the seals', sealNames)
      t.same(
        kept.filter((name) => !found.includes(name)),
        [],
      )
      await eventually(
        `${2 * round} lines in the log`,
        () => lines,
        () => lines.length >= 2 * round,
      )
    }
    const gone = 'The embedded PostgreSQL has stopped; it is being restarted.'
    const back = 'The embedded PostgreSQL is running again.'
    t.same(lines, [gone, back, gone, back, gone, back])
  })

  await t.test('killed with all its processes, or stopped by somebody else', async (t) => {
    for (const end of ['SIGKILL', 'SIGINT'] as const) {
      await insertSeal(end)
      const before = serverPid(embedded)
      const pids = end === 'SIGKILL' ? await serverPids(embedded) : [before]
      for (const pid of pids) killIfThere(pid, end)
      await nextServer(embedded, before)
      t.ok((await eventually('the seals', sealNames)).includes(end))
    }
  })

  await t.test('killed while several use it: they end up with one server again', async (t) => {
    const others = [startJoiner(t, dataDir), startJoiner(t, dataDir)]
    await Promise.all(others.map((other) => other.joined))
    const before = serverPid(embedded)
    lines.length = 0
    process.kill(before, 'SIGKILL')
    await nextServer(embedded, before)
    await eventually(
      'two lines in the log',
      () => lines,
      () => lines.length >= 2,
    )
    const pid = serverPid(embedded)
    for (const other of others) t.equal(await other.leave(), 0)
    t.equal(serverPid(embedded), pid, 'those who left saw that somebody else uses it')
  })

  await t.test('suspended: a new user waits for it, and joins when it resumes', async (t) => {
    const pids = await serverPids(embedded)
    for (const pid of pids) killIfThere(pid, 'SIGSTOP')
    t.teardown(() => {
      for (const pid of pids) killIfThere(pid, 'SIGCONT')
    })
    let joined: LocalPostgres | undefined
    const joining = joinIn(t, dataDir).then((other) => {
      joined = other
    })
    await pause(300)
    t.equal(joined, undefined)
    for (const pid of pids) killIfThere(pid, 'SIGCONT')
    await joining
    t.equal(serverPid(embedded), pids[0])
  })

  await t.test('suspended when its last user leaves: leaving does not block', async (t) => {
    lines.length = 0
    const pids = await serverPids(embedded)
    for (const pid of pids) killIfThere(pid, 'SIGSTOP')
    await embedded.leave()
    t.same(lines, ['The embedded PostgreSQL could not be stopped; it keeps running, and the next start will use it.'])
    for (const pid of pids) killIfThere(pid, 'SIGCONT')
    const successor = await joinIn(t, dataDir)
    t.equal(serverPid(successor), pids[0])
    await untilOneUserIsLeft(poolOn(t, successor))
    await successor.leave()
    t.notOk(existsSync(join(successor.data, 'postmaster.pid')))
  })

  await t.test('killed together with its only user: the next user recovers it', async (t) => {
    const parent = startJoiner(t, dataDir)
    const { connection, data, pid } = await parent.joined
    await askOnce({ connection }, "INSERT INTO signet.seals VALUES ('last words')")
    await parent.kill()
    process.kill(pid, 'SIGKILL')
    t.ok(existsSync(join(data, 'postmaster.pid')), 'it could not clean up')
    const successor = await joinIn(t, dataDir)
    t.not(serverPid(successor), pid)
    t.same((await askOnce(successor, "SELECT name FROM signet.seals WHERE name = 'last words'")).rowCount, 1)
    await successor.leave()
  })
})

function killIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // it has ended
  }
}
