import type { Renewal } from '../key-ring/secret-decisions.ts'
import { secretLease } from '../key-ring/secret-schedule.ts'
import type { LockWait } from '../platform/database/locked-transaction.ts'
import type { Purpose } from '../platform/secrets/purpose-secrets.ts'
import type { Signet } from '../signet.ts'
import { authorOf, type Operator } from './actor.ts'

type Terms = Pick<Signet, 'secrets'>

/**
 * Publishes new versions of purpose secrets, unless one is on its way already. Each is used once every node knows it; the one before it stays
 * accepted for as long as it is needed.
 *
 * @throws EarlierReleaseRuns; MasterKeyError; what `inLockedTransaction` throws
 */
export async function rotatePurposeSecrets(
  { secrets }: Terms,
  actor: Operator,
  wanted: readonly Purpose[],
  reason: string | undefined,
  wait: LockWait,
): Promise<readonly Renewal[]> {
  return secrets.renew(authorOf(actor, reason), wanted, wait)
}

export interface ReplacedSecrets {
  readonly renewals: readonly Renewal[]
  /** Nodes of an earlier release, which will not notice. */
  readonly earlierNodes: number
  /** Whether the keys directory could be written, so that a backup that is restored does not bring the old versions back. */
  readonly isInLedger: boolean
  /** By then every other node has stopped accepting the old versions: milliseconds since 1970. */
  readonly nodesStoppedBy: number
}

/**
 * Replaces purpose secrets that have leaked: their old versions are refused at once. What was made with them has ended when this returns;
 * the rows of grants follow.
 *
 * @throws MasterKeyError; what `inLockedTransaction` throws. The revocation may have been noted in the keys directory by then; if so, the next
 *   node that opens it carries it out
 */
export async function replaceLeakedSecrets(
  { secrets, clock, settings }: Terms & Pick<Signet, 'clock' | 'settings'>,
  actor: Operator,
  leaked: readonly Purpose[],
  reason: string,
  wait: LockWait,
): Promise<ReplacedSecrets> {
  const outcome = await secrets.revoke(authorOf(actor, reason), leaked, wait)
  return { ...outcome, nodesStoppedBy: clock.now() + secretLease(settings.keyLease) * 1000 }
}
