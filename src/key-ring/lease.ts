import { type MachineClocks, type Moment, machineClocks, momentOf, since } from '../platform/clock.ts'
import { allowedDifference } from './clock-agreement.ts'

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
  const isApart = (moment: Moment) => Math.abs(since(moment, clocks).apart) > allowedDifference(clockSkew)
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
      if (since(confirmed.asked, clocks).atMost >= keyLease * 1000)
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
    if (Math.abs(since(asked(), clocks).apart) > noticed) ask()
  }, every)
  timer.unref()
  return () => clearInterval(timer)
}
