/** How a verifier keeps the set. Durations in milliseconds. */
export interface VerifierKind {
  readonly name: string
  /** How long it goes on with a set, given the max-age of the answer. */
  readonly keeps: (maxAge: number) => number
  /** Fetches anew for a kid that it does not know, if the last fetch is as long ago as this. */
  readonly cooldown: number | undefined
  /** Fetches through a cache that hands out what it has for max-age, and as long again while it asks. */
  readonly behindCache: boolean
}

const [minute, hour] = [60_000, 3_600_000]

/** The kinds that exist, all within SIGNET_VERIFIER_CACHE = 24h. */
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

/** A set on its way. */
export interface FetchedSet {
  readonly kids: ReadonlySet<string>
  /** Milliseconds. */
  readonly maxAge: number
}

/** Who holds a set, and since when; true times. */
export interface Holder {
  set: FetchedSet | undefined
  fetchedAt: number
}

export interface Verifier extends Holder {
  readonly kind: VerifierKind
}

/**
 * Whether the verifier knows the kid at this moment, after whatever it fetches for it. Who could never fetch refuses nothing of ours.
 *
 * @param cache what stands between it and the nodes, where something does
 * @param fetch the set from a node
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
  // What a cache hands out may be old, and is kept from now on all the same.
  hold(verifier, verifier.kind.behindCache ? cache.set : fetch(), now)
}

function hold(holder: Holder, set: FetchedSet | undefined, now: number): void {
  if (!set) return
  holder.set = set
  holder.fetchedAt = now
}
