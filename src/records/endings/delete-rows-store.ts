import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId, Sub } from '../ids.ts'
import { type Batch, batchOf } from './end-rows-store.ts'

/*
 * Rows that are deleted after a decision: those of a deleted client, and the consents and disconnections of a deleted account. They are
 * found by bounds, for the reason given in end-rows-store.ts. Locked rows are skipped, so no statement waits.
 */

/** Deletes a batch of the consents and disconnections of a deleted account. */
export async function deleteConnectionsOf(tx: Queryable, sub: Sub, maxRows: number): Promise<Batch> {
  return deleteBatches(tx, ['consents', 'disconnections'], 'sub', sub, maxRows)
}

/**
 * Deletes a batch of the grants of a client, with their codes and refresh tokens. Records an event for each grant that was open.
 *
 * @param maxRows the maximum number of rows
 */
export async function deleteGrantsOf(tx: Queryable, clientId: ClientId, maxRows: number): Promise<Batch> {
  const { rows } = await tx.query<{ found: number; gone: number }>({
    text: `WITH found AS (
             SELECT id FROM grants WHERE client_id >= $1 AND client_id <= $1 ORDER BY client_id LIMIT $2
           ), held AS (
             SELECT id FROM grants WHERE id = ANY (ARRAY(SELECT id FROM found)) FOR UPDATE SKIP LOCKED
           ), gone AS (
             DELETE FROM grants WHERE id = ANY (ARRAY(SELECT id FROM held)) RETURNING id, sub, ended_at
           ), recorded AS (
             INSERT INTO events (type, client_id, sub, grant_id, detail)
             SELECT 'grant_ended', $1, sub, id, '{"reason": "client_deleted"}' FROM gone WHERE ended_at IS NULL
           )
           SELECT (SELECT count(*) FROM found) AS found, (SELECT count(*) FROM gone) AS gone`,
    values: [clientId, maxRows],
  })
  return batchOf(rows[0]!.found, rows[0]!.gone, maxRows)
}

/** Deletes a batch of the other rows that refer to a client. */
export async function deleteRecordsOf(tx: Queryable, clientId: ClientId, maxRows: number): Promise<Batch> {
  return deleteBatches(tx, ['consents', 'disconnections', 'client_assertions'], 'client_id', clientId, maxRows)
}

/** Deletes the row of a client that is marked as deleted. No row may refer to it any more. */
export async function deleteMarkedClient(tx: Queryable, clientId: ClientId): Promise<void> {
  await tx.query({
    text: 'DELETE FROM clients WHERE client_id = $1 AND deleted_at IS NOT NULL',
    values: [clientId],
  })
}

/** `tables` and `column` become part of the SQL: callers pass constants only. */
async function deleteBatches(
  tx: Queryable,
  tables: readonly string[],
  column: string,
  value: string,
  maxRows: number,
): Promise<Batch> {
  let [rows, left] = [0, false]
  for (const table of tables) {
    const result = await tx.query<{ found: number; gone: number }>({
      text: `WITH found AS (
               SELECT ctid AS place FROM ${table} WHERE ${column} >= $1 AND ${column} <= $1 ORDER BY ${column} LIMIT $2
             ), held AS (
               SELECT ctid AS place FROM ${table} WHERE ctid = ANY (ARRAY(SELECT place FROM found)) FOR UPDATE SKIP LOCKED
             ), gone AS (
               DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT place FROM held)) RETURNING 1
             )
             SELECT (SELECT count(*) FROM found) AS found, (SELECT count(*) FROM gone) AS gone`,
      values: [value, maxRows],
    })
    const batch = batchOf(result.rows[0]!.found, result.rows[0]!.gone, maxRows)
    rows += batch.rows
    left ||= batch.left
  }
  return { rows, left }
}
