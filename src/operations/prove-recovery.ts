import { inTransaction } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { keepProof } from '../records/accounts/account-recoveries-store.ts'
import { lockAccount } from '../records/accounts/accounts-store.ts'
import type { RecoveryProof } from '../records/accounts/recovery-rule.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import { checkEarlierPassword } from './check-password.ts'
import type { Visitor } from './matching-account.ts'
import { findOpen, type OpenRecovery, openRecovery, otherIds } from './open-recovery.ts'
import { provePasskey } from './passkey-ceremonies.ts'
import { proveCode } from './prove-code.ts'

/** What somebody sends to prove themselves: one of these. */
export interface GivenProof {
  /** The answer of the browser for a passkey, as JSON. */
  readonly credential: string | undefined
  /** A one-time code or a recovery code, as it was typed. */
  readonly code: string | undefined
  /** The password that the account had before its factors were added. */
  readonly earlierPassword: string | undefined
}

type Unproven = 'missing' | 'wrong_code' | 'wrong_password' | 'wrong_passkey'

export type ProvenRecovery =
  /** The page of the link shows what follows: the form for what is new or, if the factors have changed meanwhile, what is missing now. */
  { readonly outcome: 'go_on' | 'void_link' } | { readonly outcome: Unproven; readonly recovery: OpenRecovery }

/**
 * Checks what somebody with a link proves in addition (recovery-rule.ts), and keeps it for this browser: the new password or passkey follows on the next page.
 * The link alone shows which factors the account has, and nothing else.
 *
 * Forms are counted for the link; codes and passwords have the limits on guessing besides. Those for passwords are apart from those at sign-in, so that nobody
 * who can read a person's mail can make the account wait there.
 *
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function proveForRecovery(
  signet: Signet,
  caller: Visitor,
  token: string | undefined,
  browserDigest: Buffer,
  given: GivenProof,
): Promise<ProvenRecovery> {
  const recovery = await openRecovery(signet, token, browserDigest)
  if (!recovery || token === undefined) return { outcome: 'void_link' }
  const { needs } = recovery
  if (!needs) return { outcome: 'go_on' }
  await signet.limits.beforeNewPassword(digest(token))
  const checked = await check(signet, caller, browserDigest, recovery, needs, given)
  if (typeof checked === 'string') return { outcome: checked, recovery }
  const { proof } = checked
  const credentialIds = otherIds(recovery.credentials)
  await inTransaction(signet.database, async (tx) => {
    if (!(await lockAccount(tx, recovery.account.sub))) return
    const now = await findOpen(tx, signet, digest(token), browserDigest)
    // The factors may have changed while the proof was being checked, so that it does not count for those of now.
    if (!now || String(otherIds(now.credentials)) !== String(credentialIds)) return
    await keepProof(tx, digest(token), { proof, browserDigest, credentialIds })
  })
  return { outcome: 'go_on' }
}

async function check(
  signet: Signet,
  caller: Visitor,
  browserDigest: Buffer,
  { account: { sub } }: OpenRecovery,
  needs: readonly RecoveryProof[],
  { credential, code, earlierPassword }: GivenProof,
): Promise<{ readonly proof: RecoveryProof } | Unproven> {
  if (credential && needs.includes('passkey')) {
    const proven = await provePasskey(signet, caller, { browserDigest, sub, use: 'recovery', answer: credential })
    return proven.outcome === 'proven' && proven.sub === sub ? { proof: 'passkey' } : 'wrong_passkey'
  }
  if (code && (needs.includes('totp') || needs.includes('recovery_code'))) {
    const actor: Person = { kind: 'person', sub, caller }
    const proven = await proveCode(signet, actor, code, 'recovery')
    return proven.outcome === 'proven' && needs.includes(proven.factor) ? { proof: proven.factor } : 'wrong_code'
  }
  if (earlierPassword && needs.includes('earlier_password'))
    return (await isEarlierPassword(signet, caller, sub, earlierPassword))
      ? { proof: 'earlier_password' }
      : 'wrong_password'
  return 'missing'
}

/** A failure is recorded. */
async function isEarlierPassword(signet: Signet, caller: Visitor, sub: Sub, password: string): Promise<boolean> {
  const checked = await checkEarlierPassword(signet, caller, sub, password)
  if (checked === 'right') return true
  const detail = { at: 'recovery', ...(checked === 'waiting' && { reason: 'waiting' }) }
  await recordEvent(signet.database, { type: 'reauthentication_failed', caller, sub, detail })
  return false
}
