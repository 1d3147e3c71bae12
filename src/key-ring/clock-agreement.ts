/** This machine's clock and the database's are further apart than any two clocks may be. */
export class ClocksDisagree extends Error {
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
