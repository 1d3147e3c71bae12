import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DecisionOptions } from '../../src/key-ring/decide.ts'
import { openKeyLedger } from '../../src/key-ring/key-ledger.ts'
import { createKeyPool, KeysMissing, newKeysDue } from '../../src/key-ring/key-pool.ts'
import { openKeyRing } from '../../src/key-ring/key-ring.ts'
import { rotate } from '../../src/key-ring/rotation.ts'
import { openSealedKey, sealKey } from '../../src/key-ring/sealed-key.ts'
import { createClock } from '../../src/platform/clock.ts'
import { briefWait, type LockWait } from '../../src/platform/database/locked-transaction.ts'
import type { Database } from '../../src/platform/database/pool.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import { currentMasterKey, type MasterKey, openMasterKey } from '../../src/platform/secrets/master-key.ts'
import {
  activateNewKey,
  forgetPreviousKey,
  keepPreviousKey,
  prepareNewKey,
} from '../../src/platform/secrets/master-key-file.ts'
import { migratedDatabase, noLog } from '../database.ts'
import { eventually } from '../support/eventually.ts'

const { openPool } = await migratedDatabase(t)
const database = openPool()
const folder = mkdtempSync(join(tmpdir(), 'signet-pool-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const delays = { rotationPeriod: 7_776_000, activationDelay: 87_120, clockSkew: 60, keyLease: 60 }
const given = { masterKey: randomBytes(32), masterKeyPrevious: undefined, keysDir: folder }
const givenKey = await openMasterKey(given, false)

const pair = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  PS256: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  EdDSA: generateKeyPairSync('ed25519').privateKey,
}

/** A key that costs nothing: the same pair again under another name. */
const cheap = (alg: SigningAlgorithm, masterKey: MasterKey) =>
  sealKey(pair[alg], alg, `key-${randomBytes(8).toString('hex')}`, masterKey)

/** Resets the ring to that of an installation that was never started. */
async function forgetAll(): Promise<void> {
  await database.query(`TRUNCATE signing_keys; UPDATE key_ring SET latest_event = '-infinity', decisions = 0`)
}

async function open(
  t: Test,
  generateKey: DecisionOptions['generateKey'],
  more: { readonly db?: Database; readonly wait?: LockWait; readonly masterKey?: MasterKey } = {},
) {
  const ring = await openKeyRing({
    ...{ db: more.db ?? database, masterKey: more.masterKey ?? givenKey, clock: createClock(), delays, generateKey },
    log: { ...noLog, error: (details: { err?: Error }) => t.fail(String(details.err)) } as never,
    ledger: await openKeyLedger(join(folder, `${randomBytes(4).toString('hex')}.txt`), noLog),
    wait: more.wait ?? briefWait,
  })
  t.teardown(() => ring.stop())
  return ring
}

/** A generator that waits until it is released. */
function pausedGenerator(masterKey = givenKey) {
  let release: () => void = () => {}
  let begin: () => void = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const asked: SigningAlgorithm[] = []
  const generateKey = async (alg: SigningAlgorithm) => {
    const key = await cheap(alg, masterKey)
    asked.push(alg)
    begin()
    await gate
    return key
  }
  return { generateKey, asked, begun, release }
}

const stored = async () =>
  (
    await database.query<{ alg: string; kid: string; sealed: Buffer }>(
      'SELECT alg, kid, sealed_private_jwk AS sealed FROM signing_keys ORDER BY alg, kid',
    )
  ).rows

const first = [...signingAlgorithms].sort().flatMap((alg) => [alg, alg, alg])

t.test('one look at the ring shows which keys the first start needs, and they are generated in parallel', async (t) => {
  t.same(newKeysDue([], Date.now(), delays, 10).sort(), first)
  await forgetAll()
  const { generateKey, asked, begun, release } = pausedGenerator()
  const opening = open(t, generateKey)
  await begun
  await eventually('all keys to be generated', () => asked.length === first.length)
  release()
  await opening
  t.same(asked.sort(), first)
  t.same(
    (await stored()).map(({ alg }) => alg),
    first,
  )
})

t.test('while keys are generated no lock is held, no transaction is open and nothing is written', async (t) => {
  await forgetAll()
  const db = openPool({ max: 2 })
  const { generateKey, begun, release } = pausedGenerator()
  const opening = open(t, generateKey, { db })
  await begun
  t.equal((await database.query('SELECT FROM key_ring FOR UPDATE NOWAIT')).rowCount, 1)
  t.equal(db.idleCount, db.totalCount, 'every connection is back in the pool')
  t.same(await stored(), [])
  t.match((await database.query('SELECT decisions FROM key_ring')).rows, [{ decisions: 0 }])
  release()
  await opening
  t.equal((await stored()).length, first.length)
})

t.test('if two nodes generate keys at the same time, each decision is made once and the rest is dropped', async (t) => {
  await forgetAll()
  const [one, two] = [pausedGenerator(), pausedGenerator()]
  const opening = [open(t, one.generateKey), open(t, two.generateKey)]
  await Promise.all([one.begun, two.begun])
  one.release()
  two.release()
  const [a, b] = await Promise.all(opening)
  t.same(
    (await stored()).map(({ alg }) => alg),
    first,
  )
  await Promise.all([a?.refresh(), b?.refresh()])
  t.equal(a?.jwkSet().etag, b?.jwkSet().etag)
})

t.test('a failing generator changes nothing, and the next attempt succeeds', async (t) => {
  await forgetAll()
  let isBroken = true
  const generateKey = async (alg: SigningAlgorithm) => {
    if (isBroken && alg === 'RS256') throw new Error('no entropy')
    return cheap(alg, givenKey)
  }
  await t.rejects(open(t, generateKey), { message: 'no entropy' })
  t.same(await stored(), [])
  isBroken = false
  await open(t, generateKey)
  t.equal((await stored()).length, first.length)
})

t.test('a signal aborts the wait for keys that are being generated', async (t) => {
  await forgetAll()
  const { generateKey, begun, release } = pausedGenerator()
  const asked = new AbortController()
  const opening = open(t, generateKey, { wait: { ...briefWait, signal: asked.signal } })
  await begun
  asked.abort()
  await t.rejects(opening, { name: 'AbortError' })
  t.same(await stored(), [])
  release()
})

t.test("an operator's decision is made on the ring as it is when the keys are ready", async (t) => {
  await forgetAll()
  const otherNode = await open(t, (alg) => cheap(alg, givenKey))
  const { generateKey, asked, begun, release } = pausedGenerator()
  const ring = await open(t, generateKey)
  const active = (of: typeof ring) =>
    [...of.keys()].find(([{ alg }, state]) => alg === 'ES256' && state === 'active')?.[0].kid
  let calls = 0
  const rotating = ring.decide({ by: 'test' }, ({ keys, now }, inForce) => {
    calls++
    const rotation = rotate(keys, 'ES256', now, inForce, true)
    return { steps: rotation?.decisions ?? [], result: rotation?.kid }
  })
  await begun
  const before = active(otherNode) ?? ''
  await otherNode.revoke({ by: 'test' }, [before])
  const successor = active(otherNode)
  release()
  const next = await rotating
  t.ok(calls > 1, 'it was called again')
  t.not(next, successor, 'the key that had taken over in the meantime')
  t.equal(active(ring), next)
  t.ok(asked.length >= 1 && asked.every((alg) => alg === 'ES256'), 'no unneeded key was generated')
  const { rows } = await database.query(
    `SELECT kid FROM events WHERE type = 'key_scheduled' AND kid = $1 AND detail->>'by' = 'test'`,
    [next],
  )
  t.equal(rows.length, 1, 'the attempt that was rolled back left no event')
})

t.test('keys sealed before the master key was replaced open with the new one alone', async (t) => {
  await forgetAll()
  const settings = { ...given, masterKey: undefined }
  const masterKey = await openMasterKey(settings, false)
  const { generateKey, begun, release } = pausedGenerator(masterKey)
  const opening = open(t, generateKey, { masterKey })
  await begun
  const file = join(folder, 'master.key')
  await keepPreviousKey(file)
  await activateNewKey(file, await prepareNewKey(file))
  await forgetPreviousKey(file)
  release()
  await opening
  const present = currentMasterKey(settings)
  for (const { kid, sealed } of await stored()) t.ok(openSealedKey(kid, sealed, present))
})

t.test('a key pool hands out each key once and reports missing keys', async (t) => {
  const key = await cheap('ES256', givenKey)
  const pool = createKeyPool([key])
  pool.require(['ES256'])
  try {
    pool.require(['ES256', 'RS256', 'ES256'])
    t.fail('two are missing')
  } catch (error) {
    t.same((error as KeysMissing).algorithms, ['RS256', 'ES256'])
  }
  t.equal(pool.take('ES256'), key)
  t.throws(() => pool.take('ES256'), KeysMissing)
})
