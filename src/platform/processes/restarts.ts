/** What is known of the processes of a group that have ended. */
export interface Restarts {
  /** Processes in a row that ended soon after their start, or did not start at all. */
  readonly failures: number
  /** Those of them, in a row, that did not start. */
  readonly failedStarts: number
}

export const noRestarts: Restarts = { failures: 0, failedStarts: 0 }

/** Milliseconds. */
const [firstDelay, lastDelay] = [1_000, 30_000]
/** Milliseconds that a process must have served for its end to count as an exception. */
const longEnough = 60_000
/** If no other worker serves either, the group ends after this many failures, so that its supervisor notices. */
const maxFailedStarts = 3

/** @param served milliseconds for which the process that ended has served; undefined: it did not start */
export function afterEnd({ failures, failedStarts }: Restarts, served: number | undefined): Restarts {
  if (served === undefined) return { failures: failures + 1, failedStarts: failedStarts + 1 }
  return { failures: served >= longEnough ? 0 : failures + 1, failedStarts: 0 }
}

/** A process has started, so the reason why others could not is gone. */
export function afterStart({ failures }: Restarts): Restarts {
  return { failures, failedStarts: 0 }
}

/** Milliseconds to wait before the next process is started. A first failure is made good at once. */
export function delayOf({ failures }: Restarts): number {
  return failures <= 1 ? 0 : Math.min(firstDelay * 2 ** (failures - 2), lastDelay)
}

/** @param serving how many others serve */
export function isHopeless({ failedStarts }: Restarts, serving: number): boolean {
  return serving === 0 && failedStarts >= maxFailedStarts
}
