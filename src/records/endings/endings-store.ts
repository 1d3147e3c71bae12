import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId, Sub } from '../ids.ts'
import type { Ending, GrantEndReason } from './ending.ts'

/** A recorded ending. */
export interface RecordedEnding {
  readonly id: number
  readonly ending: Ending
  /** When the decision was made; undefined: in this transaction. */
  readonly decidedAt: Date | undefined
}

/** How many rows of a decision have been updated; `left` if there are more. */
export interface EndedRows {
  readonly sessions: number
  readonly grants: number
  readonly left: boolean
}

/**
 * Records a decision, so that its rows are updated even if this process is killed.
 *
 * @param decidedAt when the decision was made; undefined: in this transaction
 * @param dueIn seconds until the next batch
 * @param ended the rows that were updated in this transaction; by default none, with all of them left
 * @returns the ID of the ending
 */
export async function recordEnding(
  tx: Queryable,
  ending: Ending,
  decidedAt: Date | undefined,
  dueIn: number,
  ended: EndedRows = { sessions: 0, grants: 0, left: true },
): Promise<number> {
  const { rows } = await tx.query<{ id: number }>({
    text: `INSERT INTO endings (kind, reason, decided_at, due_at, sub, client_id, session_ids, epoch, ended_sessions, ended_grants, followed_at)
           VALUES ($1, $2, coalesce($3, now()), now() + make_interval(secs => $4), $5, $6, $7, $8, $9, $10,
             CASE WHEN $11 THEN NULL ELSE now() END)
           RETURNING id`,
    values: [
      ending.kind,
      ending.reason,
      decidedAt ?? null,
      dueIn,
      'sub' in ending ? ending.sub : null,
      'clientId' in ending ? ending.clientId : null,
      'sessionIds' in ending ? ending.sessionIds : null,
      'epoch' in ending ? ending.epoch : 'version' in ending ? ending.version : null,
      ended.sessions,
      ended.grants,
      ended.left,
    ],
  })
  return rows[0]!.id
}

/** Whether an earlier decision about the same account, or otherwise about the same client as a whole, has not been fully processed. */
export async function hasDueEnding(
  tx: Queryable,
  of: { readonly sub: Sub } | { readonly sub?: undefined; readonly clientId: ClientId },
): Promise<boolean> {
  const { rows } =
    of.sub !== undefined
      ? await tx.query<{ due: boolean }>({
          text: `SELECT coalesce((SELECT due_at FROM endings WHERE sub BETWEEN $1 AND $1 ORDER BY sub, due_at LIMIT 1) <= now(), false) AS due`,
          values: [of.sub],
        })
      : await tx.query<{ due: boolean }>({
          text: `SELECT coalesce((SELECT due_at FROM endings WHERE client_id BETWEEN $1 AND $1 AND sub IS NULL
                                  ORDER BY client_id, due_at LIMIT 1) <= now(), false) AS due`,
          values: [of.clientId],
        })
  return rows[0]!.due
}

/**
 * Returns the ending that has been due for the longest time, locked until the transaction ends. Concurrent callers get different ones. Endings of the
 * same account or client are returned in the order in which they were decided, so that a grant that two decisions have ended gets the reason of the
 * first, and is counted once.
 *
 * @returns the ending, and the age of its decision in seconds
 */
export async function lockNextEnding(tx: Queryable): Promise<(RecordedEnding & { readonly age: number }) | undefined> {
  const { rows } = await tx.query<{
    id: number
    kind: Ending['kind']
    reason: GrantEndReason
    decided_at: Date
    sub: Sub | null
    client_id: string | null
    session_ids: number[] | null
    epoch: number | null
    age: number
  }>({
    text: `SELECT id, kind, reason, decided_at, sub, client_id, session_ids, epoch,
             extract(epoch FROM now() - decided_at)::float8 AS age
           FROM endings
           WHERE due_at <= now() AND NOT EXISTS (
             SELECT FROM endings AS earlier WHERE earlier.sub = endings.sub AND earlier.id < endings.id AND earlier.due_at <= now())
             AND NOT EXISTS (
             SELECT FROM endings AS earlier WHERE endings.sub IS NULL AND earlier.sub IS NULL AND earlier.client_id = endings.client_id
               AND earlier.id < endings.id AND earlier.due_at <= now())
           ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
    values: [],
  })
  const row = rows[0]
  if (!row) return undefined
  // Each kind has its columns set, and the others are null.
  const ending = {
    kind: row.kind,
    reason: row.reason,
    sub: row.sub,
    clientId: row.client_id,
    sessionIds: row.session_ids,
    epoch: row.epoch,
    version: row.epoch,
  } as Ending
  return { id: row.id, ending, decidedAt: row.decided_at, age: row.age }
}

/**
 * Adds a batch of updated rows to the counts of an ending.
 *
 * @param dueIn seconds until the next batch
 */
export async function recordBatch(tx: Queryable, id: number, dueIn: number, batch: EndedRows): Promise<void> {
  await tx.query({
    text: `UPDATE endings SET due_at = clock_timestamp() + make_interval(secs => $2), ended_sessions = ended_sessions + $3,
             ended_grants = ended_grants + $4, followed_at = CASE WHEN $5 THEN followed_at ELSE coalesce(followed_at, now()) END
           WHERE id = $1`,
    values: [id, dueIn, batch.sessions, batch.grants, batch.left],
  })
}

/** How many rows of a decision have been updated so far, by all nodes. Undefined once the ending was deleted, a while after its last row. */
export async function findEndedRows(db: Queryable, id: number): Promise<EndedRows | undefined> {
  const { rows } = await db.query<EndedRows>({
    text: `SELECT ended_sessions AS sessions, ended_grants AS grants, followed_at IS NULL AS left FROM endings WHERE id = $1`,
    values: [id],
  })
  return rows[0]
}

/** Postpones an ending. @param dueIn seconds until the next batch */
export async function postponeEnding(db: Queryable, id: number, dueIn: number): Promise<void> {
  await db.query({
    text: 'UPDATE endings SET due_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1',
    values: [id, dueIn],
  })
}

export async function removeEnding(tx: Queryable, id: number): Promise<void> {
  await tx.query({ text: 'DELETE FROM endings WHERE id = $1', values: [id] })
}
