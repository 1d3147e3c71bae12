/*
 * Defines whether a grant or a session is alive. Nothing else does. A decision to end many of them changes a marker on the account, on the
 * client, or on the connection between the two; the rows of the grants and sessions are updated later. So every statement that needs to
 * know checks all of these.
 */

/** SQL: joins the tables that decide whether a grant is alive. Goes after `FROM grants`, or after a join with `grants`. */
export const grantStatusJoins = `
  LEFT JOIN accounts ON accounts.sub = grants.sub
  LEFT JOIN sessions ON sessions.id = grants.session_id
  LEFT JOIN clients ON clients.client_id = grants.client_id
  LEFT JOIN disconnections ON disconnections.sub = grants.sub AND disconnections.client_id = grants.client_id`

/** SQL: whether a grant is bound to its session (OpenID Connect Core §11). */
const endsWithSession = `grants.session_id IS NOT NULL AND NOT 'offline_access' = ANY (grants.scopes)`

/** SQL: each way in which a grant can end, as condition, reason and time. The first condition that is true counts. */
const endings = [
  ['grants.ended_at IS NOT NULL', 'grants.end_reason', 'grants.ended_at'],
  ['clients.deleted_at IS NOT NULL', `'client_deleted'`, 'clients.deleted_at'],
  ['accounts.deleted_at IS NOT NULL', `'account_deleted'`, 'accounts.deleted_at'],
  ['grants.epoch < accounts.grant_epoch', `accounts.grants_end_reason`, 'accounts.grants_ended_at'],
  ['accounts.disabled_at IS NOT NULL', `'account_disabled'`, 'accounts.disabled_at'],
  ['grants.epoch < disconnections.epoch', 'disconnections.reason', 'disconnections.at'],
  ['grants.client_epoch < clients.grant_epoch', `'revoked_by_operator'`, 'clients.grants_ended_at'],
  // A session whose row has been deleted ended long ago.
  [`${endsWithSession} AND sessions.id IS NULL`, `'signed_out'`, 'grants.created_at'],
  [`${endsWithSession} AND sessions.ended_at IS NOT NULL`, `'signed_out'`, 'sessions.ended_at'],
  [`${endsWithSession} AND sessions.epoch < accounts.session_epoch`, `'signed_out'`, 'accounts.sessions_ended_at'],
] as const

/** SQL: why a grant has ended; null while it is alive. Requires `grantStatusJoins`. */
export const grantEndReason = `CASE ${endings.map(([applies, reason]) => `WHEN ${applies} THEN ${reason}`).join(' ')} END`

/** SQL: when a grant ended; null while it is alive. Requires `grantStatusJoins`. */
export const grantEndedAt = `CASE ${endings.map(([applies, , at]) => `WHEN ${applies} THEN ${at}`).join(' ')} END`

/** SQL: whether a grant is alive. Requires `grantStatusJoins`. */
export const grantAlive = `NOT coalesce(${endings.map(([applies]) => `(${applies})`).join(' OR ')}, false)`

/**
 * SQL: whether a session is alive, except for its time limits. Requires `sessions` and the `accounts` row of its person.
 */
export const sessionAlive = `(sessions.ended_at IS NULL AND sessions.epoch >= accounts.session_epoch
  AND accounts.disabled_at IS NULL AND accounts.deleted_at IS NULL)`
