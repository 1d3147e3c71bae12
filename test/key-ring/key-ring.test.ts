import { randomBytes } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import { pino } from 'pino'
import t from 'tap'
import { createFirstKeys } from '../../src/key-ring/first-keys.ts'
import { openKeyRing } from '../../src/key-ring/key-ring.ts'
import { createClock } from '../../src/platform/clock.ts'
import { migrate } from '../../src/platform/database/migrations.ts'
import { openMasterKey } from '../../src/platform/secrets/master-key.ts'
import { noLog, testDatabase } from '../database.ts'

t.test('the key ring', async (t) => {
  const { connection, schema, openPool } = await testDatabase(t)
  await migrate({ connection, schema, log: noLog })
  const db = openPool()
  const masterKey = await openMasterKey(
    { masterKey: randomBytes(32), masterKeyPrevious: undefined, keysDir: '/nowhere' },
    false,
  )
  await createFirstKeys(db, masterKey, {
    keyRotationPeriod: 7_776_000,
    jwksMaxAge: 300,
    verifierCache: 86_400,
    clockSkew: 60,
  })
  const machine = { wall: 0, monotonic: 0 }
  const ring = await openKeyRing({
    db,
    masterKey,
    clock: createClock(),
    log: pino({ level: 'silent' }),
    lease: 60,
    clocks: { wall: () => machine.wall, monotonic: () => machine.monotonic },
  })
  t.teardown(() => ring.stop())
  await ring.cover(60)
  const sign = () => ring.sign('ES256', 'JWT', { sub: 'x' }, 60)

  t.test('publishes an active and a standby key of each algorithm, and signs with the active one', async (t) => {
    t.same([...ring.keys()].map(([{ alg }, state]) => `${alg} ${state}`).sort(), [
      'ES256 active',
      'ES256 standby',
      'RS256 active',
      'RS256 standby',
    ])
    for (const alg of ['ES256', 'RS256'] as const) {
      const header = decodeProtectedHeader(await ring.sign(alg, 'at+jwt', {}, 60))
      t.match(header, { alg, typ: 'at+jwt' })
      t.equal([...ring.keys()].find(([{ kid }]) => kid === header.kid)?.[1], 'active')
    }
  })

  t.test('does not sign when the lease has run out by either clock, yet goes on serving the set', async (t) => {
    const set = ring.jwkSet()
    for (const clock of ['wall', 'monotonic'] as const) {
      machine[clock] += 60_000
      t.notOk(ring.isReady())
      await t.rejects(sign(), { name: 'KeysUnavailable' }, `${clock} clock`)
      t.equal(ring.jwkSet().etag, set.etag)
      await ring.refresh()
      t.ok(ring.isReady())
      await sign()
    }
  })

  t.test('notes the longest lifetime before it signs, and never a shorter one', async (t) => {
    await t.rejects(ring.sign('ES256', 'JWT', {}, 5_000), /no key is noted to cover/)
    await Promise.all([ring.cover(5_000), ring.cover(10), ring.cover(600)])
    await ring.sign('ES256', 'JWT', {}, 5_000)
    await ring.cover(10)
    await ring.refresh()
    t.same(
      [...ring.keys().keys()].map(({ longestLifetime }) => longestLifetime),
      [5_000, 5_000, 5_000, 5_000],
      'the standby too: it may sign before anybody looks again',
    )
  })

  t.test('does not sign with a key that was revoked, and does not verify with it', async (t) => {
    const { kid = '' } = decodeProtectedHeader(await sign())
    t.ok(ring.verificationKey(kid, 'published'))
    await db.query({ text: 'UPDATE signing_keys SET revoked_at = clock_timestamp() WHERE kid = $1', values: [kid] })
    await ring.refresh()
    await t.rejects(sign(), { name: 'KeysUnavailable', message: /No ES256 key is active/ })
    t.equal(ring.verificationKey(kid, 'ever'), undefined)
    t.notOk(ring.jwkSet().body.includes(kid))
    t.notOk(ring.isReady())
  })
})
