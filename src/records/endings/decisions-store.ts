import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId, SessionId, Sub } from '../ids.ts'
import { endSessionsSql } from './end-rows-store.ts'
import type { AccountEndReason } from './ending.ts'

/*
 * Decisions to end something. Each changes one row, whatever has been collected under it, and holds for every statement that judges by
 * `judgement-store.ts` from the moment of its commit. None of them waits for a request that is opening a grant.
 */

/**
 * Ends all sessions of an account. What is bound to them ends with them; grants with `offline_access` go on.
 *
 * @returns the epoch that begins: a session that is to go on must be moved to it (`moveSession`)
 */
export async function endAllSessions(tx: Queryable, sub: Sub): Promise<number> {
  const { rows } = await tx.query<{ epoch: number }>({
    text: `UPDATE accounts SET epoch = epoch + 1, session_epoch = epoch + 1, sessions_ended_at = now()
           WHERE sub = $1 RETURNING epoch`,
    values: [sub],
  })
  return rows[0]!.epoch
}

/** Lets a session go on in a later epoch, while the others of its person end. */
export async function moveSession(tx: Queryable, id: SessionId, epoch: number): Promise<void> {
  await tx.query({ text: 'UPDATE sessions SET epoch = $2 WHERE id = $1', values: [id, epoch] })
}

/**
 * Ends all sessions and all grants of an account.
 *
 * @returns the epoch that begins
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
 * Ends all grants of an account. Its sessions go on.
 *
 * @returns the epoch that begins
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
 * @returns false where it had ended before, or is not this person's
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
 * Ends what a person allowed a client: the consent is forgotten, and all grants end.
 *
 * @returns the epoch that begins; undefined where there was neither a consent nor an open grant
 */
export async function endConnection(tx: Queryable, sub: Sub, clientId: ClientId): Promise<number | undefined> {
  const { rows } = await tx.query<{ epoch: number }>({
    text: `WITH account AS (
             UPDATE accounts SET epoch = epoch + 1
             WHERE sub = $1
               AND (EXISTS (SELECT FROM consents WHERE consents.sub = $1 AND client_id = $2)
                    -- The newest is enough to look at: where it has ended by an earlier disconnection, so have the others.
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
 * Ends all grants that a person has at a client, by order of an operator. What the person allowed is not forgotten.
 *
 * @returns the epoch that begins; undefined if there is no such account or client
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
 * Ends all grants of a client, by order of an operator.
 *
 * @returns the epoch of the client that begins; undefined if there is no such client
 */
export async function endGrantsOfClient(tx: Queryable, clientId: ClientId): Promise<number | undefined> {
  const { rows } = await tx.query<{ epoch: number }>({
    text: `UPDATE clients SET grant_epoch = grant_epoch + 1, grants_ended_at = now()
           WHERE client_id = $1 AND deleted_at IS NULL RETURNING grant_epoch AS epoch`,
    values: [clientId],
  })
  return rows[0]?.epoch
}

/** Marks a client as deleted: from now on there is no such client. False where there was none before. */
export async function markClientDeleted(tx: Queryable, clientId: ClientId): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: 'UPDATE clients SET deleted_at = now() WHERE client_id = $1 AND deleted_at IS NULL',
    values: [clientId],
  })
  return rowCount === 1
}
