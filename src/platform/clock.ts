/** This machine's clocks, in milliseconds: the one that can be set, and the one that stands still while the machine is suspended. */
export interface MachineClocks {
  wall(): number
  monotonic(): number
}

/** What both clocks said at one moment. */
export interface Moment {
  readonly wall: number
  readonly monotonic: number
}

export const machineClocks: MachineClocks = { wall: () => Date.now(), monotonic: () => performance.now() }

export function momentOf(clocks: MachineClocks): Moment {
  return { wall: clocks.wall(), monotonic: clocks.monotonic() }
}

/**
 * How long ago a moment was, in milliseconds. Neither clock can be trusted alone: a jump of the wall clock looks like a suspension, and
 * a suspension like a jump.
 *
 * @returns `atMost` by the clock that has gone further; `apart`, by how much the wall clock has gone further than the other one, which is
 *   negative where it was set back. Where the clocks are apart only the database can tell what the time is.
 */
export function since(moment: Moment, clocks: MachineClocks): { readonly atMost: number; readonly apart: number } {
  const wall = clocks.wall() - moment.wall
  const monotonic = clocks.monotonic() - moment.monotonic
  return { atMost: Math.max(wall, monotonic), apart: wall - monotonic }
}

/** The time that all nodes share: the database's. */
export interface Clock {
  /** Milliseconds since 1970. Goes back only where the time was wrong by more than a second. */
  now(): number
  /** Whole seconds since 1970, as JWTs have them (RFC 7519 §2, NumericDate). */
  seconds(): number
  /**
   * Takes note of what the database's clock said, in milliseconds since 1970.
   *
   * @param asked when the database was asked; now, unless given. It read its clock between that moment and this one.
   */
  observe(databaseNow: number, asked?: Moment): void
}

/** Milliseconds. Corrections are mostly smaller; the clock stands still for so long rather than go back. */
const jitter = 1_000

/**
 * Runs on this machine's clock until the database's has been seen, then on the database's. Nodes whose own clocks differ thus
 * agree on whether a sign-in came before or after a request.
 *
 * Between two observations the clock that has gone further counts, so that a machine that was suspended gives out no old time. After a
 * jump of the wall clock the time is ahead, until the jump is put right or the database has been asked; whether this node may sign
 * meanwhile is for the lease of the keys to say (`key-ring/lease.ts`).
 */
export function createClock(clocks: MachineClocks = machineClocks): Clock {
  let base = clocks.wall()
  let baseMoment = momentOf(clocks)
  let latest = base

  const estimate = () => base + since(baseMoment, clocks).atMost
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
      // What fits the answer stays: a slow answer says less than the quick one before it.
      base = Math.min(Math.max(estimate(), databaseNow), databaseNow + took)
      baseMoment = answered
    },
  }
}
