import t from 'tap'
import { type DecisionOptions, decide, isDue, readRing } from '../../src/key-ring/decide.ts'
import { ClocksDisagree } from '../../src/key-ring/lease.ts'
import type { KeyRecord } from '../../src/key-ring/signing-keys-store.ts'
import { briefWait } from '../../src/platform/database/locked-transaction.ts'
import type { Database } from '../../src/platform/database/pool.ts'
import type { CheckedOut, Statement } from '../../src/platform/database/queryable.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'

/*
 * `decide` on a ring in memory, without PostgreSQL: what is decided, in what order, and what is kept if it fails. Races between the
 * statements are tested on the real database (key-ring.test.ts).
 */

const start = Date.UTC(2026, 0, 1)
const second = 1_000
const delays = { rotationPeriod: 1_000, activationDelay: 100, clockSkew: 5, keyLease: 10 }

interface State {
  keys: KeyRecord[]
  latestEvent: number
  decisions: number
  delay: { seconds: number; announcedAt: number }
  events: string[]
}

/** The table of keys, the ring's row and the events. A transaction works on a copy, which COMMIT puts in place. */
function ringInMemory(keys: KeyRecord[] = [], delay = { seconds: delays.activationDelay, announcedAt: start }) {
  let state: State = { keys, latestEvent: start - second, decisions: 1, delay, events: [] }
  /** The database's clock. */
  const clock = { now: start }
  let isOpen = false

  const run = (at: State, { name, text, values = [] }: Statement): object[] => {
    const [kid, moment] = values as [string, Date]
    const change = (changes: (key: KeyRecord) => Partial<KeyRecord>) => {
      at.keys = at.keys.map((key) => (key.kid === kid ? { ...key, ...changes(key) } : key))
    }
    if (name === 'load-ring') return rowsOf(at, clock.now)
    if (name === 'lock-ring') return [{}]
    if (name === 'note-decision') {
      at.latestEvent = Math.max(at.latestEvent, (values[0] as Date).getTime())
      at.decisions = Math.max(at.decisions, values[1] as number) + 1
    } else if (name === 'name-delay')
      at.delay = { seconds: values[0] as number, announcedAt: (values[1] as Date).getTime() }
    else if (name === 'record-event') at.events.push(`${values[0]} ${values[6]}`)
    else if (text.startsWith('INSERT INTO signing_keys')) at.keys = [...at.keys, keyOf(values)]
    else if (text.includes('SET activates_at')) change(() => ({ activatesAt: moment.getTime() }))
    else if (text.includes('SET retires_at')) change(() => ({ retiresAt: moment.getTime() }))
    else if (text.includes('SET revoked_at'))
      change(() => ({ revokedAt: moment.getTime(), sealedPrivateJwk: undefined }))
    else if (text.includes('SET sealed_private_jwk = NULL')) change(() => ({ sealedPrivateJwk: undefined }))
    else if (!text.startsWith('SET LOCAL')) throw new Error(`The ring in memory does not support: ${text}`)
    return []
  }
  const connect = async (): Promise<CheckedOut> => {
    let copy = { ...state, events: [...state.events] }
    const query = async (statement: Statement) => {
      const { text } = statement
      if (text === 'BEGIN') {
        copy = { ...state, events: [...state.events] }
        isOpen = true
      } else if (text === 'COMMIT' || text === 'ROLLBACK') {
        if (text === 'COMMIT') state = copy
        isOpen = false
      } else {
        const rows = run(copy, statement)
        return { rows, rowCount: rows.length, command: '' }
      }
      return { rows: [], rowCount: 0, command: text }
    }
    return { query, lost: undefined, release: () => {} } as unknown as CheckedOut
  }
  const db = { connect, query: async (statement: Statement) => (await connect()).query(statement) } as Database
  return { db, clock, isOpen: () => isOpen, state: () => state }
}

function rowsOf({ keys, latestEvent, decisions, delay }: State, clock: number): object[] {
  const ring = {
    ...{
      clock: new Date(clock),
      is_read_only: false,
      latest_event: new Date(latestEvent),
      decisions: String(decisions),
    },
    now: new Date(Math.max(clock, latestEvent, ...keys.flatMap((key) => [key.publishedAt, key.revokedAt ?? 0]))),
    ...{ activation_delay: delay.seconds, activation_delay_named_at: new Date(delay.announcedAt) },
  }
  const date = (moment: number | undefined) => (moment === undefined ? null : new Date(moment))
  const rows = keys.map((key) => ({
    ...{ kid: key.kid, alg: key.alg, public_jwk: key.publicJwk, sealed_private_jwk: key.sealedPrivateJwk ?? null },
    ...{ longest_lifetime: key.longestLifetime, published_at: date(key.publishedAt) },
    ...{ activates_at: date(key.activatesAt), retires_at: date(key.retiresAt), revoked_at: date(key.revokedAt) },
    ...ring,
  }))
  return rows.length > 0 ? rows : [{ kid: null, ...ring }]
}

function keyOf(values: readonly unknown[]): KeyRecord {
  const [kid, alg, publicJwk, sealed, longestLifetime, ...moments] = values
  const [publishedAt, activatesAt, retiresAt, revokedAt] = moments.map((moment) => (moment as Date | null)?.getTime())
  return {
    ...{ kid: kid as string, alg: alg as SigningAlgorithm, publicJwk: JSON.parse(publicJwk as string) },
    ...{ sealedPrivateJwk: sealed as Buffer, longestLifetime: longestLifetime as number },
    ...{ publishedAt: publishedAt as number, activatesAt: activatesAt as number, retiresAt, revokedAt },
  }
}

/** A key for the ring of either algorithm. Times are in seconds after `start`. */
const key = (kid: string, published: number, activates: number, alg: SigningAlgorithm = 'ES256'): KeyRecord => ({
  ...{ kid, alg, publicJwk: { kty: alg === 'ES256' ? 'EC' : 'RSA' }, sealedPrivateJwk: Buffer.from(kid) },
  ...{ longestLifetime: 60, retiresAt: undefined, revokedAt: undefined },
  ...{ publishedAt: start + published * second, activatesAt: start + activates * second },
})

/** A ring in which nothing is due: per algorithm a signing key and two ripe standbys. */
const settled = () =>
  signingAlgorithms.flatMap((alg) => [
    key(`${alg} active`, -900, -500, alg),
    key(`${alg} next`, -900, 500, alg),
    key(`${alg} behind`, -900, 1_500, alg),
  ])

type Ring = ReturnType<typeof ringInMemory>

function optionsFor(
  ring: Ring,
  more: Partial<DecisionOptions> = {},
): DecisionOptions & { readonly generated: string[] } {
  const generated: string[] = []
  return {
    ...{ db: ring.db, delays, longestLifetime: 60, wait: briefWait, isOurs: () => true, wall: () => ring.clock.now },
    masterKey: { wrap: (plain) => plain, unwrap: (sealed) => sealed },
    remembered: { keys: [], now: 0, decisions: 0, activatedAt: new Map(), revokedAt: new Map() },
    generateKey: async (alg) => {
      if (ring.isOpen()) throw new Error('A key was generated while others wait for the lock.')
      const kid = `${alg} new ${generated.length + 1}`
      generated.push(kid)
      return { kid, alg, publicJwk: { kty: alg === 'ES256' ? 'EC' : 'RSA' }, sealedPrivateJwk: Buffer.from(kid) }
    },
    generated,
    ...more,
  }
}

const byOperator = { by: 'operator' }
const bySchedule = { by: 'schedule' }
const nothing = () => ({ steps: [], result: undefined })
const find = (ring: Ring, kid: string) => ring.state().keys.find((one) => one.kid === kid)

t.test('if the database clock steps back, no decision is undone and no timestamp is used twice', async (t) => {
  const ring = ringInMemory(settled())
  const revoke = (kid: string) =>
    decide(optionsFor(ring), byOperator, ({ now }) => ({
      steps: [{ what: 'revoke', kid, revokedAt: now }],
      result: now,
    }))
  const earlier = await revoke('ES256 active')
  ring.clock.now = start - 3_600 * second
  const later = await revoke('ES256 next')
  t.ok(later > earlier, 'a later decision has a later timestamp')
  t.equal(find(ring, 'ES256 active')?.revokedAt, earlier)
  t.equal(ring.state().latestEvent, later)
})

t.test("a machine whose clock differs from the database's decides nothing and generates nothing", async (t) => {
  const ring = ringInMemory()
  for (const apart of [3_600 * second, -3_600 * second]) {
    const options = optionsFor(ring, { wall: () => ring.clock.now + apart })
    await t.rejects(decide(options, bySchedule, nothing), ClocksDisagree)
    t.same(options.generated, [])
  }
  t.same(ring.state().keys, [])
  t.equal(ring.state().decisions, 1)
})

t.test('a revoked active key is replaced immediately by the ripe standby, and a new standby is created', async (t) => {
  const ring = ringInMemory(settled())
  const options = optionsFor(ring)
  const at = await decide(options, byOperator, ({ now }) => ({
    steps: [{ what: 'revoke', kid: 'ES256 active', revokedAt: now }],
    result: now,
  }))
  t.equal(find(ring, 'ES256 active')?.sealedPrivateJwk, undefined, 'its private half is gone')
  t.equal(find(ring, 'ES256 next')?.activatesAt, at)
  t.match(find(ring, 'ES256 new 1'), { publishedAt: at })
  t.same(options.generated, ['ES256 new 1'], 'the other algorithm needs none')
  t.same(ring.state().events.slice(0, 2), ['key_revoked ES256 active', 'key_scheduled ES256 next'])
})

t.test('if no standby is left when the active key is revoked, a new key signs immediately', async (t) => {
  const ring = ringInMemory(settled().filter(({ alg, kid }) => alg === 'RS256' || kid === 'ES256 active'))
  const at = await decide(optionsFor(ring), byOperator, ({ keys, now }) => ({
    steps: keys.filter(({ alg }) => alg === 'ES256').map(({ kid }) => ({ what: 'revoke', kid, revokedAt: now })),
    result: now,
  }))
  const signing = ring
    .state()
    .keys.filter(({ alg, activatesAt, revokedAt }) => alg === 'ES256' && activatesAt === at && revokedAt === undefined)
  t.equal(signing.length, 1)
})

t.test('missing standbys are generated outside the transaction and never sign before they are ripe', async (t) => {
  const ring = ringInMemory(settled().filter(({ kid }) => kid.endsWith('active')))
  const options = optionsFor(ring)
  await decide(options, bySchedule, nothing)
  t.equal(options.generated.length, 2 * signingAlgorithms.length, 'two for each algorithm')
  for (const made of ring.state().keys.filter(({ kid }) => kid.includes('new')))
    t.ok(made.activatesAt >= made.publishedAt + delays.activationDelay * second, made.kid)
  t.notOk(isDue(await readRing(ring.db, options), options), 'afterwards nothing is due')
})

t.test('a lowered activation delay takes effect only when every cache has dropped the longer one', async (t) => {
  const longer = { seconds: 400, announcedAt: start }
  const soon = key('ES256 next', -900, 50)
  const ring = ringInMemory([...settled().filter(({ kid }) => !/^ES256 (next|behind)/.test(kid)), soon], longer)
  // A period so short that the delay decides. This node's own delay is 100 s.
  const options = optionsFor(ring, { delays: { ...delays, rotationPeriod: 1 } })
  await decide(options, bySchedule, nothing)
  t.equal(find(ring, 'ES256 new 1')?.activatesAt, start + 400 * second)
  t.same(ring.state().delay, longer, 'its own is not stored meanwhile')
  ring.clock.now += (400 + 7_200) * second
  t.ok(isDue(await readRing(ring.db, optionsFor(ring)), optionsFor(ring)))
  await decide(optionsFor(ring), byOperator, (_ring, { activationDelay }) => {
    t.equal(activationDelay, 100)
    return { steps: [], result: undefined }
  })
  t.equal(ring.state().delay.seconds, 100)
})

t.test("if the operator's check fails under the lock, nothing is changed, not even what was due", async (t) => {
  const ring = ringInMemory()
  const refusal = new Error('no')
  const refuse = () => {
    throw refusal
  }
  await t.rejects(decide(optionsFor(ring), byOperator, refuse), refusal)
  t.same(ring.state().keys, [])
  t.same(ring.state().events, [])
  t.equal(ring.isOpen(), false)
})

t.test('a revocation lost with a restored backup is repeated by any node that remembers it', async (t) => {
  const ring = ringInMemory(settled())
  const remembered = {
    ...{ keys: [], now: 0, decisions: 0, activatedAt: new Map<string, number>() },
    revokedAt: new Map([['RS256 active', start - 100 * second]]),
  }
  const options = optionsFor(ring, { remembered })
  t.ok(isDue(await readRing(ring.db, options), options))
  await decide(options, bySchedule, nothing)
  t.ok(find(ring, 'RS256 active')?.revokedAt)
  t.equal(find(ring, 'RS256 active')?.sealedPrivateJwk, undefined)
})

t.test('the attempts end if generated keys are missing again and again', async (t) => {
  const ring = ringInMemory(settled())
  const options = optionsFor(ring)
  const moreEachTime = () => ({
    steps: [
      { what: 'create', alg: 'ES256', publishedAt: start, activatesAt: start + 9_000 * second } as const,
      ...options.generated.map(
        () => ({ what: 'create', alg: 'ES256', publishedAt: start, activatesAt: start }) as const,
      ),
    ],
    result: undefined,
  })
  await t.rejects(decide(options, byOperator, moreEachTime), { name: 'KeysMissing' })
  t.equal(ring.state().keys.length, settled().length)
})
