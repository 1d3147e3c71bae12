import { elapsedSince, type MachineClocks, type Moment, machineClocks, momentOf } from '../platform/clock.ts'
import { SigningUnavailable } from '../platform/jwt/sign.ts'

/** This machine's clock and the database's differ by more than is allowed. */
export class ClocksDisagree extends SigningUnavailable {
  constructor(seconds: number, clockSkew: number) {
    super(
      `This machine's clock is ${Math.abs(seconds).toFixed(1)} s ${seconds > 0 ? 'ahead of' : 'behind'} the database's, but ` +
        `SIGNET_CLOCK_SKEW allows only ${clockSkew} s. Signing is disabled until the clocks agree: tokens would have wrong dates, ` +
        'and keys could sign before verifiers know them. Check NTP on both machines.',
    )
    this.name = 'ClocksDisagree'
  }
}

/** Milliseconds that are always allowed, for small corrections of a clock and the precision of reading it. */
const tolerance = 1_000

/**
 * Milliseconds by which two clocks may differ.
 *
 * @param clockSkew seconds
 */
export function allowedDifference(clockSkew: number): number {
  return clockSkew * 1000 + tolerance
}

/**
 * @param databaseClock the time of the database's clock
 * @param asked the time of this machine's clock before and after the query
 * @param clockSkew seconds
 * @throws ClocksDisagree
 */
export function assertClocksAgree(
  databaseClock: number,
  asked: { readonly from: number; readonly to: number },
  clockSkew: number,
): void {
  let ahead = 0
  if (databaseClock < asked.from) ahead = asked.from - databaseClock
  if (databaseClock > asked.to) ahead = asked.to - databaseClock
  if (Math.abs(ahead) > allowedDifference(clockSkew)) throw new ClocksDisagree(ahead / 1000, clockSkew)
}

/** Limits how long a node may rely on the keys and the time that the database confirmed. */
export interface Lease {
  /** Call it immediately when the answer has arrived. @param asked when the query was sent; the answer may be as old as that */
  confirm(asked: Moment): void
  /** Ends the lease until the next confirmation, because the database's clock and this machine's disagree. */
  end(): void
  /** Whether this node knows the time: its two clocks agree on how long ago it was confirmed by the database. */
  knowsTime(): boolean
  /** Why this node may not sign now; undefined if it may. */
  fault(): string | undefined
}

/**
 * Creates a lease that uses both of a machine's clocks. It has expired if either clock says so, and also while they disagree on how long ago
 * the database was asked. In that case the wall clock was set or the machine was suspended. This node cannot tell which, and tokens would be
 * dated wrongly.
 *
 * If both clocks stopped, as in a paused virtual machine, this cannot be noticed before the next query.
 *
 * @param keyLease seconds
 * @param clockSkew seconds
 */
export function createLease(
  { keyLease, clockSkew }: { readonly keyLease: number; readonly clockSkew: number },
  clocks: MachineClocks = machineClocks,
): Lease {
  let confirmed: { readonly asked: Moment; readonly answered: Moment } | undefined
  const isApart = (moment: Moment) => Math.abs(elapsedSince(moment, clocks).drift) > allowedDifference(clockSkew)
  return {
    confirm: (asked) => {
      // The age of an answer is unknown if the machine was suspended while waiting for it.
      confirmed = isApart(asked) ? undefined : { asked, answered: momentOf(clocks) }
    },
    end: () => {
      confirmed = undefined
    },
    knowsTime: () => confirmed !== undefined && !isApart(confirmed.answered),
    fault: () => {
      if (!confirmed) return "This machine's clock and the database's disagree, or could not be compared."
      if (isApart(confirmed.answered))
        return "This machine's clock was set, or the machine was suspended, and the time has not been confirmed with the database since then."
      if (elapsedSince(confirmed.asked, clocks).elapsed >= keyLease * 1000)
        return 'The signing keys could not be confirmed with the database within the lease.'
      return undefined
    },
  }
}

/** Milliseconds by which the clocks of a machine may drift apart before the database is asked immediately. */
const driftThreshold = 1_000

/**
 * Queries the database soon after this machine's clock was set, forward, back or to the right time, and after the machine was suspended,
 * instead of at the next regular query, a third of a lease later.
 *
 * @param asked when the database was last asked
 * @param ask sends the query, and handles its own errors
 * @param every milliseconds between two checks of the clocks
 * @returns stops the checks
 */
export function watchClocks(
  asked: () => Moment,
  ask: () => void,
  every: number,
  clocks: MachineClocks = machineClocks,
): () => void {
  const timer = setInterval(() => {
    if (Math.abs(elapsedSince(asked(), clocks).drift) > driftThreshold) ask()
  }, every)
  timer.unref()
  return () => clearInterval(timer)
}
