import { bad, type Check, type Finding, good, warning } from './finding.ts'

/** One look at another clock. All in milliseconds since 1970. */
export interface ClockReading {
  /** By this machine's clock, before the question and after the answer. */
  readonly asked: number
  readonly answered: number
  /** What the other clock said. */
  readonly said: number
  /** How coarse it speaks: a Date header has whole seconds. */
  readonly resolution?: number
}

/** Milliseconds. Clocks that are kept in step are not this far apart. */
const worthTelling = 2_000

/**
 * Holds another clock against this machine's: the answer is taken to be from the middle of the round trip, and what the round trip
 * leaves open is in its favour.
 *
 * @param clockSkew SIGNET_CLOCK_SKEW, in seconds: what verifiers and keys allow for
 */
export function judgeClock(check: Check, whose: string, reading: ClockReading, clockSkew: number): Finding {
  const { asked, answered, said, resolution = 0 } = reading
  const difference = said + resolution / 2 - (asked + answered) / 2
  const certain = Math.abs(difference) - (answered - asked + resolution) / 2
  const words = `${whose} is ${(Math.abs(difference) / 1000).toFixed(1)} s ${difference < 0 ? 'behind' : 'ahead of'} this machine's clock`
  const advice = "Let both machines keep their clocks by NTP ('timedatectl' says whether they do)."
  if (certain > Math.max(clockSkew * 1000, worthTelling))
    return bad(check, `${words}, more than SIGNET_CLOCK_SKEW allows for: tokens are refused as not valid yet.`, advice)
  if (certain > worthTelling) return warning(check, `${words}.`, advice)
  return good(check, `${whose} and this machine's clock agree.`)
}
