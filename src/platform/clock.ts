/** This machine's clocks, in milliseconds: the wall clock, which can be set, and the monotonic clock, which stops while the machine is suspended. */
export interface MachineClocks {
  wall(): number
  monotonic(): number
}

/** Both clocks, read at one moment. */
export interface Moment {
  readonly wall: number
  readonly monotonic: number
}

export const machineClocks: MachineClocks = { wall: () => Date.now(), monotonic: () => performance.now() }

export function momentOf(clocks: MachineClocks): Moment {
  return { wall: clocks.wall(), monotonic: clocks.monotonic() }
}

/** Milliseconds from the start of the machine's monotonic clock, which all its processes read, to the start of the one of this process. */
const monotonicStart = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** A moment of this process's `machineClocks`, in a form that another process of this machine can read with `momentFromMachine`. */
export function momentForMachine({ wall, monotonic }: Moment): Moment {
  return { wall, monotonic: monotonic + monotonicStart }
}

export function momentFromMachine({ wall, monotonic }: Moment): Moment {
  return { wall, monotonic: monotonic - monotonicStart }
}

/**
 * The time elapsed since a moment, in milliseconds. Neither clock can be trusted alone: a jump of the wall clock looks like a suspension, and
 * a suspension looks like a jump.
 *
 * @returns `elapsed`: by the clock that advanced further. `drift`: how much further the wall clock advanced than the monotonic one, negative
 *   if it was set back. If the clocks have drifted apart, only the database knows the time.
 */
export function elapsedSince(
  moment: Moment,
  clocks: MachineClocks,
): { readonly elapsed: number; readonly drift: number } {
  const wall = clocks.wall() - moment.wall
  const monotonic = clocks.monotonic() - moment.monotonic
  return { elapsed: Math.max(wall, monotonic), drift: wall - monotonic }
}

/** The time that all nodes share: that of the database. */
export interface Clock {
  /** Milliseconds since 1970. Goes back only if the time was wrong by more than a second. */
  now(): number
  /** Whole seconds since 1970, as in JWTs (RFC 7519 §2, NumericDate). */
  seconds(): number
  /**
   * Sets the clock by the database's.
   *
   * @param databaseNow milliseconds since 1970
   * @param asked when the query was sent; default now. The database read its clock between that moment and this one
   */
  observe(databaseNow: number, asked?: Moment): void
}

/** Milliseconds. Most corrections are smaller than this. For those, the clock stops instead of going back. */
const jitter = 1_000

/**
 * Follows this machine's clock until the database's has been observed, and then the database's. Nodes whose own clocks differ therefore
 * agree on whether a sign-in came before or after a request.
 *
 * Between two observations, the machine clock that advanced further counts, so that the time is not behind after a suspension. After a
 * jump of the wall clock the time is ahead until the jump is corrected or the database is asked. Whether this node may sign in the
 * meantime is decided by the lease on the keys (`key-ring/lease.ts`).
 */
export function createClock(clocks: MachineClocks = machineClocks): Clock {
  let base = clocks.wall()
  let baseMoment = momentOf(clocks)
  let latest = base

  const estimate = () => base + elapsedSince(baseMoment, clocks).elapsed
  const now = () => {
    const time = Math.round(estimate())
    if (time >= latest || latest - time > jitter) latest = time
    return latest
  }
  return {
    now,
    seconds: () => Math.floor(now() / 1000),
    observe: (databaseNow, asked) => {
      const answered = momentOf(clocks)
      const took = Math.max(0, answered.monotonic - (asked ?? answered).monotonic)
      // An estimate that is consistent with the answer is kept: a slow answer is less precise than a quick one before it.
      base = Math.min(Math.max(estimate(), databaseNow), databaseNow + took)
      baseMoment = answered
    },
  }
}
