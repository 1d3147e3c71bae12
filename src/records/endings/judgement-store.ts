import type { Queryable } from '../../platform/database/queryable.ts'
import type { GrantId } from '../ids.ts'

/*
 * Whether a grant or a session is alive: the one place that says so. A decision to end many of them changes a marker on the account, the
 * client or the connection between the two; the rows themselves follow later. So each statement that asks judges by all of these.
 */

/** What a grant is judged by. Goes after `FROM grants`, or after a join that names it. */
export const grantJudges = `
  LEFT JOIN accounts ON accounts.sub = grants.sub
  LEFT JOIN sessions ON sessions.id = grants.session_id
  LEFT JOIN clients ON clients.client_id = grants.client_id
  LEFT JOIN disconnections ON disconnections.sub = grants.sub AND disconnections.client_id = grants.client_id`

/** Grants that were to last no longer than the session they came from (OpenID Connect Core §11). */
const endsWithSession = `grants.session_id IS NOT NULL AND NOT 'offline_access' = ANY (grants.scopes)`

/** Each way to end: when it applies, the reason, and the moment. The first that applies counts. */
const endings = [
  ['grants.ended_at IS NOT NULL', 'grants.end_reason', 'grants.ended_at'],
  ['clients.deleted_at IS NOT NULL', `'client_deleted'`, 'clients.deleted_at'],
  ['accounts.deleted_at IS NOT NULL', `'account_deleted'`, 'accounts.deleted_at'],
  ['grants.epoch < accounts.grant_epoch', `accounts.grants_end_reason`, 'accounts.grants_ended_at'],
  ['accounts.disabled_at IS NOT NULL', `'account_disabled'`, 'accounts.disabled_at'],
  ['grants.epoch < disconnections.epoch', 'disconnections.reason', 'disconnections.at'],
  ['grants.client_epoch < clients.grant_epoch', `'revoked_by_operator'`, 'clients.grants_ended_at'],
  // A session whose row is gone ended long ago.
  [`${endsWithSession} AND sessions.id IS NULL`, `'signed_out'`, 'grants.created_at'],
  [`${endsWithSession} AND sessions.ended_at IS NOT NULL`, `'signed_out'`, 'sessions.ended_at'],
  [`${endsWithSession} AND sessions.epoch < accounts.session_epoch`, `'signed_out'`, 'accounts.sessions_ended_at'],
] as const

/** Why a grant has ended; null while it is alive. Needs `grantJudges`. */
export const grantEndReason = `CASE ${endings.map(([applies, reason]) => `WHEN ${applies} THEN ${reason}`).join(' ')} END`

/** When a grant ended; null while it is alive. Needs `grantJudges`. */
export const grantEndedAt = `CASE ${endings.map(([applies, , at]) => `WHEN ${applies} THEN ${at}`).join(' ')} END`

/** Whether a grant is alive. Needs `grantJudges`. */
export const grantAlive = `NOT coalesce(${endings.map(([applies]) => `(${applies})`).join(' OR ')}, false)`

/**
 * Whether a session may be used, its time limits apart. Needs `sessions` and the `accounts` row of its person.
 */
export const sessionAlive = `(sessions.ended_at IS NULL AND sessions.epoch >= accounts.session_epoch
  AND accounts.disabled_at IS NULL AND accounts.deleted_at IS NULL)`

/**
 * Whether a grant is alive at this moment. A statement that waits for the lock on a row sees that row as it is then, but accounts, sessions
 * and clients as they were when it began; so whoever has locked a grant asks once more.
 */
export async function isGrantAlive(db: Queryable, id: GrantId): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'is-grant-alive',
    text: `SELECT FROM grants ${grantJudges} WHERE grants.id = $1 AND ${grantAlive}`,
    values: [id],
  })
  return rowCount === 1
}
