import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openKeyLedger } from '../../src/key-ring/key-ledger.ts'
import { openSecretRing } from '../../src/key-ring/secret-ring.ts'
import { createClock } from '../../src/platform/clock.ts'
import { installationLock } from '../../src/platform/database/installation-store.ts'
import { briefWait, inLockedTransaction } from '../../src/platform/database/locked-transaction.ts'
import type { Database } from '../../src/platform/database/pool.ts'
import { createLog } from '../../src/platform/log.ts'
import { openMasterKey } from '../../src/platform/secrets/master-key.ts'
import {
  currentMac,
  isMacOf,
  openVersions,
  type Purpose,
  purposes,
  sealText,
  secretFor,
  unsealText,
} from '../../src/platform/secrets/purpose-secrets.ts'
import { loadPurposeSecrets } from '../../src/platform/secrets/purpose-secrets-store.ts'
import { deleteExpired } from '../../src/records/cleanup/cleanup-store.ts'
import { encodeRefreshToken, readRefreshToken } from '../../src/tokens/refresh-token.ts'
import { migratedDatabase, noLog } from '../database.ts'

const { openPool } = await migratedDatabase(t)
const db = openPool()
const masterKey = await openMasterKey(
  { masterKey: randomBytes(32), masterKeyPrevious: undefined, keysDir: '/nowhere' },
  false,
)
const folder = mkdtempSync(join(tmpdir(), 'signet-secrets-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const log = createLog({ logLevel: 'silent' })
const operator = { by: 'test', reason: 'because' }

/** A node's ring. It gets no notifications: it knows only what it has read. */
async function open(name: string, database: Database = db) {
  const machine = { wall: 0, monotonic: 0 }
  const clocks = { wall: () => Date.now() + machine.wall, monotonic: () => performance.now() + machine.monotonic }
  const ledger = await openKeyLedger(join(folder, name), noLog)
  const clock = createClock(clocks)
  const ring = await openSecretRing({
    ...{ db: database, masterKey, clock, log, keyLease: 60, clockSkew: 60, ledger, clocks },
  })
  t.teardown(() => ring.stop())
  return { ring, machine, ledger }
}

/** The pool, which counts the reads of secrets. */
function counting() {
  const counted = { reads: 0 }
  const database = new Proxy(db, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if ((args[0] as { name?: string } | undefined)?.name === 'load-stored-secrets') counted.reads += 1
        return value.apply(target, args)
      }
    },
  })
  return { database, counted }
}

const versionsOf = async (purpose: string) =>
  (await loadPurposeSecrets(db)).filter((row) => row.purpose === purpose).map(({ version }) => version)
const events = async (type: string) =>
  (await db.query({ text: 'SELECT detail FROM events WHERE type = $1 ORDER BY id', values: [type] })).rows.map(
    ({ detail }) => detail,
  )
const elapse = (purpose: string, interval: string) =>
  db.query({
    text: 'UPDATE purpose_secrets SET activates_at = activates_at - $2::interval, created_at = created_at - $2::interval WHERE purpose = $1 AND version > 1',
    values: [purpose, interval],
  })

const one = await open('one')
const two = await open('two')

t.test('starting nodes create one secret for each purpose, in use immediately', async (t) => {
  for (const purpose of purposes) {
    t.same(await versionsOf(purpose), [1])
    t.same(one.ring[purpose], two.ring[purpose])
    t.equal(one.ring[purpose].current, 1)
  }
})

t.test('a running node of an earlier release prevents the renewal of secrets', async (t) => {
  await db.query({ text: `INSERT INTO nodes (id) VALUES ('earlier')` })
  await t.rejects(one.ring.renew(operator, purposes, briefWait), {
    name: 'EarlierReleaseRuns',
    message: /^A node of an earlier release still runs.*Nothing was changed/,
  })
  t.same(await versionsOf('csrf'), [1])
  await db.query({ text: `UPDATE nodes SET seen_at = now() - interval '2 minutes'` })
})

t.test('concurrent renewals create one version, which is not used yet', async (t) => {
  const answers = await Promise.all([one, two, one].map(({ ring }) => ring.renew(operator, ['csrf'], briefWait)))
  t.same(await versionsOf('csrf'), [1, 2])
  t.same(await versionsOf('session-id'), [1], 'the others are unchanged')
  t.equal(answers.flat().filter(({ isNew }) => isNew).length, 1)
  for (const { version, activatesAt, publishedAt } of answers.flat())
    t.same({ version, published: (activatesAt - publishedAt) / 1000 }, { version: 2, published: 180 })
  const [event] = await events('secret_created').then((all) => all.slice(-1))
  t.match(event, { by: 'test', reason: 'because', purpose: 'csrf', version: 2, activates_at: String })
  t.equal(one.ring.csrf.current, 1)
  t.same([...one.ring.csrf.versions.keys()], [1, 2], 'but it is accepted')
})

t.test('at its activation time every node uses a version, and still accepts the previous one', async (t) => {
  const made = currentMac(one.ring.csrf, 'form')
  await elapse('csrf', '180 seconds')
  for (const { ring } of [one, two]) {
    await ring.refresh()
    t.equal(ring.csrf.current, 2)
    t.ok(isMacOf(ring.csrf, 'form', made))
    t.notOk(isMacOf(ring.csrf, 'form', Buffer.alloc(32)))
  }
  t.notSame(currentMac(one.ring.csrf, 'form'), made)
})

t.test('a node whose lease has expired neither creates nor checks anything', async (t) => {
  const three = await open('three')
  for (const clock of ['monotonic', 'wall'] as const) {
    three.machine[clock] += 61_000
    t.notOk(three.ring.isReady())
    t.throws(() => three.ring.csrf, { name: 'KeysUnavailable' })
    await three.ring.refresh()
    t.ok(three.ring.isReady())
  }
})

t.test('an unknown version causes one query; forgeries do not cause one each', async (t) => {
  const { database, counted } = counting()
  const behind = await open('behind', database)
  await one.ring.revoke(operator, ['request-sealing', 'refresh-mac'], briefWait)
  counted.reads = 0
  const sealed = sealText(one.ring['request-sealing'], 'text', 'use')
  t.equal(unsealText(behind.ring['request-sealing'], sealed, 'use'), undefined)
  t.equal(unsealText(await secretFor(behind.ring, 'request-sealing', sealed), sealed, 'use'), 'text')
  t.equal(counted.reads, 1)
  t.equal(unsealText(await secretFor(behind.ring, 'request-sealing', sealed), sealed, 'use'), 'text')
  t.equal(counted.reads, 1, 'now it is known')

  const forged = (version: number) => {
    const bytes = Buffer.alloc(80)
    bytes.writeUInt16BE(version)
    return bytes.toString('base64url')
  }
  const rubbish = encodeRefreshToken({ current: 1, versions: new Map([[1, randomBytes(32)]]) }, 1, {
    family: randomBytes(32),
    generation: 0,
  })
  const begun = performance.now()
  for (let round = 0; round < 200; round++) {
    t.equal(
      unsealText(await secretFor(behind.ring, 'request-sealing', forged(round + 100)), forged(round + 100), 'use'),
      undefined,
    )
    t.equal(await readRefreshToken(behind.ring, rubbish), undefined)
  }
  const allowed = 5 + (performance.now() - begun) / 1000
  t.ok(counted.reads <= 1 + allowed, `${counted.reads} reads for 400 forgeries`)

  const token = { family: randomBytes(32), generation: 3 }
  const text = encodeRefreshToken(one.ring['refresh-mac'], one.ring['refresh-mac'].current, token)
  t.match(await readRefreshToken(behind.ring, text), token)
  t.equal(await readRefreshToken(behind.ring, 'x'), undefined)
})

t.test(
  'a revoked secret is rejected with everything made with it, and the revocation is kept in the keys directory',
  async (t) => {
    const made = currentMac(one.ring['session-id'], 'x')
    await one.ring.renew(operator, ['session-id'], briefWait)
    const { renewals, isInLedger, earlierNodes } = await one.ring.revoke(operator, ['session-id'], briefWait)
    t.match({ renewals, isInLedger, earlierNodes }, { renewals: [{ version: 3 }], isInLedger: true, earlierNodes: 0 })
    t.equal(renewals[0]?.revoked.length, 2, 'the standby version has leaked as well')
    await two.ring.refresh()
    for (const { ring } of [one, two]) {
      t.same([...ring['session-id'].versions.keys()], [3])
      t.notOk(isMacOf(ring['session-id'], 'x', made))
    }
    t.match(await events('secret_revoked').then((all) => all.slice(-2)), [
      { by: 'test', reason: 'because', purpose: 'session-id', version: 1 },
      { by: 'test', reason: 'because', purpose: 'session-id', version: 2 },
    ])
    const fingerprints = renewals[0]?.revoked.map(({ fingerprint }) => fingerprint) ?? []
    for (const name of ['one', 'two'])
      for (const fingerprint of fingerprints)
        t.ok(
          readFileSync(join(folder, name), 'utf8').includes(`revoked-secret ${fingerprint} `),
          `${name} has recorded it`,
        )
  },
)

t.test('a restored backup revives no revoked secret, neither at a start nor on a running node', async (t) => {
  const backup = await loadPurposeSecrets(db)
  const restore = async () => {
    await db.query({ text: 'DELETE FROM purpose_secrets' })
    await db.query({ text: 'DELETE FROM revoked_purpose_secrets' })
    for (const { purpose, version, sealed } of backup)
      await db.query({
        text: 'INSERT INTO purpose_secrets (purpose, version, sealed) VALUES ($1, $2, $3)',
        values: [purpose, version, sealed],
      })
  }
  const leaked = openVersions(backup, masterKey).find(({ purpose }) => purpose === 'session-id')
  await one.ring.revoke(operator, ['session-id'], briefWait)
  const accepted = [...one.ring['session-id'].versions.values()]
  await restore()
  const later = await open('one')
  for (const { ring } of [later, one]) {
    await ring.refresh()
    t.notOk([...ring['session-id'].versions.values()].some((secret) => secret.equals(leaked?.secret as Buffer)))
  }
  t.notSame([...later.ring['session-id'].versions.values()], accepted, 'what the backup did not have is created again')
  t.match(await events('secret_revoked').then((all) => all.slice(-1)), [{ by: 'schedule', purpose: 'session-id' }])
  // A version with the same number that never leaked is kept.
  t.same([...later.ring.csrf.versions.keys()], [1, 2])
})

t.test(
  'nothing is renewed while another process holds the installation lock, as the change of the master key does',
  async (t) => {
    const { rows } = await db.query({ text: 'SELECT count(*) AS versions FROM purpose_secrets' })
    let renewed: Promise<unknown> | undefined
    await inLockedTransaction(db, installationLock, briefWait, async (tx) => {
      renewed = one.ring.renew(operator, ['refresh-mac'], briefWait)
      t.same((await tx.query({ text: 'SELECT count(*) AS versions FROM purpose_secrets' })).rows, rows)
    })
    await renewed
    t.equal((await loadPurposeSecrets(db)).length, rows[0].versions + 1)
  },
)

t.test('a version is deleted when nothing valid was made with it', async (t) => {
  const clean = async () => {
    await deleteExpired(db, 7 * 86_400)
    return Promise.all(purposes.map(versionsOf))
  }
  await db.query({ text: 'DELETE FROM purpose_secrets; DELETE FROM revoked_purpose_secrets' })
  await one.ring.refresh()
  await db.query({
    text: `INSERT INTO accounts (sub) VALUES ('person');
           INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at, epoch)
             VALUES ('s', 's', 'person', now(), '{}', now() + interval '1 day', 0);
           INSERT INTO clients (client_id, client_name, grant_types, response_types, scope, token_endpoint_auth_method,
             id_token_signed_response_alg, refresh_token_rotation) VALUES ('client', 'Client', '{}', '{}', '', 'none', 'ES256', true);
           INSERT INTO grants (id, client_id, sub, scopes, resources, epoch) VALUES ('grant', 'client', 'person', '{}', '{}', 0);
           INSERT INTO refresh_families (digest, grant_id, secret_version, sid, expires_at, max_expires_at)
             VALUES ('f', 'grant', 1, 'sid', now() + interval '1 day', now() + interval '1 day');
           INSERT INTO client_secrets (client_id, digest, sealed, sealed_version) VALUES ('client', '', '', 1);
           INSERT INTO account_credentials (sub, kind) VALUES ('person', 'totp'), ('person', 'recovery_codes');
           INSERT INTO totp_secrets (sub, id, sealed, version, last_step) SELECT sub, id, '', 1, 0 FROM account_credentials WHERE kind = 'totp';
           INSERT INTO recovery_codes (id, mac, version) SELECT id, 'mac', 1 FROM account_credentials WHERE kind = 'recovery_codes'`,
  })
  await one.ring.renew(operator, purposes, briefWait)
  const both = purposes.map(() => [1, 2])
  t.same(await clean(), both, 'the new one is not in use yet')
  for (const purpose of purposes) await elapse(purpose, '2 hours')
  t.same(await clean(), both, 'a family, a session, codes and pages use the old ones')
  await db.query({ text: `UPDATE refresh_families SET expires_at = now() - interval '1 second'` })
  const without = (...deleted: Purpose[]) => purposes.map((purpose) => (deleted.includes(purpose) ? [2] : [1, 2]))
  t.same(await clean(), without('refresh-mac'), 'refresh-mac')
  await db.query({ text: 'DELETE FROM sessions' })
  t.same(await clean(), without('refresh-mac', 'session-id'), 'session-id')
  await db.query({ text: 'DELETE FROM account_credentials' })
  const codes = ['totp-sealing', 'recovery-codes'] as const
  t.same(await clean(), without('refresh-mac', 'session-id', ...codes), 'one-time codes and recovery codes')
  await db.query({ text: 'DELETE FROM client_secrets' })
  t.same(await clean(), without('refresh-mac', 'session-id', ...codes, 'client-secrets'), 'secrets of clients')
  for (const purpose of purposes) await elapse(purpose, '31 days')
  t.same(await clean(), without(...purposes), 'those of pages and mails')
  t.match(await events('secret_retired').then((all) => all.slice(0, 1)), [{ purpose: 'refresh-mac', version: 1 }])
  await two.ring.refresh()
  for (const purpose of purposes) t.equal(two.ring[purpose].current, 2)
})
