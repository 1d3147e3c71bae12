import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId, SessionId, Sub } from '../ids.ts'
import { endSessionsSql } from './end-rows-store.ts'
import type { AccountEndReason } from './ending.ts'

/*
 * Decisions to end sessions or grants. Each changes one row, no matter how many sessions or grants it ends, and takes effect with its commit, for
 * every statement that uses `liveness-store.ts`. None of them waits for a request that is opening a grant.
 */

/**
 * Ends all sessions of an account, and the grants that are bound to them. Grants with `offline_access` continue.
 *
 * @returns the new epoch. A session that is to continue must be moved to it (`moveSession`)
 */
export async function endAllSessions(tx: Queryable, sub: Sub): Promise<number> {
  const { rows } = await tx.query<{ epoch: number }>({
    text: `UPDATE accounts SET epoch = epoch + 1, session_epoch = epoch + 1, sessions_ended_at = now()
           WHERE sub = $1 RETURNING epoch`,
    values: [sub],
  })
  return rows[0]!.epoch
}

/** Moves a session to a later epoch, so that it continues while the other sessions of the account end. */
export async function moveSession(tx: Queryable, id: SessionId, epoch: number): Promise<void> {
  await tx.query({ text: 'UPDATE sessions SET epoch = $2 WHERE id = $1', values: [id, epoch] })
}

/**
 * Moves the live sessions of an account in which a factor besides the password was proven to the next epoch, so that they continue when `endAllSessions` then
 * ends the others. Only the newest ones are moved, because a script can sign in any number of times.
 *
 * @param tx a transaction that has locked the account
 */
export async function moveProvenSessions(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({
    // Bounds rather than equality, so that the planner uses no other index for a person with a large number of sessions.
    text: `WITH newest AS (
             SELECT id, factor, epoch FROM sessions
             WHERE sub >= $1 AND (sub, id) <= ($1, ${Number.MAX_SAFE_INTEGER}) AND ended_at IS NULL ORDER BY sub DESC, id DESC LIMIT 1000
           ), proven AS (
             SELECT newest.id, accounts.epoch + 1 AS epoch FROM newest JOIN accounts ON accounts.sub = $1
             WHERE newest.factor IS NOT NULL AND newest.epoch >= accounts.session_epoch
           )
           UPDATE sessions SET epoch = proven.epoch FROM proven WHERE sessions.id = proven.id`,
    values: [sub],
  })
}

/**
 * Ends all sessions and all grants of an account.
 *
 * @returns the new epoch
 */
export async function endAllAccess(tx: Queryable, sub: Sub, reason: AccountEndReason): Promise<number> {
  const { rows } = await tx.query<{ epoch: number }>({
    text: `UPDATE accounts SET epoch = epoch + 1, session_epoch = epoch + 1, sessions_ended_at = now(),
             grant_epoch = epoch + 1, grants_ended_at = now(), grants_end_reason = $2
           WHERE sub = $1 RETURNING epoch`,
    values: [sub, reason],
  })
  return rows[0]!.epoch
}

/**
 * Ends all grants of an account. Its sessions continue.
 *
 * @returns the new epoch
 */
export async function endAllGrants(tx: Queryable, sub: Sub, reason: AccountEndReason): Promise<number> {
  const { rows } = await tx.query<{ epoch: number }>({
    text: `UPDATE accounts SET epoch = epoch + 1, grant_epoch = epoch + 1, grants_ended_at = now(), grants_end_reason = $2
           WHERE sub = $1 RETURNING epoch`,
    values: [sub, reason],
  })
  return rows[0]!.epoch
}

/**
 * Ends one session of a person.
 *
 * @returns false if it had already ended, or belongs to somebody else
 */
export async function endSession(tx: Queryable, sub: Sub, id: SessionId): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: endSessionsSql(
      'sessions.id = $2 AND sessions.sub = $1 AND accounts.sub = $1 AND sessions.epoch >= accounts.session_epoch',
      { from: 'accounts' },
    ),
    values: [sub, id],
  })
  return rowCount === 1
}

/**
 * Withdraws a client's access to an account: deletes the consent, and ends all grants.
 *
 * @returns the new epoch; undefined if there was neither a consent nor an open grant
 */
export async function endConnection(tx: Queryable, sub: Sub, clientId: ClientId): Promise<number | undefined> {
  const { rows } = await tx.query<{ epoch: number }>({
    text: `WITH account AS (
             UPDATE accounts SET epoch = epoch + 1
             WHERE sub = $1
               AND (EXISTS (SELECT FROM consents WHERE consents.sub = $1 AND client_id = $2)
                    -- Checking the newest grant is enough: if an earlier disconnection has ended it, it has ended the others too.
                    OR (SELECT newest.epoch FROM grants AS newest
                        WHERE newest.sub = $1 AND newest.client_id = $2 AND newest.ended_at IS NULL
                        ORDER BY newest.status_index DESC LIMIT 1)
                       >= coalesce((SELECT disconnections.epoch FROM disconnections
                                    WHERE disconnections.sub = $1 AND disconnections.client_id = $2), 0))
             RETURNING epoch
           ), consent AS (
             DELETE FROM consents WHERE sub = $1 AND client_id = $2
           )
           INSERT INTO disconnections (sub, client_id, epoch, at, reason) SELECT $1, $2, epoch, now(), 'disconnected' FROM account
           ON CONFLICT (sub, client_id) DO UPDATE SET epoch = excluded.epoch, at = excluded.at, reason = excluded.reason
           RETURNING epoch`,
    values: [sub, clientId],
  })
  return rows[0]?.epoch
}

/**
 * Ends all grants that a person has given to a client, for an operator. The consent is kept.
 *
 * @returns the new epoch; undefined if there is no such account or client
 */
export async function endGrantsOfConnection(tx: Queryable, sub: Sub, clientId: ClientId): Promise<number | undefined> {
  const { rows } = await tx.query<{ epoch: number }>({
    text: `WITH account AS (
             UPDATE accounts SET epoch = epoch + 1
             WHERE sub = $1 AND EXISTS (SELECT FROM clients WHERE client_id = $2 AND deleted_at IS NULL) RETURNING epoch
           )
           INSERT INTO disconnections (sub, client_id, epoch, at, reason) SELECT $1, $2, epoch, now(), 'revoked_by_operator' FROM account
           ON CONFLICT (sub, client_id) DO UPDATE SET epoch = excluded.epoch, at = excluded.at, reason = excluded.reason
           RETURNING epoch`,
    values: [sub, clientId],
  })
  return rows[0]?.epoch
}

/**
 * Ends all grants of a client, for an operator.
 *
 * @returns the new epoch of the client; undefined if there is no such client
 */
export async function endGrantsOfClient(tx: Queryable, clientId: ClientId): Promise<number | undefined> {
  const { rows } = await tx.query<{ epoch: number }>({
    text: `UPDATE clients SET grant_epoch = grant_epoch + 1, grants_ended_at = now()
           WHERE client_id = $1 AND deleted_at IS NULL RETURNING grant_epoch AS epoch`,
    values: [clientId],
  })
  return rows[0]?.epoch
}

/** Marks a client as deleted. From the commit on it no longer exists. False if it did not exist. */
export async function markClientDeleted(tx: Queryable, clientId: ClientId): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: 'UPDATE clients SET deleted_at = now() WHERE client_id = $1 AND deleted_at IS NULL',
    values: [clientId],
  })
  return rowCount === 1
}
