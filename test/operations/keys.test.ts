import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { OnlyInLedger } from '../../src/key-ring/key-ledger.ts'
import { importSigningKey } from '../../src/operations/import-signing-key.ts'
import { resealEverything } from '../../src/operations/reseal-everything.ts'
import { revokeKeys } from '../../src/operations/revoke-keys.ts'
import { rotateKeys } from '../../src/operations/rotate-keys.ts'
import { briefWait } from '../../src/platform/database/locked-transaction.ts'
import type { Signet } from '../../src/signet.ts'
import { startSignet } from '../support/idp.ts'

/** Operations on signing keys. How the commands use them is tested in test/cli/keys.test.ts. */

const { signet } = await startSignet(t)
const { database, keyRing } = signet
const operator = { kind: 'operator', by: 'test@here' } as const
const reason = 'a test'
const rows = async () => (await database.query({ text: 'SELECT * FROM signing_keys ORDER BY kid' })).rows
const events = async () => (await database.query({ text: 'SELECT id, type, kid, detail FROM events ORDER BY id' })).rows
const kidsIn = (state: string, alg = 'ES256') =>
  [...keyRing.keys()].filter(([key, is]) => key.alg === alg && is === state).map(([{ kid }]) => kid)

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const imported = (kid: string | undefined) =>
  importSigningKey(signet, operator, { key: { privateKey, alg: 'ES256', kid }, kid, reason })

t.test('an imported key signs immediately and has only one name', async (t) => {
  const outcome = await imported('legacy')
  t.match(outcome, { outcome: 'imported', kid: 'legacy', alg: 'ES256', activatesAt: Number })
  t.same(kidsIn('active'), ['legacy'])
  const before = { rows: await rows(), events: await events() }
  t.same(await imported('legacy'), { outcome: 'kid_taken', kid: 'legacy' })
  t.same(await imported('another'), { outcome: 'known', kid: 'legacy' })
  t.same(await imported(undefined), { outcome: 'known', kid: 'legacy' })
  t.same({ rows: await rows(), events: await events() }, before)
})

t.test('a revoked key never comes back, under any name', async (t) => {
  const revoked = await revokeKeys(signet, operator, { kid: 'legacy' }, reason)
  t.match(revoked, { outcome: 'revoked', kids: ['legacy'], hadSigned: true, isInLedger: true })
  const before = { rows: await rows(), events: await events() }
  t.same(await imported('legacy'), { outcome: 'revoked_in_ledger', kid: 'legacy' })
  t.same(await imported('another'), { outcome: 'revoked', kid: 'legacy' })
  t.same(await imported(undefined), { outcome: 'revoked', kid: 'legacy' })
  t.match(await revokeKeys(signet, operator, { kid: 'legacy' }, reason), { outcome: 'revoked_before' })
  t.same(await revokeKeys(signet, operator, { kid: 'none' }, reason), { outcome: 'no_such_key' })
  t.same({ rows: await rows(), events: await events() }, before)
})

t.test('a revocation says what signs from now on, and its event says who ordered it and why', async (t) => {
  const [active = ''] = kidsIn('active')
  const [next] = kidsIn('standby')
  const revoked = await revokeKeys(signet, operator, { kid: active }, reason)
  t.match(revoked, { outcome: 'revoked', kids: [active], successions: [{ alg: 'ES256', active: { kid: String } }] })
  t.same(kidsIn('active'), [next])
  const [event] = (await events()).filter(({ type, kid }) => type === 'key_revoked' && kid === active)
  t.same(event.detail, { by: 'test@here', reason })
})

t.test('a revocation that is only in the ledger is reported as noted; any other failure is thrown', async (t) => {
  const cause = new Error('no connection')
  const broken = (part: Partial<Signet['keyRing']>) => ({ ...signet, keyRing: { ...keyRing, ...part } })
  const fail = () => {
    throw cause
  }
  const [kid = ''] = kidsIn('active', 'RS256')
  const onlyInLedger = () => Promise.reject(new OnlyInLedger(cause))
  t.same(await revokeKeys(broken({ revoke: onlyInLedger }), operator, { kid }, reason), {
    outcome: 'only_noted',
    cause,
  })
  await t.rejects(revokeKeys(broken({ revoke: async () => fail() }), operator, { kid }, reason), cause, 'nowhere')
  const revoke = async () => ({ revokedAt: 0, isInLedger: true })
  await t.rejects(revokeKeys(broken({ revoke, delays: fail }), operator, { kid }, reason), cause, 'after it')
  await t.rejects(revokeKeys(broken({ keys: fail }), operator, { kid }, reason), cause, 'before it')
})

t.test('a master key from a setting is neither replaced nor forgotten', async (t) => {
  const before = { rows: await rows(), events: await events() }
  for (const masterKey of ['new', 'current only'] as const)
    t.same(await resealEverything(signet, operator, { masterKey, reason }, briefWait), {
      outcome: 'master_key_is_setting',
    })
  t.same({ rows: await rows(), events: await events() }, before)
})

t.test('a rotation of all algorithms changes nothing if one of them has no key that could take over', async (t) => {
  const before = { rows: await rows(), events: await events() }
  // The schedule would create a key first, so this ring hides the keys of one algorithm.
  const withoutRsa: Pick<Signet, 'keyRing'> = {
    keyRing: {
      ...keyRing,
      decide: (author, wanted) =>
        keyRing.decide(author, (ring, delays) =>
          wanted({ ...ring, keys: ring.keys.filter(({ alg }) => alg !== 'RS256') }, delays),
        ),
    },
  }
  const rotated = await rotateKeys(withoutRsa, operator, { algorithms: ['ES256', 'RS256'], immediately: true, reason })
  t.same(rotated, { outcome: 'no_standby', alg: 'RS256' })
  t.same({ rows: await rows(), events: await events() }, before)
  const alone = await rotateKeys(withoutRsa, operator, { algorithms: ['ES256'], immediately: true, reason })
  t.match(alone, { outcome: 'rotated', keys: [{ alg: 'ES256', isChanged: true }] })
  t.equal(kidsIn('active')[0], alone.outcome === 'rotated' && alone.keys[0]?.kid)
})
