import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'
import type { Account } from './account.ts'
import { type AccountRow, accountColumns, accountEmail, accountFromRow } from './accounts-store.ts'
import type { RecoveryProof } from './recovery-rule.ts'

/** A link by which somebody who cannot sign in sets a new password. */
export interface NewRecovery {
  /** Of the secret in the link. */
  readonly digest: Buffer
  readonly sub: Sub
  /** The verified address of whoever has the link; undefined if an operator hands it over, or only a session led to it. */
  readonly email: string | undefined
  /** What the browser that asked continues with. Somebody else may have asked, so no other browser does. */
  readonly continuation: Continuation | undefined
  /** The minutes for which it works. */
  readonly minutes: number
}

export interface Continuation {
  /** The digest of the browser's cookie. */
  readonly browserDigest: Buffer
  /** The sealed `continue` value of its page. */
  readonly continueTo: string
}

export async function insertRecovery(db: Queryable, recovery: NewRecovery): Promise<void> {
  const { digest, sub, email, continuation, minutes } = recovery
  await db.query({
    text: `INSERT INTO account_recoveries (digest, sub, email, browser_digest, continue_to, expires_at)
           VALUES ($1, $2, $3, $4, $5, now() + make_interval(mins => $6))`,
    values: [
      digest,
      sub,
      email ?? null,
      continuation?.browserDigest ?? null,
      continuation?.continueTo ?? null,
      minutes,
    ],
  })
}

/** A link that can be used now. */
export interface Recovery {
  readonly account: Account
  /** Whether an operator hands the link over, and so vouches for the person. */
  readonly byOperator: boolean
  /** The address that the link was sent to; undefined if it was not mailed. */
  readonly mailedTo: string | undefined
  readonly continuation: Continuation | undefined
  /** What was proven on its page. */
  readonly kept: KeptProof | undefined
}

/** What somebody has proven on the page of a link, in addition to the link. */
export interface KeptProof {
  readonly proof: RecoveryProof
  /** The digest of the cookie of the browser, the only one in which the proof counts. */
  readonly browserDigest: Buffer
  /** The credentials other than the password that the account had: as soon as it has others, the proof is void. */
  readonly credentialIds: readonly number[]
}

interface Row {
  readonly sent_to: string | null
  readonly browser_digest: Buffer | null
  readonly continue_to: string | null
  readonly proof: RecoveryProof | null
  readonly proof_browser: Buffer | null
  readonly proof_for: readonly number[] | null
}

/**
 * The link with this digest. A link that was mailed is void as soon as its address is no longer the verified address of the account: it proves
 * only that somebody can read mail there.
 *
 * @returns undefined if there is no such link, it has expired or been used, or its account has been disabled or deleted
 */
export async function findRecovery(db: Queryable, digest: Buffer): Promise<Recovery | undefined> {
  const { rows } = await db.query<AccountRow & Row>({
    text: `SELECT ${accountColumns}, recovery.email AS sent_to, recovery.browser_digest, recovery.continue_to,
             recovery.proof, recovery.proof_browser, recovery.proof_for
           FROM account_recoveries AS recovery JOIN accounts ON accounts.sub = recovery.sub ${accountEmail}
           WHERE recovery.digest = $1 AND recovery.spent_at IS NULL AND recovery.expires_at > now()
             AND accounts.deleted_at IS NULL AND accounts.disabled_at IS NULL
             AND (recovery.email IS NULL
                  OR (account_emails.verified_at IS NOT NULL
                      AND lower(account_emails.email COLLATE "C") = lower(recovery.email COLLATE "C")))`,
    values: [digest],
  })
  const [row] = rows
  if (!row) return undefined
  const { sent_to, browser_digest: browserDigest, continue_to: continueTo, ...others } = row
  const { proof, proof_browser, proof_for, ...account } = others
  return {
    account: accountFromRow(account as AccountRow),
    byOperator: sent_to === null && proof === null,
    mailedTo: sent_to ?? undefined,
    continuation: browserDigest !== null && continueTo !== null ? { browserDigest, continueTo } : undefined,
    kept:
      proof !== null && proof_browser !== null && proof_for !== null
        ? { proof, browserDigest: proof_browser, credentialIds: proof_for }
        : undefined,
  }
}

/**
 * Keeps what was proven on the page of a link, instead of an earlier proof.
 *
 * @returns false if the link has expired or been used
 */
export async function keepProof(
  tx: Queryable,
  digest: Buffer,
  { proof, browserDigest, credentialIds }: KeptProof,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `UPDATE account_recoveries SET proof = $2, proof_browser = $3, proof_for = $4
           WHERE digest = $1 AND spent_at IS NULL AND expires_at > now()`,
    values: [digest, proof, browserDigest, credentialIds],
  })
  return rowCount === 1
}

/** Uses a link up. Of any number of concurrent callers, one gets true. */
export async function spendRecovery(tx: Queryable, digest: Buffer): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `UPDATE account_recoveries SET spent_at = now()
           WHERE digest = $1 AND spent_at IS NULL AND expires_at > now()`,
    values: [digest],
  })
  return rowCount === 1
}
