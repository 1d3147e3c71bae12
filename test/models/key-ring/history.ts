import { rotate, type ScheduledKey } from '../../../src/key-ring/rotation.ts'
import { keyStates } from '../../../src/key-ring/schedule.ts'
import { type FetchedSet, type Holder, knows, type Verifier, verifierKinds } from './verifiers.ts'
import {
  decide,
  type Node,
  type NodeSettings,
  type Rows,
  type Rules,
  refresh,
  ringTime,
  sign,
  type Token,
  unread,
  viewOf,
  type World,
} from './world.ts'

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]

/** Settings that nodes are started with, in seconds. */
const settings: readonly NodeSettings[] = [
  nodeSettings({ rotationPeriod: 5 * 86_400, maxAge: 300, lifetime: 900 }),
  nodeSettings({ rotationPeriod: 3 * 86_400, maxAge: 300, lifetime: 3_600 }),
  nodeSettings({ rotationPeriod: 5 * 86_400, maxAge: 3_600, lifetime: 900 }),
  nodeSettings({ rotationPeriod: 4 * 86_400, maxAge: 60, lifetime: 60 }),
]

function nodeSettings(own: Pick<NodeSettings, 'rotationPeriod' | 'maxAge' | 'lifetime'>): NodeSettings {
  const clockSkew = 60
  const keyLease = 60
  return { ...own, clockSkew, keyLease, activationDelay: 2 * own.maxAge + 86_400 + clockSkew + keyLease }
}

const longestDelay = Math.max(...settings.map(({ activationDelay }) => activationDelay)) * second
const shortestPeriod = Math.min(...settings.map(({ rotationPeriod }) => rotationPeriod)) * second
const lease = 60 * second
const skew = 60 * second
/** How far the database's clock may be off without having jumped. */
const drift = 30 * second

/** Steps in time, from a heartbeat to a day. */
const pauses = [
  second,
  10 * second,
  20 * second,
  59 * second,
  minute,
  5 * minute,
  17 * minute,
  hour,
  6 * hour,
  12 * hour,
  23 * hour,
  day,
]
/** Clock offsets within the allowed skew, and two that have jumped. */
const offsets = [0, drift, -drift, 0, 20 * second, day, -day]

/** What went wrong, in words; undefined if nothing did. */
export type Finding = string | undefined

/**
 * Runs one history: every two bytes are one event.
 *
 * @returns the first violated property
 */
export function live(history: Uint8Array, rules: Rules): Finding {
  const world = newWorld()
  const verifiers = verifierKinds.map((kind): Verifier => ({ kind, set: undefined, fetchedAt: 0 }))
  const cache: Holder = { set: undefined, fetchedAt: 0 }
  let tokens: Token[] = []
  for (const node of world.nodes) refresh(world, node, rules)
  world.excusedUntil = world.now + longestDelay
  let backup = world.rows

  for (let index = 0; index + 1 < history.length; index += 2) {
    const [what = 0, which = 0] = [history[index], history[index + 1]]
    const node = world.nodes[which % world.nodes.length] as Node
    switch (what % 20) {
      case 8:
      case 9:
        if (node.up) refresh(world, node, rules)
        break
      case 10:
        operate(world, node, rules, (keys, now, delays) => rotate(keys, 'ES256', now, delays, false)?.decisions ?? [])
        break
      case 11:
        if (
          which < 64 &&
          operate(world, node, rules, (keys, now, delays) => rotate(keys, 'ES256', now, delays, true)?.decisions ?? [])
        )
          excuseEarly(world)
        break
      case 12:
        revoke(world, node, rules, which)
        break
      case 13:
        if (which < 64) importKey(world, node, rules, `import-${index}`, [...verifiers, cache])
        break
      case 14:
        node.up = !node.up
        if (node.up) start(world, node, settings[(which >> 2) % settings.length] as NodeSettings, rules)
        break
      case 15:
        node.cutOff = !node.cutOff
        break
      case 16:
        backup = world.rows
        break
      case 17:
        restore(world, backup, rules)
        break
      case 18:
        world.offset = offsets[which % offsets.length] as number
        break
      case 19:
        node.offset = offsets[which % 5] as number
        break
      default:
        wait(world, pauses[which % pauses.length] as number, rules)
    }
    // A verifier with a slow clock accepts them until then, but its clock differs from the database's by no more than the skew.
    tokens = tokens.filter(({ expiresAt }) => expiresAt + skew - drift > world.now).slice(-6)
    const finding = invariants(world, rules) ?? issueAndVerify(world, verifiers, cache, tokens, rules)
    if (finding) return `${finding} (step ${index / 2})`
  }
  return undefined
}

function newWorld(): World {
  const node = (own: NodeSettings): Node => {
    const ledger = { activatedAt: new Map<string, number>(), revokedAt: new Map<string, number>() }
    const memory = { keys: [], now: 0, decisions: 0, ...ledger }
    const never = { view: unread, ringOffset: 0, clockOffset: 0, confirmedAt: -Infinity }
    return { up: true, cutOff: false, settings: own, offset: 0, ledger, memory, ...never }
  }
  return {
    now: 1_000 * day,
    rows: { keys: [], latestEvent: 0, decisions: 0, delay: { seconds: 0, announcedAt: 0 } },
    offset: 0,
    nodes: [node(settings[0] as NodeSettings), node(settings[1] as NodeSettings)],
    kids: 0,
    revokedAt: new Map(),
    early: new Map(),
    excusedUntil: 0,
    lastTended: 1_000 * day,
  }
}

/** Lets time pass. At the end, running nodes read the keys. They would also do so in between; not reading is the harder case. */
function wait(world: World, pause: number, rules: Rules): void {
  world.now += pause
  if (pause <= lease / 3) return
  for (const node of world.nodes) if (node.up) refresh(world, node, rules)
}

function start(world: World, node: Node, own: NodeSettings, rules: Rules): void {
  const longer = own.activationDelay > node.settings.activationDelay
  node.settings = own
  node.memory = { keys: [], now: 0, decisions: 0, ...node.ledger }
  node.view = unread
  node.confirmedAt = -Infinity
  node.up = refresh(world, node, rules)
  noteRevocations(world)
  // From now on keys take longer to become ripe.
  if (longer) excuse(world)
}

/** No ripe standby is promised until the standbys have ripened. Twice the delay, because the ring's clock may stand still meanwhile. */
function excuse(world: World): void {
  world.excusedUntil = Math.max(world.excusedUntil, world.now + longestDelay + 2 * minute)
}

/**
 * An operator makes a key sign immediately. If the key was not ripe, verifiers may refuse it until it would have been: the operator was
 * warned.
 */
function excuseEarly(world: World): void {
  excuse(world)
  for (const [key, state] of keyStates(world.rows.keys, ringTime(world)))
    if (state === 'active' && key.publishedAt + longestDelay > world.now)
      world.early.set(key.kid, key.publishedAt + longestDelay + 2 * minute)
}

function operate(world: World, node: Node, rules: Rules, wanted: Parameters<typeof decide>[3]): boolean {
  if (!node.up || !refresh(world, node, rules)) return false
  decide(world, node, rules, wanted)
  refresh(world, node, rules)
  return true
}

function revoke(world: World, node: Node, rules: Rules, which: number): void {
  if (!node.up || !refresh(world, node, rules)) return
  const candidates = [...keyStates(world.rows.keys, ringTime(world))].filter(
    ([, state]) => state === 'active' || state === 'standby',
  )
  const [key] = candidates[(which >> 1) % candidates.length] ?? []
  if (!key) return
  node.ledger.revokedAt.set(key.kid, ringTime(world))
  // The process died between the keys directory and the database: the key counts once a node opens that directory again.
  if (which >= 224) {
    node.up = false
    return
  }
  operate(world, node, rules, (_keys, now) => [{ what: 'revoke', kid: key.kid, revokedAt: now }])
  noteRevocations(world)
}

function noteRevocations(world: World): void {
  for (const { kid, revokedAt } of world.rows.keys) {
    if (revokedAt === undefined || world.revokedAt.has(kid)) continue
    world.revokedAt.set(kid, world.now)
    excuseEarly(world)
  }
}

/** A team moves its issuer here. Its verifiers know the key from the previous issuer; all nodes know it before they are asked. */
function importKey(world: World, node: Node, rules: Rules, kid: string, holders: readonly Holder[]): void {
  if (!operate(world, node, rules, (_keys, now) => [{ what: 'import', kid, at: now }])) return
  for (const other of world.nodes) if (other.up && !refresh(world, other, rules)) other.up = false
  for (const holder of holders) if (holder.set) holder.set = { ...holder.set, kids: new Set([...holder.set.kids, kid]) }
}

/**
 * The database is restored from a backup. Before it is used, a node that remembers what has happened since then writes it back, as the
 * restore instructions require. If no node remembers, keys and revocations since the backup are lost with it.
 */
function restore(world: World, rows: Rows, rules: Rules): void {
  const node = world.nodes.find((one) => one.up && refresh(world, one, rules))
  if (!node) return
  world.rows = rows
  refresh(world, node, rules)
  excuse(world)
}

function invariants(world: World, rules: Rules): Finding {
  const node = world.nodes.find((one) => one.up && !one.cutOff && one.confirmedAt === world.now)
  if (!node) return undefined
  // Without a node that replenishes them, the standbys run out: after one period at the earliest, minus how long the first of them was
  // postponed.
  if (world.now - world.lastTended > shortestPeriod - longestDelay) excuse(world)
  world.lastTended = world.now
  const now = world.now + node.ringOffset
  const { states } = viewOf(world, node)
  let active = 0
  for (const state of states.values()) if (state === 'active') active++
  if (active !== 1) return `${active} keys are active`
  if (rules.standbyIsChecked && world.now > world.excusedUntil && !hasRipeStandby(states, now))
    return 'no standby is ripe'
  return undefined
}

function hasRipeStandby(states: ReadonlyMap<ScheduledKey, string>, now: number): boolean {
  // The shortest of the delays applies: which one is in force depends on the nodes.
  const delay = Math.min(...settings.map(({ activationDelay }) => activationDelay)) * second
  for (const [key, state] of states) if (state === 'standby' && key.publishedAt + delay <= now) return true
  return false
}

function issueAndVerify(
  world: World,
  verifiers: readonly Verifier[],
  cache: Holder,
  tokens: Token[],
  rules: Rules,
): Finding {
  for (const node of world.nodes) {
    const token = node.up ? sign(world, node, rules) : undefined
    if (!token) continue
    const revokedAt = world.revokedAt.get(token.kid)
    if (revokedAt !== undefined && world.now > revokedAt + lease + second) return 'a node signs with a revoked key'
    tokens.push(token)
  }
  let fetched: FetchedSet | undefined
  const fetch = () => {
    const node = world.nodes.find(({ up, confirmedAt }) => up && world.now - confirmedAt < lease)
    fetched ??= node && { kids: viewOf(world, node).published, maxAge: node.settings.maxAge * second }
    return fetched
  }
  for (const token of tokens) {
    const isEarly = world.now < (world.early.get(token.kid) ?? 0)
    for (const verifier of verifiers) {
      const isKnown = knows(verifier, token.kid, world.now, cache, fetch)
      const revokedAt = world.revokedAt.get(token.kid)
      if (revokedAt === undefined && !isKnown && !isEarly) return `"${verifier.kind.name}" refuses a genuine token`
      if (revokedAt !== undefined && isKnown && world.now > revokedAt + longestDelay)
        return `"${verifier.kind.name}" accepts a token of a revoked key`
    }
  }
  return undefined
}
