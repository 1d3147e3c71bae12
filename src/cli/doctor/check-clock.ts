import { bad, type Check, type Finding, good, warning } from './finding.ts'

/** One reading of another clock. All times in milliseconds since 1970. */
export interface ClockReading {
  /** By this machine's clock, before the request and after the response. */
  readonly sentAt: number
  readonly receivedAt: number
  /** The time of the other clock. */
  readonly otherClock: number
  /** Milliseconds. A Date header has a resolution of one second. */
  readonly resolution?: number
}

/** Milliseconds. Synchronized clocks differ by less than this. */
const tolerance = 2_000

/**
 * Compares another clock with this machine's. The other clock is assumed to have been read in the middle of the round trip. Half of the
 * round trip is allowed for, because the real moment is not known.
 *
 * @param clockSkew SIGNET_CLOCK_SKEW, in seconds: the difference that verifiers and keys tolerate
 */
export function judgeClock(check: Check, name: string, reading: ClockReading, clockSkew: number): Finding {
  const { sentAt, receivedAt, otherClock, resolution = 0 } = reading
  const difference = otherClock + resolution / 2 - (sentAt + receivedAt) / 2
  const certain = Math.abs(difference) - (receivedAt - sentAt + resolution) / 2
  const finding = `${name} is ${(Math.abs(difference) / 1000).toFixed(1)} s ${difference < 0 ? 'behind' : 'ahead of'} this machine's clock`
  const advice = "Synchronize the clocks of both machines with NTP ('timedatectl' shows the status)."
  if (certain > Math.max(clockSkew * 1000, tolerance))
    return bad(check, `${finding}, more than SIGNET_CLOCK_SKEW allows: tokens are refused as not yet valid.`, advice)
  if (certain > tolerance) return warning(check, `${finding}.`, advice)
  return good(check, `${name} and this machine's clock agree.`)
}
