import { createPrivateKey, verify } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { openKeyLedger } from '../../src/key-ring/key-ledger.ts'
import { openKeyRing } from '../../src/key-ring/key-ring.ts'
import { type Decision, dueDecisions, dueFor, type ScheduledKey } from '../../src/key-ring/rotation.ts'
import { keyStates } from '../../src/key-ring/schedule.ts'
import { createSealedKey, openSealedKey, resealKey } from '../../src/key-ring/sealed-key.ts'
import { putSigningKey } from '../../src/key-ring/signing-keys-store.ts'
import { createClock } from '../../src/platform/clock.ts'
import { briefWait } from '../../src/platform/database/locked-transaction.ts'
import { signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import { openMasterKey } from '../../src/platform/secrets/master-key.ts'
import { migratedDatabase, noLog } from '../database.ts'

// An installation of a release that knew only ES256 and RS256 is upgraded, one node after the other.

const previous = ['ES256', 'RS256'] as const
const delays = { rotationPeriod: 7_776_000, activationDelay: 87_120, clockSkew: 60, keyLease: 60 }
const day = 86_400_000

const { openPool } = await migratedDatabase(t)
const database = openPool()
const folder = mkdtempSync(join(tmpdir(), 'signet-algorithms-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const masterKey = await openMasterKey(
  { masterKey: Buffer.alloc(32, 'k'), masterKeyPrevious: undefined, keysDir: folder },
  false,
)

t.test(
  'the first keys of a new algorithm wait until every verifier has seen them; everything else works',
  async (t) => {
    const now = Date.now()
    for (const alg of previous)
      for (const index of [0, 1, 2])
        await putSigningKey(database, {
          ...(await createSealedKey(alg, masterKey)),
          ...{ publishedAt: now - 30 * day, activatesAt: now - 30 * day + index * 90 * day },
          ...{ longestLifetime: 60, retiresAt: undefined, revokedAt: undefined },
        })
    const open = async () => {
      const ring = await openKeyRing({
        ...{ db: database, masterKey, clock: createClock(), delays, wait: briefWait },
        log: { ...noLog, error: (details: { err?: Error }) => t.fail(String(details.err)) } as never,
        ledger: await openKeyLedger(join(folder, 'ledger.txt'), noLog),
      })
      t.teardown(() => ring.stop())
      return ring
    }
    const ring = await open()
    t.ok(ring.isReady(), 'the upgrade does not make nodes unready')
    t.same(ring.activeAlgorithms(), previous, 'so the metadata does not list the new ones')
    const published = JSON.parse(String(ring.jwkSet().body)).keys as { alg: string }[]
    for (const alg of signingAlgorithms)
      t.equal(published.filter((key) => key.alg === alg).length, 3 - (alg === 'PS256' || alg === 'EdDSA' ? 1 : 0), alg)
    for (const alg of previous) t.ok(await ring.sign(alg, 'JWT', {}, 60))
    for (const alg of ['PS256', 'EdDSA'] as const)
      await t.rejects(ring.sign(alg, 'JWT', {}, 60), {
        name: 'KeysUnavailable',
        message: new RegExp(`No ${alg} key is active yet\\. The first one signs from 20`),
      })

    await database.query(
      `UPDATE signing_keys SET published_at = published_at - interval '2 days', activates_at = activates_at - interval '2 days'`,
    )
    await ring.refresh()
    t.same(ring.activeAlgorithms(), signingAlgorithms)
    for (const alg of ['PS256', 'EdDSA'] as const) {
      await ring.extendRetention(60)
      const token = await ring.sign(alg, 'JWT', {}, 60)
      const { kid = '' } = decodeProtectedHeader(token)
      const [header, payload, signature = ''] = token.split('.')
      const key = ring.verificationKey(kid, 'published')?.key
      const pss = alg === 'PS256' ? { padding: 6, saltLength: 32 } : {}
      t.ok(
        key &&
          verify(
            alg === 'PS256' ? 'sha256' : null,
            Buffer.from(`${header}.${payload}`),
            { key, ...pss },
            Buffer.from(signature, 'base64url'),
          ),
        alg,
      )
      t.equal(ring.accessTokenKey(kid), undefined, 'no access token is accepted with it')
    }
  },
)

/** The rule of the previous release: the same, but it decides only about the algorithms that it knows. It loads no key of EdDSA. */
const previousDue = (keys: readonly ScheduledKey[], now: number) =>
  previous.flatMap((alg) =>
    dueFor(
      alg,
      keys.filter((key) => key.alg !== 'EdDSA'),
      now,
      delays,
    ),
  )

function withDecision(keys: readonly ScheduledKey[], decision: Decision): ScheduledKey[] {
  if (decision.what === 'create') {
    const { alg, publishedAt, activatesAt } = decision
    const unused = { longestLifetime: 0, sealedPrivateJwk: {}, retiresAt: undefined, revokedAt: undefined }
    return [...keys, { ...unused, kid: `k${keys.length}`, alg, publishedAt, activatesAt }]
  }
  const { what, kid, ...moments } = decision
  return keys.map((key) => {
    if (key.kid !== kid) return key
    return what === 'destroy' ? { ...key, sealedPrivateJwk: undefined } : { ...key, ...moments }
  })
}

t.test(
  'while nodes of both releases decide in turn, no key of a new algorithm signs before it is ripe, and none is lost',
  async (t) => {
    const settle = (keys: ScheduledKey[], due: (keys: readonly ScheduledKey[]) => Decision[]) => {
      let ring = keys
      for (let round = 0; round < 10; round++) {
        const decisions = due(ring)
        if (decisions.length === 0) return ring
        for (const decision of decisions) ring = withDecision(ring, decision)
      }
      throw new Error('It does not settle.')
    }
    for (const hoursMixed of [1, 20, 24, 30, 240]) {
      let ring = settle([], (keys) => previousDue(keys, 0))
      t.same([...new Set(ring.map(({ alg }) => alg))], previous)
      const start = 40 * day
      for (let hour = 0; hour < 2_400; hour++) {
        const now = start + hour * 3_600_000
        const isOld = hour < hoursMixed && hour % 2 === 1
        const before = ring
        ring = settle(ring, (keys) => (isOld ? previousDue(keys, now) : dueDecisions(keys, now, delays)))
        if (isOld)
          t.same(
            ring.filter(({ alg }) => alg === 'PS256' || alg === 'EdDSA'),
            before.filter(({ alg }) => alg === 'PS256' || alg === 'EdDSA'),
            'the previous release leaves them alone',
          )
        const states = keyStates(ring, now)
        for (const key of ring) {
          const signs = states.get(key) === 'active'
          if (signs && key.publishedAt > 0 && now < key.publishedAt + delays.activationDelay * 1000)
            t.fail(`${key.alg} signs too early`)
        }
        for (const alg of previous)
          if (!ring.some((key) => key.alg === alg && states.get(key) === 'active')) t.fail(`no ${alg} key`)
        if (hour > 26)
          for (const alg of ['PS256', 'EdDSA'])
            if (!ring.some((key) => key.alg === alg && states.get(key) === 'active')) t.fail(`no ${alg} key at ${hour}`)
      }
    }
  },
)

t.test(
  'nodes of the previous release cannot open the new keys, so they do not sign with them in another way',
  async (t) => {
    // It would sign PKCS #1 v1.5 with any RSA key, under the name of the row's algorithm.
    const openAsBefore = (kid: string, sealed: Buffer) =>
      createPrivateKey({
        key: JSON.parse(String(masterKey.unwrap(sealed, `signing-key:${kid}`))),
        format: 'jwk',
      }).asymmetricKeyType
    for (const alg of previous) {
      const { kid, sealedPrivateJwk } = await createSealedKey(alg, masterKey)
      t.equal(openAsBefore(kid, sealedPrivateJwk), alg === 'ES256' ? 'ec' : 'rsa')
    }
    const { kid, sealedPrivateJwk } = await createSealedKey('PS256', masterKey)
    t.throws(() => openAsBefore(kid, sealedPrivateJwk))
    t.equal(openSealedKey(kid, sealedPrivateJwk, masterKey).asymmetricKeyType, 'rsa')
    t.equal(openSealedKey(kid, resealKey(kid, sealedPrivateJwk, masterKey), masterKey).asymmetricKeyType, 'rsa')
  },
)
