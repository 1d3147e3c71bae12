import { elapsedSince, type MachineClocks, type Moment, machineClocks, momentOf } from '../platform/clock.ts'
import { SigningUnavailable } from '../platform/jwt/sign.ts'

/** This machine's clock and the database's are further apart than any two clocks may be. */
export class ClocksDisagree extends SigningUnavailable {
  constructor(seconds: number, clockSkew: number) {
    super(
      `This machine's clock is ${Math.abs(seconds).toFixed(1)} s ${seconds > 0 ? 'ahead of' : 'behind'} the database's, and ` +
        `SIGNET_CLOCK_SKEW allows ${clockSkew} s. Set both by NTP. Until then this node does not sign: its tokens would be dated ` +
        'wrongly, and a clock that has jumped would have keys sign before verifiers know them.',
    )
    this.name = 'ClocksDisagree'
  }
}

/** Milliseconds that are always allowed: what a clock is set by, and how finely it is read. */
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
 * @param databaseClock what the database's clock said
 * @param asked what this machine's clock said before and after it was asked
 * @param clockSkew seconds
 * @throws ClocksDisagree
 */
export function demandAgreement(
  databaseClock: number,
  asked: { readonly from: number; readonly to: number },
  clockSkew: number,
): void {
  let ahead = 0
  if (databaseClock < asked.from) ahead = asked.from - databaseClock
  if (databaseClock > asked.to) ahead = asked.to - databaseClock
  if (Math.abs(ahead) > allowedDifference(clockSkew)) throw new ClocksDisagree(ahead / 1000, clockSkew)
}

/** How long a confirmation of the keys, and of the time, by the database is good for. */
export interface Lease {
  /** To be called at once when the answer has come. @param asked when the database was asked; its answer may be as old as that */
  confirm(asked: Moment): void
  /** The database's clock and this machine's are known to disagree: the lease is over until the next confirmation. */
  end(): void
  /** Whether this node can tell the time: its clocks agree with each other about how long ago they agreed with the database's. */
  knowsTime(): boolean
  /** Why this node must not sign now; undefined where it may. */
  fault(): string | undefined
}

/**
 * A lease by both of a machine's clocks. It is over when either says so, and also while they disagree about how long ago the database was
 * asked: then the wall clock was set or the machine was suspended, nobody here can tell which, and tokens would be dated wrongly.
 *
 * Where both clocks stood still for as long, as those of a paused virtual machine do, nothing can be noticed before the next question.
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
      // Of an answer that came across a suspension nobody knows how old it is.
      confirmed = isApart(asked) ? undefined : { asked, answered: momentOf(clocks) }
    },
    end: () => {
      confirmed = undefined
    },
    knowsTime: () => confirmed !== undefined && !isApart(confirmed.answered),
    fault: () => {
      if (!confirmed) return "This machine's clock and the database's disagree, or could not be compared."
      if (isApart(confirmed.answered))
        return "This machine's clock was set, or the machine was suspended; the database has not been asked for the time since."
      if (elapsedSince(confirmed.asked, clocks).elapsed >= keyLease * 1000)
        return 'The signing keys could not be confirmed with the database within the lease.'
      return undefined
    },
  }
}

/** Milliseconds by which the clocks of a machine may come apart before the database is asked at once. */
const noticed = 1_000

/**
 * Asks the database soon after this machine's clock was set, forward, back or right again, and after the machine was suspended, rather
 * than in a third of a lease.
 *
 * @param asked when the database was last asked
 * @param ask asks; a rejection is its own to report
 * @param every milliseconds between two looks at the clocks
 * @returns ends it
 */
export function watchClocks(
  asked: () => Moment,
  ask: () => void,
  every: number,
  clocks: MachineClocks = machineClocks,
): () => void {
  const timer = setInterval(() => {
    if (Math.abs(elapsedSince(asked(), clocks).drift) > noticed) ask()
  }, every)
  timer.unref()
  return () => clearInterval(timer)
}
