import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeProtectedHeader } from 'jose'
import { pino } from 'pino'
import t from 'tap'
import type { Step } from '../../src/key-ring/decide.ts'
import { type KeyLedger, OnlyInLedger, openKeyLedger } from '../../src/key-ring/key-ledger.ts'
import { openKeyRing } from '../../src/key-ring/key-ring.ts'
import { createSealedKey } from '../../src/key-ring/sealed-key.ts'
import { createClock } from '../../src/platform/clock.ts'
import { signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import { SigningUnavailable } from '../../src/platform/jwt/sign.ts'
import { openMasterKey } from '../../src/platform/secrets/master-key.ts'
import { migratedDatabase, noLog } from '../database.ts'
import { eventually } from '../support/eventually.ts'

const { openPool } = await migratedDatabase(t)
const db = openPool()
const setting = { masterKey: randomBytes(32), masterKeyPrevious: undefined, keysDir: '/nowhere' }
const masterKey = await openMasterKey(setting, false)
const folder = mkdtempSync(join(tmpdir(), 'signet-ring-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const delays = { rotationPeriod: 7_776_000, activationDelay: 87_120, clockSkew: 60, keyLease: 60 }

async function open(name: string, ledger?: KeyLedger) {
  const machine = { wall: 0, monotonic: 0 }
  const clocks = { wall: () => Date.now() + machine.wall, monotonic: () => performance.now() + machine.monotonic }
  const clock = createClock(clocks)
  const logged: string[] = []
  const ring = await openKeyRing({
    db,
    masterKey,
    clock,
    log: pino({ level: 'warn' }, { write: (line: string) => logged.push(line) }),
    delays,
    ledger: ledger ?? (await openKeyLedger(join(folder, name), noLog)),
    clocks,
  })
  t.teardown(() => ring.stop())
  await ring.extendRetention(60)
  const states = (alg = 'ES256') =>
    [...ring.keys()]
      .filter(([key]) => key.alg === alg)
      .sort(([a], [b]) => a.activatesAt - b.activatesAt)
      .map(([{ kid }, state]) => [state, kid] as const)
  const sign = () => ring.sign('ES256', 'JWT', { sub: 'x' }, 60)
  const published = () => (JSON.parse(String(ring.jwkSet().body)).keys as { kid: string }[]).map(({ kid }) => kid)
  const take = (step: (now: number) => Step) =>
    ring.decide({ by: 'test' }, ({ now }) => ({ steps: [step(now)], result: undefined }))
  return { ring, machine, clock, logged, states, sign, published, take }
}

const { ring, machine, clock, states, sign, published, take } = await open('one')
const otherNode = await open('two')

t.test(
  'two nodes that start create the first keys once: one active and two on standby for each algorithm',
  async (t) => {
    for (const alg of signingAlgorithms) {
      t.same(
        states(alg).map(([state]) => state),
        ['active', 'standby', 'standby'],
      )
      const header = decodeProtectedHeader(await ring.sign(alg, 'at+jwt', {}, 60))
      t.match(header, { alg, typ: 'at+jwt', kid: states(alg)[0]?.[1] })
    }
    t.equal(otherNode.ring.jwkSet().etag, ring.jwkSet().etag)
  },
)

t.test('signs nothing once the lease has expired by either clock, but still serves the set', async (t) => {
  const set = ring.jwkSet()
  machine.monotonic += 60_000
  t.notOk(ring.isReady())
  await t.rejects(sign(), { name: 'KeysUnavailable' })
  t.ok((await sign().catch((error: unknown) => error)) instanceof SigningUnavailable)
  t.equal(ring.jwkSet().etag, set.etag)
  await ring.refresh()
  t.ok(ring.isReady())
  machine.wall += 60_000
  await t.rejects(sign(), { name: 'KeysUnavailable' })
  machine.wall = 0
  await ring.refresh()
  await sign()
})

t.test('neither signs nor decides while its clock and the database disagree', async (t) => {
  const { keys } = (await db.query('SELECT count(*)::int AS keys FROM signing_keys')).rows[0]
  for (const hours of [-1, 1, 24 * 400]) {
    machine.wall = hours * 3_600_000
    await t.rejects(ring.refresh(), { name: 'ClocksDisagree', message: /SIGNET_CLOCK_SKEW/ })
    await t.rejects(ring.extendRetention(70), { name: 'ClocksDisagree' })
    t.ok((await ring.refresh().catch((error: unknown) => error)) instanceof SigningUnavailable)
  }
  machine.wall = 0
  await ring.refresh()
  t.equal((await db.query('SELECT count(*)::int AS keys FROM signing_keys')).rows[0].keys, keys)
  t.ok(ring.isReady())
})

t.test('a clock jump that is corrected has no lasting effect', async (t) => {
  const ahead = async () => clock.now() - Number((await db.query('SELECT clock_timestamp() AS now')).rows[0].now)
  const before = { states: states(), set: ring.jwkSet().etag, kid: decodeProtectedHeader(await sign()).kid }
  const year = 365 * 86_400_000
  for (const jump of [300_000, year, 5 * year]) {
    machine.wall = jump
    t.ok((await ahead()) > jump - 2_000, 'this machine cannot tell the jump from a suspension')
    t.same(states(), before.states, "the jump changes no key's state")
    t.equal(ring.jwkSet().etag, before.set)
    t.notOk(ring.isReady())
    await t.rejects(sign(), { name: 'KeysUnavailable', message: /clock/ })
    await t.rejects(ring.refresh(), { name: 'ClocksDisagree' })
    await t.rejects(sign(), { name: 'KeysUnavailable' }, 'nor after the database was asked')
    machine.wall = 0
    t.ok(Math.abs(await ahead()) < 2_000, 'the time is right immediately')
    await eventually('the node to ask the database on its own', () => ring.isReady())
    t.ok(Math.abs(await ahead()) < 2_000)
    t.same(states(), before.states)
    t.equal(decodeProtectedHeader(await sign()).kid, before.kid, 'no key signs before its time')
  }
})

t.test(
  'a clock that is set back by hours stops the node as soon as it asks the database, which it does on its own',
  async (t) => {
    machine.wall = -7_200_000
    await eventually('the node to notice', () => !ring.isReady())
    t.ok(Math.abs(clock.now() - Date.now()) < 60_000, 'and the time does not follow the clock')
    machine.wall = 0
    await eventually('the node to notice the correction', () => ring.isReady())
  },
)

t.test('records the longest lifetime before signing, and never shortens it', async (t) => {
  await t.rejects(ring.sign('ES256', 'JWT', {}, 5_000), /does not yet record/)
  const decisions = async () => Number((await db.query('SELECT decisions FROM key_ring')).rows[0].decisions)
  const before = await decisions()
  await Promise.all(Array.from({ length: 200 }, (_, index) => ring.extendRetention([5_000, 10, 600][index % 3] ?? 0)))
  t.ok((await decisions()) - before <= 2, 'regardless of how many ask')
  await ring.sign('ES256', 'JWT', {}, 5_000)
  await ring.extendRetention(10)
  await ring.refresh()
  t.same(new Set([...ring.keys().keys()].map(({ longestLifetime }) => longestLifetime)), new Set([5_000]))
})

t.test('an attacker who can write to the database but has no master key cannot publish a key', async (t) => {
  const before = published()
  const foreign = await createSealedKey('ES256', await openMasterKey({ ...setting, masterKey: randomBytes(32) }, false))
  const plant = (kid: string, sealed: Buffer | null) =>
    db.query(
      `INSERT INTO signing_keys (kid, alg, public_jwk, sealed_private_jwk, published_at, activates_at, retires_at)
       VALUES ($1, 'ES256', $2, $3, now(), now() + interval '3 years', now() + interval '9 years')`,
      [kid, JSON.stringify(foreign.publicJwk), sealed],
    )
  await plant('planted-without-private-half', null)
  await plant('planted-under-another-key', foreign.sealedPrivateJwk)
  await db.query(`UPDATE signing_keys SET activates_at = now() WHERE kid = 'planted-without-private-half'`)
  const [, own] = states()[0] ?? []
  const { rows } = await db.query('SELECT public_jwk FROM signing_keys WHERE kid = $1', [own])
  await db.query('UPDATE signing_keys SET public_jwk = $2 WHERE kid = $1', [own, JSON.stringify(foreign.publicJwk)])
  const fresh = await open('three')
  t.same(fresh.published(), before)
  t.notOk(String(fresh.ring.jwkSet().body).includes(foreign.publicJwk.x ?? 'none'))
  t.match(fresh.logged.join(), /planted-under-another-key/)
  await Promise.all([ring.refresh(), fresh.ring.refresh()])
  t.equal(decodeProtectedHeader(await sign()).kid, own, 'and does not keep our key from signing')
  t.equal(fresh.logged.filter((line) => line.includes('planted-under')).length, 1, 'reported once')
  t.equal(ring.verificationKey('planted-without-private-half', 'published'), undefined)
  t.match((await db.query('SELECT retires_at FROM signing_keys WHERE kid = $1', [own])).rows, [{ retires_at: null }])
  await db.query('UPDATE signing_keys SET public_jwk = $2 WHERE kid = $1', [own, rows[0].public_jwk])
  await db.query(`DELETE FROM signing_keys WHERE kid LIKE 'planted%'`)
  await ring.refresh()
})

t.test('a retiring key is still published; its private half is deleted when it has retired', async (t) => {
  const [, first = ''] = states()[0] ?? []
  const [, second = ''] = states()[1] ?? []
  await take((now) => ({ what: 'activate', kid: second, activatesAt: now }))
  t.equal(decodeProtectedHeader(await sign()).kid, second)
  t.ok(published().includes(first))
  const [retiring] = [...ring.keys().keys()].filter(({ kid }) => kid === first)
  t.equal((retiring?.retiresAt ?? 0) - Date.now() > (5_000 + 60) * 1000, true, 'after all it signed, plus the skew')
  await otherNode.ring.refresh()
  t.equal(otherNode.ring.jwkSet().etag, ring.jwkSet().etag)

  await db.query(`UPDATE signing_keys SET retires_at = NULL WHERE kid = $1`, [first])
  await db.query(
    `UPDATE signing_keys SET published_at = published_at - interval '2 days', activates_at = activates_at - interval '2 days', longest_lifetime = 0 WHERE kid IN ($1, $2)`,
    [first, second],
  )
  await db.query('UPDATE key_ring SET decisions = decisions + 1')
  const later = await open('later')
  t.notOk(later.published().includes(first))
  t.equal(later.ring.verificationKey(first, 'published'), undefined)
  t.ok(later.ring.verificationKey(first, 'ever'), 'for hints')
  t.match((await db.query('SELECT sealed_private_jwk FROM signing_keys WHERE kid = $1', [first])).rows, [
    { sealed_private_jwk: null },
  ])
  await Promise.all([ring.refresh(), otherNode.ring.refresh()])
})

t.test('a revoked key is gone immediately, the ripe standby signs, and no backup brings it back', async (t) => {
  const { kid: revoked = '' } = decodeProtectedHeader(await sign())
  const { rows: backup } = await db.query('SELECT * FROM signing_keys')
  await take((now) => ({ what: 'revoke', kid: revoked, revokedAt: now }))
  const { kid: successor = '' } = decodeProtectedHeader(await sign())
  t.not(successor, revoked)
  t.notOk(published().includes(revoked))
  t.equal(ring.verificationKey(revoked, 'ever'), undefined)
  t.ok(ring.isReady())
  t.equal(states().filter(([state]) => state === 'standby').length, 2)

  const restore = async () => {
    await db.query('DELETE FROM signing_keys')
    for (const row of backup)
      await db.query(`INSERT INTO signing_keys SELECT * FROM json_populate_record(NULL::signing_keys, $1)`, [
        JSON.stringify({
          ...row,
          sealed_private_jwk: row.sealed_private_jwk && `\\x${row.sealed_private_jwk.toString('hex')}`,
        }),
      ])
    await db.query('UPDATE key_ring SET decisions = 0')
  }
  await restore()
  await ring.refresh()
  t.equal(decodeProtectedHeader(await sign()).kid, successor, 'a running node restores what it knows')
  t.notOk(published().includes(revoked))

  await db.query('UPDATE key_ring SET decisions = 0')
  await otherNode.ring.refresh()
  t.notOk(
    otherNode.published().includes(revoked),
    'nor does a node that has not heard of it and remembers more decisions',
  )

  await restore()
  const restarted = await open('one')
  t.notOk(restarted.published().includes(revoked), 'a starting node has its ledger')
  t.equal(restarted.states().find(([state]) => state === 'active')?.[1], successor)
})

t.test('a revocation that the database does not take says whether it is in the ledger', async (t) => {
  let isWritten = false
  const none = new Map<string, number>()
  const stub = { activatedAt: none, revokedAt: none, revokedSecrets: none, note: async () => isWritten }
  const node = await open('three', stub)
  const [[, kid] = []] = node.states()
  const revoke = () => node.ring.revoke({ by: 'test' }, [kid ?? ''])
  // No decision is made while the clocks disagree.
  node.machine.wall = 3_600_000
  await t.rejects(revoke(), { name: 'ClocksDisagree' }, 'nowhere: as it is')
  isWritten = true
  const error = await revoke().catch((one: unknown) => one)
  t.ok(error instanceof OnlyInLedger)
  t.match((error as Error).cause, { name: 'ClocksDisagree' })
  node.machine.wall = 0
  await node.ring.refresh()
  t.match(node.states()[0], [/./, kid])
})
