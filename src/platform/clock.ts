/** The time that all nodes share: the database's. */
export interface Clock {
  /** Milliseconds since 1970, never going back. */
  now(): number
  /** Whole seconds since 1970, as JWTs have them (RFC 7519 §2, NumericDate). */
  seconds(): number
  /** Takes note of what the database's clock says at this moment, in milliseconds since 1970. */
  observe(databaseNow: number): void
}

/**
 * Runs on this machine's clock until the database's has been seen, then on the database's. Nodes whose own clocks differ thus
 * agree on whether a sign-in came before or after a request. Between two observations the longer of the monotonic clock and
 * the wall clock counts, for the monotonic one stands still while a machine is suspended.
 */
export function createClock(wall: () => number = Date.now, monotonic: () => number = () => performance.now()): Clock {
  let base = wall()
  let atWall = base
  let atMonotonic = monotonic()
  let latest = base

  const now = () => {
    const elapsed = Math.max(wall() - atWall, monotonic() - atMonotonic)
    latest = Math.max(latest, Math.round(base + elapsed))
    return latest
  }
  return {
    now,
    seconds: () => Math.floor(now() / 1000),
    observe: (databaseNow) => {
      base = databaseNow
      atWall = wall()
      atMonotonic = monotonic()
    },
  }
}
