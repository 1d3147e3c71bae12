import { type Recovery, type Remembered, recoveries, retirementsAfterRecovery } from '../../../src/key-ring/recovery.ts'
import { type Decision, type Delays, dueFor, type ScheduledKey } from '../../../src/key-ring/rotation.ts'
import {
  type AnnouncedDelay,
  delayInEffect,
  isPublished,
  type KeyState,
  keyStates,
  mustAnnounceDelay,
} from '../../../src/key-ring/schedule.ts'

/** The configuration of a node, in seconds. */
export interface NodeSettings extends Delays {
  readonly maxAge: number
  readonly lifetime: number
}

/** The database: its rows, and a clock that may be wrong by `offset` milliseconds. */
export interface Rows {
  readonly keys: readonly ScheduledKey[]
  readonly latestEvent: number
  readonly decisions: number
  readonly delay: AnnouncedDelay
}

/** A node's view of the keys, valid until one of their moments is reached. */
interface View {
  readonly keys: readonly ScheduledKey[]
  readonly states: ReadonlyMap<ScheduledKey, KeyState>
  readonly active: ScheduledKey | undefined
  readonly published: ReadonlySet<string>
  readonly covered: number
  readonly until: number
}

/** One process. Its memory is lost when it stops; its ledger is a file. */
export interface Node {
  up: boolean
  cutOff: boolean
  settings: NodeSettings
  /** The error of this machine's clock, in milliseconds. */
  offset: number
  readonly ledger: { readonly activatedAt: Map<string, number>; readonly revokedAt: Map<string, number> }
  memory: Remembered<ScheduledKey>
  view: View
  /** The ring's time minus the true time when the keys were last confirmed, and the true time of that moment. */
  ringOffset: number
  /** The offset of the database's clock, by which tokens are dated. */
  clockOffset: number
  confirmedAt: number
}

export interface World {
  /** The true time, in milliseconds. */
  now: number
  rows: Rows
  offset: number
  readonly nodes: readonly Node[]
  kids: number
  /** True times: when a key was revoked; until when no ripe standby is promised. */
  readonly revokedAt: Map<string, number>
  /** Keys that were made to sign before they were ripe, and until when verifiers may not know them. */
  readonly early: Map<string, number>
  excusedUntil: number
  /** When a node last read the ring. */
  lastTended: number
}

type Step =
  | Decision
  | Recovery<ScheduledKey>
  | { readonly what: 'extend'; readonly longestLifetime: number }
  | { readonly what: 'import'; readonly kid: string; readonly at: number }

/** Parts of the system that a test can replace with a faulty version. */
export interface Rules {
  readonly due: typeof dueFor
  readonly recover: typeof recoveries
  /** Switched off where only the effect on tokens matters. */
  readonly standbyIsChecked: boolean
  /** Factor on the delay that an operator's rotation waits for. */
  readonly rotationDelay: number
  /** Seconds added to the lease that a node assumes. */
  readonly overstay: number
}
export const rules: Rules = { due: dueFor, recover: recoveries, standbyIsChecked: true, rotationDelay: 1, overstay: 0 }

export function ringTime({ rows, now, offset }: Pick<World, 'rows' | 'now' | 'offset'>): number {
  let time = Math.max(now + offset, rows.latestEvent)
  for (const key of rows.keys) time = Math.max(time, key.publishedAt, key.revokedAt ?? 0)
  return time
}

/** `decide` of the key ring, with an array as the database. Atomic, like the transaction under the ring's lock. */
export function decide(
  world: World,
  node: Node,
  rules: Rules,
  wanted: (keys: readonly ScheduledKey[], now: number, delays: Delays) => readonly Step[],
): void {
  const now = Math.max(ringTime(world), world.rows.latestEvent + 1, node.memory.now)
  let { keys, delay } = world.rows
  const own = node.settings.activationDelay
  const delays = { ...node.settings, activationDelay: delayInEffect(delay, own, now) }
  if (mustAnnounceDelay(delay, own, now)) delay = { seconds: own, announcedAt: now }
  const take = (steps: readonly Step[]) => {
    for (const step of steps) keys = applied(world, keys, step)
  }
  const before = keys
  const forgotten = rules.recover(world.rows, node.memory, now)
  take(forgotten)
  if (forgotten.length > 0) take(retirementsAfterRecovery(before, keys, now, delays))
  const settle = () => {
    for (let round = 0; ; round++) {
      const due = rules.due('ES256', keys, now, delays)
      if (due.length === 0) return
      if (round === 10) throw new Error(`The schedule does not reach a stable state: ${JSON.stringify(due)}`)
      take(due)
    }
  }
  settle()
  const steps = wanted(keys, now, { ...delays, activationDelay: delays.activationDelay * rules.rotationDelay })
  take(steps)
  if (steps.length > 0) settle()
  const { latestEvent, decisions } = world.rows
  world.rows = {
    keys,
    latestEvent: Math.max(latestEvent, now),
    decisions: Math.max(decisions, node.memory.decisions) + 1,
    delay,
  }
}

function applied(world: World, keys: readonly ScheduledKey[], step: Step): readonly ScheduledKey[] {
  const fresh = {
    alg: 'ES256' as const,
    longestLifetime: 0,
    sealedPrivateJwk: {},
    retiresAt: undefined,
    revokedAt: undefined,
  }
  const change = (kid: string, changes: (key: ScheduledKey) => Partial<ScheduledKey>) =>
    keys.map((key) => (key.kid === kid ? { ...key, ...changes(key) } : key))
  switch (step.what) {
    case 'create':
      world.kids++
      return [
        ...keys,
        { ...fresh, kid: `key-${world.kids}`, publishedAt: step.publishedAt, activatesAt: step.activatesAt },
      ]
    case 'import':
      return [...keys, { ...fresh, kid: step.kid, publishedAt: step.at, activatesAt: step.at }]
    case 'restore':
      return [...keys.filter(({ kid }) => kid !== step.key.kid), step.key]
    case 'postpone':
    case 'activate':
      return change(step.kid, () => ({ activatesAt: step.activatesAt }))
    case 'retire':
      return change(step.kid, ({ retiresAt = 0 }) => ({ retiresAt: Math.max(retiresAt, step.retiresAt) }))
    case 'revoke':
      return change(step.kid, () => ({ revokedAt: step.revokedAt, sealedPrivateJwk: undefined }))
    case 'extend':
      return covered(keys, step.longestLifetime, ringTime(world))
    case 'destroy':
      return change(step.kid, () => ({ sealedPrivateJwk: undefined }))
  }
}

function covered(keys: readonly ScheduledKey[], lifetime: number, now: number): readonly ScheduledKey[] {
  return keys.map((key) => {
    const isMeant = key.revokedAt === undefined && (key.retiresAt ?? Infinity) > now
    if (!isMeant || key.longestLifetime >= lifetime) return key
    const retiresAt = key.retiresAt && key.retiresAt + (lifetime - key.longestLifetime) * 1000
    return { ...key, longestLifetime: lifetime, retiresAt }
  })
}

function clocksAgree(world: World, node: Node): boolean {
  return Math.abs(node.offset - world.offset) <= node.settings.clockSkew * 1000 + 1000
}

/** `refresh` of the key ring. False if the database is unreachable, or its clock and this machine's disagree. */
export function refresh(world: World, node: Node, rules: Rules): boolean {
  if (node.cutOff || !clocksAgree(world, node)) return false
  const now = Math.max(ringTime(world), node.memory.now)
  // Whatever was settled remains so until a moment is reached or something is written.
  const isSettled = node.view.keys === world.rows.keys && now < node.view.until
  if (
    !isSettled
      ? isDue(world, node, rules, now)
      : mustAnnounceDelay(world.rows.delay, node.settings.activationDelay, now)
  )
    decide(world, node, rules, () => [])
  const { keys, decisions } = world.rows
  const { activatedAt, revokedAt } = node.ledger
  node.memory = { keys, now: Math.max(ringTime(world), node.memory.now), decisions, activatedAt, revokedAt }
  node.ringOffset = node.memory.now - world.now
  node.clockOffset = world.offset
  node.confirmedAt = world.now
  if (isSettled && node.view.keys === keys) return true
  node.view = look(keys, node.memory.now)
  for (const key of keys) if (key.revokedAt !== undefined) revokedAt.set(key.kid, key.revokedAt)
  noteActive(node)
  return true
}

function isDue({ rows }: World, { settings, memory }: Node, rules: Rules, now: number): boolean {
  const delays = { ...settings, activationDelay: delayInEffect(rows.delay, settings.activationDelay, now) }
  return (
    mustAnnounceDelay(rows.delay, settings.activationDelay, now) ||
    rules.recover(rows, memory, now).length > 0 ||
    rules.due('ES256', rows.keys, now, delays).length > 0
  )
}

function noteActive({ view, ledger }: Node): void {
  const { active } = view
  if (active && !ledger.activatedAt.has(active.kid)) ledger.activatedAt.set(active.kid, active.activatesAt)
}

/** `takeSnapshot` of the key ring. */
function look(keys: readonly ScheduledKey[], now: number): View {
  const states = keyStates(keys, now)
  const published = keys.filter((key) => isPublished(states.get(key) ?? 'retired'))
  let until = Infinity
  for (const { activatesAt, retiresAt = 0, revokedAt = 0 } of keys)
    for (const moment of [activatesAt, retiresAt, revokedAt]) if (moment > now && moment < until) until = moment
  return {
    keys,
    states,
    active: published.find((key) => states.get(key) === 'active'),
    published: new Set(published.map(({ kid }) => kid)),
    covered: Math.min(...published.map(({ longestLifetime }) => longestLifetime)),
    until,
  }
}

export const unread: View = look([], 0)

/** A node's view at this moment. */
export function viewOf(world: World, node: Node): View {
  const now = world.now + node.ringOffset
  if (now >= node.view.until) node.view = look(node.view.keys, now)
  return node.view
}

export interface Token {
  readonly kid: string
  /** By the database's clock, in milliseconds. */
  readonly expiresAt: number
}

/** `cover` and `sign` of the key ring. */
export function sign(world: World, node: Node, rules: Rules): Token | undefined {
  const { lifetime, keyLease } = node.settings
  if (world.now - node.confirmedAt >= (keyLease + rules.overstay) * 1000) return undefined
  if (viewOf(world, node).covered < lifetime) {
    if (node.cutOff || !clocksAgree(world, node)) return undefined
    decide(world, node, rules, () => [{ what: 'extend', longestLifetime: lifetime }])
    if (!refresh(world, node, rules)) return undefined
  }
  const { active } = viewOf(world, node)
  return active && { kid: active.kid, expiresAt: world.now + node.clockOffset + lifetime * 1000 }
}
