// Own process: it starts database servers, and kills them.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import type { Cluster } from '#local-postgres/cluster'
import { stopServer } from '#local-postgres/postgres-server'
import { freshFolder, joinIn, poolOn, serverPid, untilOneUserIsLeft } from '../platform/database/own-server.ts'
import { eventually } from '../support/eventually.ts'
import { startJoiner } from './joiners.ts'

t.test(
  'eight processes that find an empty folder create one database and one server; the last one stops it',
  async (t) => {
    const dataDir = join(freshFolder(t), 'data')
    const joiners = Array.from({ length: 8 }, () => startJoiner(t, dataDir))
    const joined = await Promise.all(joiners.map((joiner) => joiner.joined))
    t.equal(new Set(joined.map(({ pid }) => pid)).size, 1, 'one server')
    t.equal(new Set(joined.map(({ connection }) => connection.password)).size, 1, 'one database')
    t.match(
      readdirSync(dataDir).sort(),
      [/^postgresql$/, /^postgresql-runtime-[^/]+[0-9]$/],
      'no incomplete files remain',
    )
    t.same(await Promise.all(joiners.map((joiner) => joiner.leave())), Array(8).fill(0))
    t.notOk(existsSync(join(joined[0]!.data, 'postmaster.pid')), 'the server is stopped')
  },
)

t.test('processes that are killed while they create the database leave nothing that blocks the next one', async (t) => {
  const dataDir = join(freshFolder(t), 'data')
  for (const delay of [30, 150, 400, 700]) {
    const joiner = startJoiner(t, dataDir)
    await joiner.begun
    await pause(delay)
    await joiner.kill()
  }
  const embedded = await joinIn(t, dataDir)
  t.same((await poolOn(t, embedded).query({ text: 'SELECT 1 AS one' })).rows, [{ one: 1 }])
})

t.test('one server and its users, in one process and in two', async (t) => {
  const dataDir = join(freshFolder(t), 'data')
  const first = await joinIn(t, dataDir)
  const pid = serverPid(first)
  const running = () => existsSync(join(first.data, 'postmaster.pid'))

  await t.test('a user that leaves does not stop the server for another', async (t) => {
    const other = startJoiner(t, dataDir)
    t.match(await other.joined, { pid })
    const pool = poolOn(t, first)
    await other.leave()
    t.same((await pool.query({ text: 'SELECT 1 AS one' })).rows, [{ one: 1 }])
    t.equal(serverPid(first), pid)
  })

  await t.test('a killed user is not counted as a user', async (t) => {
    const other = startJoiner(t, dataDir)
    t.match(await other.joined, { pid })
    await other.kill()
    await untilOneUserIsLeft(poolOn(t, first))
    await first.leave()
    await first.leave() // the second call does nothing
    t.notOk(running())
  })

  await t.test('a server whose only user was killed can be joined, and is stopped by the new user', async (t) => {
    const parent = startJoiner(t, dataDir)
    const left = await parent.joined
    await parent.kill()
    t.ok(running())
    const nextUser = await joinIn(t, dataDir)
    t.equal(serverPid(nextUser), left.pid)
    await untilOneUserIsLeft(poolOn(t, nextUser))
    await nextUser.leave()
    t.notOk(running())
  })

  await t.test('if two users leave at the same time, one of them stops the server', async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const both = await Promise.all([joinIn(t, dataDir), joinIn(t, dataDir)])
      await Promise.all(both.map((one) => one.leave()))
      t.notOk(running())
    }
  })

  await t.test('a new user does not join a server that its last user is about to stop', async (t) => {
    const host = await joinIn(t, dataDir)
    const leaver = await superuserOf(host)
    await leaver.query('SELECT pg_advisory_lock_shared(0, 1)') // a user like any other
    const pid = serverPid(host)
    await host.leave()
    await leaver.query('SELECT pg_advisory_lock(0, 1)') // the last one, about to stop it
    let joined = false
    const joining = joinIn(t, dataDir).then((embedded) => {
      joined = true
      return embedded
    })
    await pause(300)
    t.notOk(joined)
    await leaver.end() // killed before it did
    const nextUser = await joining
    t.equal(serverPid(nextUser), pid)
    await nextUser.leave()
    t.notOk(running())
  })

  await t.test('a user that arrives while the server is being stopped gets one that keeps running', async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const last = await joinIn(t, dataDir)
      const leaving = last.leave()
      await pause(round * 4)
      const next = await joinIn(t, dataDir)
      await leaving
      const pool = poolOn(t, next)
      t.same((await pool.query({ text: 'SELECT 1 AS one' })).rows, [{ one: 1 }])
      await next.leave()
    }
  })

  await t.test('for any order of arrivals, a server runs while it is used, and none runs afterwards', async (t) => {
    const visits = Array.from({ length: 24 }, async (_, visit) => {
      await pause((visit * 37) % 200)
      const embedded = await joinIn(t, dataDir)
      const { rows } = await poolOn(t, embedded).query({ text: 'SELECT 1 AS one' })
      await pause((visit * 53) % 90)
      await embedded.leave()
      return rows
    })
    t.same(await Promise.all(visits), Array(24).fill([{ one: 1 }]))
    await eventually('the server to be stopped', () => !running())
  })

  await t.test(
    'a server with a process that hangs is stopped without its last checkpoint, and keeps everything',
    async (t) => {
      const host = await joinIn(t, dataDir)
      const superuser = await superuserOf(host)
      await superuser.query('CREATE TABLE kept AS SELECT 1 AS one')
      const hanging = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
      const [checkpointer] = (await superuser.query<{ pid: number }>(hanging)).rows
      process.kill(checkpointer!.pid, 'SIGSTOP')
      const pid = serverPid(host)
      const server = { cluster: { data: host.data } as Cluster, runtime: '', runAs: undefined, parameters: {} }
      t.ok(await stopServer(server, pid, { fast: 200, immediate: 60_000 }))
      const next = await joinIn(t, dataDir)
      t.not(serverPid(next), pid)
      const again = await superuserOf(next)
      t.same((await again.query('SELECT one FROM kept')).rows, [{ one: 1 }])
      await again.end()
    },
  )
})

t.test('a server has stopped although the next one has started in its folder', async (t) => {
  const data = freshFolder(t)
  writeFileSync(join(data, 'postmaster.pid'), `${process.pid}\n${data}\n`)
  const server = { cluster: { data } as Cluster, runtime: '', runAs: undefined, parameters: {} }
  const nobody = 2 ** 30
  t.ok(await stopServer(server, nobody, { fast: 60_000, immediate: 60_000 }))
})

/** A connection as the superuser. It fails quietly when the server goes away. */
async function superuserOf({ connection, data }: Awaited<ReturnType<typeof joinIn>>): Promise<pg.Client> {
  const file = readFileSync(join(data, '../credentials.json'), 'utf8')
  const { superuserPassword } = JSON.parse(file) as { superuserPassword: string }
  const client = new pg.Client({ ...connection, ssl: false, user: 'postgres', password: superuserPassword })
  client.on('error', () => {})
  await client.connect()
  return client
}
