// Own process: it waits for most of its time.
import { randomUUID } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { rotate } from '../../src/key-ring/rotation.ts'
import type { KeyState } from '../../src/key-ring/schedule.ts'
import {
  type AccessTokenAlgorithm,
  accessTokenAlgorithms,
  type SigningAlgorithm,
} from '../../src/platform/jwt/algorithms.ts'
import { saveResource } from '../../src/records/resources/resources-store.ts'
import { spawnServer } from '../cli/spawned.ts'
import { eventually } from '../support/eventually.ts'
import { basic, freePort, startSignet } from '../support/idp.ts'
import { startBalancer, startCache } from './rotation/balancer.ts'
import { webApplications } from './rotation/id-tokens.ts'
import { startLoad } from './rotation/load.ts'
import { startVerifiers } from './rotation/verifiers.ts'

/** Number of planned rotations. With more than the usual three, the times of an emergency are also measured and reported. */
const rotations = Number(process.env['SIGNET_TEST_ROTATIONS'] ?? 2)
const isLong = rotations > 3
/** Each wait has its own deadline (test/support/eventually.ts). */
t.setTimeout((600 + 60 * rotations) * 1000)

// A key is published six seconds before it signs: one cache lifetime of a verifier plus one lease.
const settings = {
  SIGNET_JWKS_MAX_AGE: '0s',
  SIGNET_VERIFIER_CACHE: '1s',
  SIGNET_CLOCK_SKEW: '0s',
  SIGNET_KEY_LEASE: '5s',
  SIGNET_ACCESS_TOKEN_TTL: '10s',
  SIGNET_ID_TOKEN_TTL: '10s',
}
/** The same in milliseconds. */
const [keeps, lease, ripens] = [1_000, 5_000, 6_000]

const [port, portOfOne, portOfTwo, portOfCache] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
const issuer = `http://localhost:${port}`
const [one, two] = [`http://127.0.0.1:${portOfOne}`, `http://127.0.0.1:${portOfTwo}`]
const cache = `http://127.0.0.1:${portOfCache}`
await startBalancer(t, port, [one, two])
await startCache(t, portOfCache, issuer, keeps)

const idp = await startSignet(t, { ...settings, SIGNET_ISSUER: issuer, SIGNET_PORT: String(portOfOne) })
const { keyRing, database, settings: own } = idp.signet
/** The other node is a separate process, so that it can be killed. */
const startTwo = () =>
  spawnServer(t, {
    ...settings,
    SIGNET_ISSUER: issuer,
    SIGNET_PORT: String(portOfTwo),
    SIGNET_DATABASE_URL: own.databaseUrl ?? '',
    SIGNET_DATABASE_SCHEMA: own.databaseSchema,
    SIGNET_MASTER_KEY: own.masterKey?.toString('base64url') ?? '',
    SIGNET_KEYS_DIR: `${own.keysDir}-of-two`,
    SIGNET_LOG_LEVEL: 'warn',
  })
let processOfTwo = await startTwo()

/** A machine that requests tokens for its own API. */
async function machine(alg: AccessTokenAlgorithm, accessTokenTtl?: number) {
  const api = `https://${randomUUID()}.example`
  const scope = `work:${randomUUID()}`
  const resource = {
    identifier: api,
    name: undefined,
    scopes: [scope],
    scopeDescriptions: [],
    accessTokenTtl,
    servedBy: [],
    ...{ userinfoAudience: false, groupsClaim: false, selfRegisteredClients: false },
  }
  await saveResource(database, { ...resource, accessTokenSigningAlg: alg })
  const grant = { grant_types: ['client_credentials' as const], redirect_uris: [], response_types: [] }
  const { client_id: id, secret = '' } = await idp.client({ ...grant, scope, resources: [api] })
  return {
    api,
    ask: (node: string) =>
      fetch(`${node}/token`, {
        method: 'POST',
        headers: { authorization: basic(id, secret) },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      }),
  }
}
const machines = await Promise.all(accessTokenAlgorithms.map((alg) => machine(alg)))
/** Its tokens outlive everything that happens here. It is not used before the emergency, because keys would retire that much later. */
const patient = await machine('ES256', 3600)

const verifiers = await startVerifiers(t, {
  issuer,
  audience: [...machines, patient].map(({ api }) => api),
  cache,
  keeps,
})
const load = startLoad({
  nodes: [one, two],
  ask: machines.map(({ ask }) => ask),
  verifiers,
  flows: [await webApplications(idp, keeps)],
  every: isLong ? 10 : 100,
})
t.teardown(load.stop)

/** Revoked kids. */
const revoked = new Set<string>()
/** Refusals of valid tokens. A flow does not report the kid. */
const refusals = () => load.refused.filter(({ kid }) => !revoked.has(kid) && (kid !== '' || revoked.size === 0))

/** Whether the node was seen to sign with the key. */
const signs = (node: string, kid: string) => load.lastAsked(node, kid) !== undefined

/** The keys of access tokens; the verifiers see no tokens of the others. */
const inState = (wanted: KeyState) =>
  [...keyRing.keys()].flatMap(([key, state]) =>
    state === wanted && accessTokenAlgorithms.some((alg) => alg === key.alg) ? [key] : [],
  )

/** Brings the next rotation forward, to the earliest safe moment or to now; returns the kids that take over. */
const rotateKeys = (algorithms: readonly SigningAlgorithm[], atOnce: boolean) =>
  keyRing.decide({ by: 'test' }, ({ keys, now }, delays) => {
    const next = algorithms.flatMap((alg) => rotate(keys, alg, now, delays, atOnce) ?? [])
    return { steps: next.flatMap(({ decisions }) => decisions), result: next.map(({ kid }) => kid) }
  })

t.test('rotation under load breaks no verifier, although a node is killed in the middle of one', async (t) => {
  // Refused requests are not retried forever.
  const enough = 3
  const isCheckedByAll = (kid: string) =>
    refusals().length > 0 || [...load.good.values()].every((counts) => (counts.get(kid) ?? 0) >= enough)
  const isInUse = (kids: readonly string[], nodes: readonly string[]) =>
    kids.every((kid) => nodes.every((node) => signs(node, kid)) && isCheckedByAll(kid))

  const kids = inState('active').map(({ kid }) => kid)
  await eventually('the first keys to be in use', () => isInUse(kids, [one, two]))
  for (let rotation = 0; rotation < rotations; rotation++) {
    // The following standbys have been generated: a rotation also waits until they are ripe.
    await eventually(
      'four keys to stand by',
      () => inState('standby').map(({ kid }) => kid),
      (standbys) => standbys.length === 4,
    )
    const next = await rotateKeys(accessTokenAlgorithms, false)
    if (rotation === 1) {
      processOfTwo.child.kill('SIGKILL')
      await processOfTwo.ended
      await eventually('the node that lives to sign with the next keys', () => isInUse(next, [one]))
      processOfTwo = await startTwo()
    }
    await eventually('the next keys to be in use', () => isInUse(next, [one, two]))
    kids.push(...next)
  }
  t.same(refusals(), [])
  t.same(load.faults, [])
  t.equal(new Set(kids).size, 2 * (rotations + 1), 'a new key of each algorithm in each rotation')
  for (const [verifier, counts] of load.good) {
    const checked = [...counts.values()].reduce((sum, count) => sum + count, 0)
    t.comment(`${verifier}: ${checked} tokens`)
    t.ok(checked >= enough * kids.length, `${verifier} has checked tokens of every key, and refused none`)
  }
})

t.test(
  'after an emergency no node signs with the revoked key, and every verifier refuses it in time, but not its successor',
  async (t) => {
    const times = new Map<string, number[]>()
    const note = (what: string, ms: number) => times.set(what, [...(times.get(what) ?? []), Math.max(0, ms)])
    for (let emergency = 0; emergency < (isLong ? 10 : 1); emergency++) {
      await eventually('a standby to be ripe', () =>
        inState('standby').some((key) => key.alg === 'ES256' && Date.now() > key.publishedAt + ripens),
      )
      const kid = inState('active').find(({ alg }) => alg === 'ES256')?.kid ?? ''
      const { access_token: token } = (await (await patient.ask(one)).json()) as { access_token: string }
      t.equal(decodeProtectedHeader(token).kid, kid)

      let revokedAt = Number.POSITIVE_INFINITY
      const taken = new Set<string>()
      const refusing = verifiers.map(async ({ name, keeping, check }) => {
        const ask = async () => {
          const askedAt = Date.now()
          const isGood = await check(token).then(
            () => true,
            () => false,
          )
          if (isGood) taken.add(name)
          return { isGood, askedAt }
        }
        const { askedAt } = await eventually(`${name} to refuse the token`, ask, ({ isGood }) => !isGood, 2)
        return { name: `${name} (${keeping})`, askedAt }
      })
      await eventually(
        'every verifier to accept the token',
        () => [...taken],
        (names) => names.length === verifiers.length,
      )
      await keyRing.decide({ by: 'test' }, ({ now }) => {
        revokedAt = now
        return { steps: [{ what: 'revoke', kid, revokedAt: now }], result: undefined }
      })
      const decidedBy = Date.now()
      revoked.add(kid)
      note('decided, committed and reloaded', decidedBy - revokedAt)

      for (const { name, askedAt } of await Promise.all(refusing)) {
        t.ok(askedAt >= revokedAt, `${name} accepted the token before, and refuses it now`)
        note(name, askedAt - revokedAt)
      }
      const [successor] = inState('active').filter(({ alg }) => alg === 'ES256')
      for (const node of [one, two]) {
        await eventually(`${node} to sign with the successor`, () => signs(node, successor?.kid ?? ''))
        const last = load.lastAsked(node, kid) ?? 0
        t.ok(last <= (node === one ? decidedBy : revokedAt + lease + 1_000), 'the node signs with the successor')
        note(`node ${node === one ? 'that revoked the key' : 'that did not revoke it'} signs`, last - revokedAt)
      }
      t.ok((load.latestIat(kid) ?? 0) * 1000 <= revokedAt + lease + 1_000, 'no token with the revoked key is newer')
    }
    t.same(refusals(), [])
    if (isLong)
      for (const [what, all] of times) {
        const sorted = all.sort((a, b) => a - b)
        t.comment(`${what}: median ${sorted[sorted.length >> 1]} ms, maximum ${sorted.at(-1)} ms`)
      }
  },
)

t.test('a key that signs before it was announced is refused by every verifier, so these tests can fail', async (t) => {
  await load.stop()
  /** From the node that decides, so that it is signed with the key chosen by the decision. */
  const newToken = async () => {
    const answer = await machines[0]!.ask(one)
    return ((await answer.json()) as { access_token: string }).access_token
  }
  const refused = new Set<string>()
  let attempts = 0
  await eventually(
    'every verifier to refuse a key',
    async () => {
      attempts++
      const before = await newToken()
      // Now they have the set, for as long as they cache it.
      await Promise.allSettled(verifiers.map(({ check }) => check(before)))
      await rotateKeys(['ES256'], true)
      const after = await newToken()
      await Promise.all(verifiers.map(({ name, check }) => check(after).catch(() => refused.add(name))))
      return verifiers.map(({ name }) => name).filter((name) => !refused.has(name))
    },
    (trusting) => trusting.length === 0,
  )
  t.pass(`within ${attempts} rotations`)
})
