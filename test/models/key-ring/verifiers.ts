/** How a verifier caches the set. Durations in milliseconds. */
export interface VerifierKind {
  readonly name: string
  /** How long it keeps using a set, given the max-age of the response. */
  readonly keeps: (maxAge: number) => number
  /** Fetches again for an unknown kid if the last fetch was at least this long ago. */
  readonly cooldown: number | undefined
  /** Fetches through a cache that serves its copy for max-age, and for as long again while it revalidates. */
  readonly behindCache: boolean
}

const [minute, hour] = [60_000, 3_600_000]

/** The existing kinds, all within SIGNET_VERIFIER_CACHE = 24h. */
export const verifierKinds: readonly VerifierKind[] = [
  { name: 'obeys max-age', keeps: (maxAge) => maxAge, cooldown: undefined, behindCache: false },
  { name: 'fixed 5 minutes', keeps: () => 5 * minute, cooldown: undefined, behindCache: false },
  { name: 'fixed 12 hours', keeps: () => 12 * hour, cooldown: undefined, behindCache: false },
  { name: 'unknown kid, with a cooldown', keeps: () => 10 * hour, cooldown: 30_000, behindCache: false },
  {
    name: 'only at expiry, stale while revalidating',
    keeps: (maxAge) => 2 * maxAge,
    cooldown: undefined,
    behindCache: true,
  },
  { name: 'reads at start, restarts every 24 hours', keeps: () => 24 * hour, cooldown: undefined, behindCache: false },
  { name: 'fixed 24 hours, behind a cache', keeps: () => 24 * hour, cooldown: undefined, behindCache: true },
]

/** A set in transit. */
export interface FetchedSet {
  readonly kids: ReadonlySet<string>
  /** Milliseconds. */
  readonly maxAge: number
}

/** The holder of a set, and since when; true times. */
export interface Holder {
  set: FetchedSet | undefined
  fetchedAt: number
}

export interface Verifier extends Holder {
  readonly kind: VerifierKind
}

/**
 * Whether the verifier knows the kid at this moment, after any fetch that it makes for it. A verifier that could never fetch cannot refuse
 * our tokens.
 *
 * @param cache the cache between it and the nodes, if any
 * @param fetch gets the set from a node
 */
export function knows(
  verifier: Verifier,
  kid: string,
  now: number,
  cache: Holder,
  fetch: () => FetchedSet | undefined,
): boolean {
  const { kind } = verifier
  if (!verifier.set || now - verifier.fetchedAt >= kind.keeps(verifier.set.maxAge)) renew(verifier, now, cache, fetch)
  if (!verifier.set || verifier.set.kids.has(kid)) return true
  if (kind.cooldown === undefined || now - verifier.fetchedAt < kind.cooldown) return false
  renew(verifier, now, cache, fetch)
  return verifier.set.kids.has(kid)
}

function renew(verifier: Verifier, now: number, cache: Holder, fetch: () => FetchedSet | undefined): void {
  if (verifier.kind.behindCache && (!cache.set || now - cache.fetchedAt >= 2 * cache.set.maxAge))
    hold(cache, fetch(), now)
  // What a cache serves may be old, and yet is stored as of now.
  hold(verifier, verifier.kind.behindCache ? cache.set : fetch(), now)
}

function hold(holder: Holder, set: FetchedSet | undefined, now: number): void {
  if (!set) return
  holder.set = set
  holder.fetchedAt = now
}
