import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { proveCode } from '../../src/operations/prove-code.ts'
import { replaceRecoveryCodes } from '../../src/operations/replace-recovery-codes.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { purposes } from '../../src/platform/secrets/purpose-secrets.ts'
import type { Turns } from '../../src/platform/turns.ts'
import { insertAccount } from '../../src/records/accounts/accounts-store.ts'
import { removeFactor } from '../../src/records/accounts/factors-store.ts'
import { newTotpSecret, sealTotp } from '../../src/records/accounts/totp.ts'
import { findTotp, insertTotp } from '../../src/records/accounts/totp-store.ts'
import type { Sub } from '../../src/records/ids.ts'
import type { Signet } from '../../src/signet.ts'
import { migratedDatabase } from '../database.ts'
import { oneTimeCode } from '../support/totp.ts'

/*
 * The codes of one account, compared with the simplest possible semantics, while the clock jumps, secrets are rotated and leak, and codes are replaced. Then
 * the same codes at once, of which only the promises are checked.
 */

const { openPool } = await migratedDatabase(t)
const database = openPool({ max: 4 })
// Requests do not take turns here: races between two nodes are what is tested.
const turns: Turns = { take: (_key, work) => work() }
const limits = {
  beforeOneTimeCode: async () => [],
  undoOneTimeCode: async () => {},
  beforeRecoveryCode: async () => {},
} as unknown as Signet['limits']
const settings = { issuer: 'https://idp.example', mail: { delivery: 'none' } } as Signet['settings']
const caller = { requestId: 'test', network: '192.0.2.1' }

/** Seconds of a time step. */
const period = 30

interface World {
  readonly signet: Signet
  readonly sub: Sub
  /** The current time step. */
  now: number
  /** Undefined if the account has no one-time codes. */
  totp: { readonly secret: Buffer; newest: number; version: number } | undefined
  /** The codes of all sets, the newest set last. */
  codes: { readonly code: string; readonly set: number; readonly version: number; isUsed: boolean }[]
  set: number
  readonly secrets: Record<'totp-sealing' | 'recovery-codes', { current: number; versions: Map<number, Buffer> }>
}

async function newWorld(): Promise<World> {
  const sub = randomBytes(8).toString('hex') as Sub
  await insertAccount(database, { sub, profile: { username: sub }, email: undefined, passwordHash: 'hash' })
  const versions = () => ({ current: 1, versions: new Map([[1, randomBytes(32)]]) })
  const secrets = { 'totp-sealing': versions(), 'recovery-codes': versions() }
  const others = Object.fromEntries(purposes.map((purpose) => [purpose, versions()]))
  const world: World = { sub, now: 1_000_000, totp: undefined, codes: [], set: 0, secrets, signet: {} as Signet }
  const clock = { now: () => (world.now + 0.5) * period * 1000 }
  const live = { ...others, ...secrets, reload: async () => {} }
  Object.assign(world.signet, { database, turns, limits, settings, clock, secrets: live })
  await setUp(world)
  await replaceCodes(world)
  return world
}

type Step =
  /** A one-time code of some steps from now. */
  | { readonly kind: 'code'; readonly steps: number }
  /** One of the recovery codes, the newest first. */
  | { readonly kind: 'recovery'; readonly index: number }
  | { readonly kind: 'time'; readonly steps: number }
  | { readonly kind: 'rotate' | 'leak'; readonly purpose: 'totp-sealing' | 'recovery-codes' }
  | { readonly kind: 'set-up' | 'remove' | 'replace' }

const purpose = fc.constantFrom('totp-sealing' as const, 'recovery-codes' as const)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('code'), steps: fc.integer({ min: -3, max: 3 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('recovery'), index: fc.integer({ min: 0, max: 12 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time'), steps: fc.integer({ min: -2, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('rotate', 'leak'), purpose }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('set-up', 'remove', 'replace') }) },
) as fc.Arbitrary<Step>

async function setUp(world: World): Promise<void> {
  const { signet, sub, now } = world
  const secret = newTotpSecret()
  const sealed = sealTotp(signet.secrets['totp-sealing'], sub, secret)
  const options = { lastStep: now, isVouched: false }
  const id = await inTransaction(database, (tx) => insertTotp(tx, sub, sealed, options))
  if ((id === undefined) !== (world.totp !== undefined)) throw new Error('There were two secrets.')
  world.totp ??= { secret, newest: now, version: sealed.version }
}

async function replaceCodes(world: World): Promise<void> {
  const { signet, sub, secrets } = world
  const codes = await inTransaction(database, (tx) => replaceRecoveryCodes(tx, signet, sub))
  const set = ++world.set
  const version = secrets['recovery-codes'].current
  world.codes.push(...codes.map((code) => ({ code, set, version, isUsed: false })))
}

function prove({ signet, sub }: World, typed: string) {
  return proveCode(signet, { kind: 'person', sub, caller }, typed)
}

/** Does a step, and says what is wrong with the result. */
async function act(world: World, one: Step): Promise<string | undefined> {
  const { totp, secrets, now } = world
  switch (one.kind) {
    case 'code': {
      if (!totp) return undefined
      const { outcome } = await prove(world, oneTimeCode(totp.secret, now * period * 1000, one.steps))
      const isKnown = secrets['totp-sealing'].versions.has(totp.version)
      const expected = isKnown && Math.abs(one.steps) <= 1 && now + one.steps > totp.newest
      if (expected) Object.assign(totp, { newest: now + one.steps, version: secrets['totp-sealing'].current })
      return (outcome === 'proven') === expected ? undefined : `${JSON.stringify(one)}: ${outcome}`
    }
    case 'recovery': {
      const known = world.codes.at(-1 - one.index)
      if (!known) return undefined
      const { outcome } = await prove(world, known.code)
      const isCurrent = known.set === world.set && secrets['recovery-codes'].versions.has(known.version)
      const expected = isCurrent && !known.isUsed
      if (expected) known.isUsed = true
      return (outcome === 'proven') === expected ? undefined : `${JSON.stringify(one)}: ${outcome}`
    }
    case 'time':
      world.now += one.steps
      return undefined
    case 'rotate':
    case 'leak': {
      const secret = secrets[one.purpose]
      if (one.kind === 'leak') secret.versions.clear()
      secret.current++
      secret.versions.set(secret.current, randomBytes(32))
      return undefined
    }
    case 'set-up':
      await setUp(world)
      return undefined
    case 'remove':
      await removeFactor(database, world.sub, (await findTotp(database, world.sub))?.id ?? 0)
      world.totp = undefined
      return undefined
    case 'replace':
      await replaceCodes(world)
      return undefined
  }
}

t.test('a code is accepted exactly if it is the person’s, of now, and newer than the newest before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 20 }), async (steps) => {
      const world = await newWorld()
      for (const one of steps) {
        const fault = await act(world, one)
        if (fault) throw new Error(fault)
      }
    }),
    { numRuns: 40 },
  )
})

t.test('of all who enter codes at once, each code signs one in, and no code after a later one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: -1, max: 1 }), { minLength: 2, maxLength: 6 }),
      fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2, maxLength: 6 }),
      async (steps, indices) => {
        const world = await newWorld()
        world.now += 5
        const { totp, now, codes } = world
        const oneTime = steps.map((each) => oneTimeCode(totp?.secret as Buffer, now * period * 1000, each))
        const recovery = indices.map((index) => codes[index]?.code as string)
        const typed = [...oneTime, ...recovery]
        const outcomes = await Promise.all(typed.map((code) => prove(world, code)))
        const proven = typed.filter((_, n) => outcomes[n]?.outcome === 'proven')
        if (new Set(proven).size < proven.length) throw new Error('A code was accepted twice.')
        for (const code of recovery)
          if (!proven.includes(code)) throw new Error('A recovery code was accepted nowhere.')
        const newest = oneTimeCode(totp?.secret as Buffer, now * period * 1000, Math.max(...steps))
        if (!proven.includes(newest)) throw new Error('The newest code was accepted nowhere.')
        for (const code of typed)
          if ((await prove(world, code)).outcome === 'proven') throw new Error('A code was accepted later again.')
      },
    ),
    { numRuns: 20 },
  )
})
