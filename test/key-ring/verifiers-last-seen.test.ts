import t from 'tap'
import { createVerifier } from '#verify'
import { createVerifiersLastSeen } from '../../src/key-ring/verifiers-last-seen.ts'
import { listNotSeenSince, putLastSeen } from '../../src/key-ring/verifiers-store.ts'
import { createClock } from '../../src/platform/clock.ts'
import type { Queryable } from '../../src/platform/database/queryable.ts'
import { DatabaseUnavailable } from '../../src/platform/database/unavailable.ts'
import { deleteExpired } from '../../src/records/cleanup/cleanup-store.ts'
import { answer } from '../cli/console.ts'
import { noLog } from '../database.ts'
import { untilNothingIsLeft } from '../support/eventually.ts'
import { startSignet } from '../support/idp.ts'

/** Sightings on a database that is unavailable while `isAway`; `written` holds each batch that reached it. */
function withFakeDatabase() {
  const state = { now: 1_000_000, isAway: false, written: [] as [string, number][][] }
  const query = async ({ values: [names, moments] }: { values: [string[], Date[]] }) => {
    if (state.isAway) throw new DatabaseUnavailable('away')
    state.written.push(names.map((name, index) => [name, Number(moments[index])]))
    return { rows: [] }
  }
  const clock = createClock({ wall: () => state.now, monotonic: () => 0 })
  return { state, lastSeen: createVerifiersLastSeen({ query } as unknown as Queryable, clock, noLog) }
}

t.test('a name that is not 1 to 100 printable ASCII characters is not kept', async (t) => {
  const { state, lastSeen } = withFakeDatabase()
  const bad = ['', ' ', ' a', 'a ', 'a\tb', 'a\u001b[2J', 'ä', '\u0000', 'x'.repeat(101), 'x'.repeat(16_000)]
  for (const name of bad) lastSeen.note(name)
  await lastSeen.stop()
  t.same(state.written, [])
  for (const name of ['x', 'x'.repeat(100), '__proto__', "Robert'); --", 'api.example:8443']) lastSeen.note(name)
  await lastSeen.stop()
  t.same(
    state.written[0]?.map(([name]) => name),
    ['x', 'x'.repeat(100), '__proto__', "Robert'); --", 'api.example:8443'],
  )
})

t.test('regardless of how many names arrive, a thousand are kept, and those are still updated', async (t) => {
  const { state, lastSeen } = withFakeDatabase()
  lastSeen.note('first')
  for (let i = 0; i < 5_000; i++) lastSeen.note(`made up ${i}`)
  state.now += 7
  lastSeen.note('first')
  await lastSeen.stop()
  t.equal(state.written[0]?.length, 1_000)
  t.same(state.written[0]?.[0], ['first', 1_000_007])
  lastSeen.note('room again')
  await lastSeen.stop()
  t.same(state.written[1], [['room again', 1_000_007]])
})

t.test('an outage loses no record, and memory stays bounded', async (t) => {
  const { state, lastSeen } = withFakeDatabase()
  state.isAway = true
  lastSeen.note('a')
  await lastSeen.stop()
  state.now += 5
  for (let i = 0; i < 1_500; i++) lastSeen.note(`b ${i}`)
  await lastSeen.stop()
  state.isAway = false
  await lastSeen.stop()
  t.equal(state.written.length, 1)
  t.equal(state.written[0]?.length, 1_000)
  t.same(state.written[0]?.slice(0, 2), [
    ['a', 1_000_000],
    ['b 0', 1_000_005],
  ])
})

t.test('a record during the write of a batch is written with the next one', async (t) => {
  const { state, lastSeen } = withFakeDatabase()
  lastSeen.note('a')
  const writing = lastSeen.stop()
  await Promise.resolve()
  state.now += 5
  lastSeen.note('a')
  await writing
  await lastSeen.stop()
  t.same(state.written, [[['a', 1_000_000]], [['a', 1_000_005]]])
})

t.test('over HTTP and in the database', async (t) => {
  const idp = await startSignet(t)
  const { database: db, verifiersLastSeen: lastSeen } = idp.signet
  const verifiers = async () => {
    await lastSeen.stop()
    const { rows } = await db.query('SELECT name, fetched_at FROM verifiers ORDER BY name')
    return rows as { name: string; fetched_at: Date }[]
  }
  const set = (headers: Record<string, string>, method = 'GET') =>
    fetch(`${idp.issuer}/.well-known/jwks.json`, { method, headers })

  t.test('a verifier that fetches the set under a name is recorded, even if the answer is 304', async (t) => {
    const before = idp.signet.clock.now()
    await set({})
    await set({ 'signet-verifier': 'only asked for the headers' }, 'HEAD')
    await set({ 'signet-verifier': 'from a page' }, 'OPTIONS')
    await set({ 'signet-verifier': 'x'.repeat(101) })
    const { headers } = await set({ 'signet-verifier': 'new' })
    const unchanged = { 'signet-verifier': 'has it', 'if-none-match': headers.get('etag') ?? '' }
    t.equal((await set(unchanged)).status, 304)
    await createVerifier({ issuer: idp.issuer, audience: 'https://api.example' }).ready()
    const seen = await verifiers()
    t.same(
      seen.map(({ name }) => name),
      ['api.example', 'has it', 'new'],
    )
    // Dated by the node or by the database, whichever is behind.
    const { rows } = await db.query('SELECT clock_timestamp() AS now')
    t.ok(seen.every(({ fetched_at: at }) => Number(at) >= before - 1_000 && Number(at) <= Number(rows[0].now)))
  })

  t.test('if two nodes saw a verifier, the later time counts, in whatever order they write', async (t) => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const at = (seconds: number) =>
      names.map((name) => ({ name, fetchedAt: new Date(Date.UTC(2026, 0) + seconds * 1000), age: 0 }))
    await Promise.all([putLastSeen(db, at(3)), putLastSeen(db, at(9).reverse()), putLastSeen(db, at(6))])
    const since = Date.UTC(2026, 0) + 9_000
    t.same(await listNotSeenSince(db, since, 100), [], 'not before 9')
    t.same(
      await listNotSeenSince(db, since + 1, 3),
      at(9)
        .slice(0, 3)
        .map(({ name, fetchedAt }) => ({ name, fetchedAt })),
    )
    await db.query("DELETE FROM verifiers WHERE fetched_at < '2026-02-01'")
  })

  t.test('a node whose clock was ahead makes no verifier seem to have fetched what was published since', async (t) => {
    const now = async () => Number((await db.query('SELECT clock_timestamp() AS now')).rows[0].now)
    const before = await now()
    const ahead = new Date(before + 300_000)
    await putLastSeen(db, [{ name: 'ahead', fetchedAt: ahead, age: 30 }])
    const [seen] = await listNotSeenSince(db, (await now()) - 29_999, 1)
    t.equal(seen?.name, 'ahead', 'dated by its age')
    t.ok(Number(seen?.fetchedAt) >= before - 30_000)

    // Written by a release that trusted the node's clock, or while the database's own clock was ahead.
    await db.query("UPDATE verifiers SET fetched_at = $1 WHERE name = 'ahead'", [ahead])
    const longAgo = before - 86_400_000
    t.match(await listNotSeenSince(db, longAgo, 10), [{ name: 'ahead' }], 'a time in the future proves nothing')
    await putLastSeen(db, [{ name: 'ahead', fetchedAt: new Date(longAgo), age: 0 }])
    t.match(await listNotSeenSince(db, longAgo + 1, 10), [{ name: 'ahead', fetchedAt: new Date(longAgo) }])
    await db.query("DELETE FROM verifiers WHERE name = 'ahead'")
  })

  t.test('of invented names the five thousand seen last are kept, and none after 90 days', async (t) => {
    await db.query(
      `INSERT INTO verifiers SELECT 'made up ' || n, now() - n * interval '1 second' FROM generate_series(60, 5700) AS n`,
    )
    await untilNothingIsLeft('what has expired', () => deleteExpired(db, 3600))
    const left = await verifiers()
    t.equal(left.length, 5_000)
    t.ok(left.some(({ name }) => name === 'new'))
    t.notOk(left.some(({ name }) => name === 'made up 5700'))
    await db.query("UPDATE verifiers SET fetched_at = now() - interval '91 days' WHERE name <> 'new'")
    await untilNothingIsLeft('what has expired', () => deleteExpired(db, 3600))
    t.same(
      (await verifiers()).map(({ name }) => name),
      ['new'],
    )
  })

  t.test('`keys list` shows which verifiers have not fetched the set since a standby was published', async (t) => {
    const { databaseUrl = '', databaseSchema, issuer, keysDir, masterKey, keyLease } = idp.signet.settings
    const environment = {
      SIGNET_DATABASE_URL: databaseUrl,
      SIGNET_DATABASE_SCHEMA: databaseSchema,
      SIGNET_ISSUER: issuer,
      SIGNET_KEYS_DIR: keysDir,
      SIGNET_MASTER_KEY: masterKey?.toString('base64url') ?? '',
    }
    const list = async (...more: string[]) =>
      (await answer(['keys', 'list', ...more], { environment, folder: keysDir })).out
    await db.query('DELETE FROM verifiers')
    // An hour ago, because nobody can have been seen at a time in the future.
    await db.query("UPDATE signing_keys SET published_at = published_at - interval '1 hour'")
    await idp.signet.keyRing.refresh()
    const publishedAt = [...idp.signet.keyRing.keys().keys()][0]?.publishedAt ?? 0
    const at = (name: string, milliseconds: number) => ({
      name,
      fetchedAt: new Date(publishedAt + milliseconds),
      age: 0,
    })
    await putLastSeen(db, [at('knows', keyLease * 1000), at('was given the set before, perhaps', keyLease * 1000 - 1)])
    await putLastSeen(db, [at('slept', -5_000)])
    const keys = JSON.parse(await list('--json')) as { state: string; kid: string; not_fetched_by?: string[] }[]
    const standbys = keys.filter(({ state }) => state === 'standby')
    t.equal(standbys.length, 8)
    for (const { not_fetched_by } of standbys) t.same(not_fetched_by, ['was given the set before, perhaps', 'slept'])
    t.ok(keys.every((key) => key.state === 'standby' || key.not_fetched_by === undefined))
    const text = await list()
    for (const { kid } of standbys)
      t.match(text, `standby ${kid} was published at`, 'the text output has a sentence for each')
    t.match(text, /\n {2}slept \(last fetched \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\)\n/)
    t.notMatch(text, /knows|and more/)

    const many = Array.from({ length: 120 }, (_, index) => at(`n${index}`, -index))
    await putLastSeen(db, many)
    const { not_fetched_by: most } = JSON.parse(await list('--json')).find(
      ({ state }: { state: string }) => state === 'standby',
    )
    t.same(most.slice(0, 3), ['was given the set before, perhaps', 'n0', 'n1'])
    t.equal(most.length, 100)
    t.match(await list(), '  n8 (last')
    t.notMatch(await list(), '  n9 (last')
  })
})
