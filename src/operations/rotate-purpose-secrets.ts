import type { Renewal } from '../key-ring/secret-decisions.ts'
import { secretLease } from '../key-ring/secret-schedule.ts'
import type { LockWait } from '../platform/database/locked-transaction.ts'
import type { Purpose } from '../platform/secrets/purpose-secrets.ts'
import type { Signet } from '../signet.ts'
import { authorOf, type Operator } from './actor.ts'

type Context = Pick<Signet, 'secrets'>

/**
 * Publishes new versions of purpose secrets, except for purposes that already have a new version waiting to be used. A version is used once every
 * node knows it. The previous version is accepted for as long as it is needed.
 *
 * @throws EarlierReleaseRuns; MasterKeyError; whatever `inLockedTransaction` throws
 */
export async function rotatePurposeSecrets(
  { secrets }: Context,
  actor: Operator,
  wanted: readonly Purpose[],
  reason: string | undefined,
  wait: LockWait,
): Promise<readonly Renewal[]> {
  return secrets.renew(authorOf(actor, reason), wanted, wait)
}

export interface ReplacedSecrets {
  readonly renewals: readonly Renewal[]
  /** The number of nodes of an earlier release, which will not notice the replacement. */
  readonly earlierNodes: number
  /** Whether the revocation was written to the keys directory, so that restoring a backup does not bring the old versions back. */
  readonly isInLedger: boolean
  /** By then every other node has stopped accepting the old versions, in milliseconds since 1970. */
  readonly nodesStoppedBy: number
}

/**
 * Replaces purpose secrets that have leaked. Their old versions are rejected immediately, and what was made with them is invalid when this
 * returns. The rows of the affected grants are updated later.
 *
 * @throws MasterKeyError; whatever `inLockedTransaction` throws. The revocation may already have been written to the keys directory; if so, the
 *   next node that opens it carries it out
 */
export async function replaceLeakedSecrets(
  { secrets, clock, settings }: Context & Pick<Signet, 'clock' | 'settings'>,
  actor: Operator,
  leaked: readonly Purpose[],
  reason: string,
  wait: LockWait,
): Promise<ReplacedSecrets> {
  const outcome = await secrets.revoke(authorOf(actor, reason), leaked, wait)
  return { ...outcome, nodesStoppedBy: clock.now() + secretLease(settings.keyLease) * 1000 }
}
