import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId, Sub } from '../ids.ts'
import { type Batch, batchOf } from './end-rows-store.ts'

/*
 * Rows that are deleted after a decision: those of a deleted client, and the consents and disconnections of a deleted account. They are
 * found by bounds, for the reason in end-rows-store.ts. Rows that somebody holds are passed over, so no statement waits.
 */

/** Deletes a batch of the consents and disconnections of a deleted account. */
export async function deleteConnectionsOf(tx: Queryable, sub: Sub, most: number): Promise<Batch> {
  return deleteBatches(tx, ['consents', 'disconnections'], 'sub', sub, most)
}

/**
 * Deletes a batch of the grants of a client with their codes and refresh tokens. Those that were open leave the event of their end.
 *
 * @param most rows
 */
export async function deleteGrantsOf(tx: Queryable, clientId: ClientId, most: number): Promise<Batch> {
  const { rows } = await tx.query<{ found: number; gone: number }>({
    text: `WITH found AS (
             SELECT id FROM grants WHERE client_id >= $1 AND client_id <= $1 ORDER BY client_id LIMIT $2
           ), held AS (
             SELECT id FROM grants WHERE id = ANY (ARRAY(SELECT id FROM found)) FOR UPDATE SKIP LOCKED
           ), gone AS (
             DELETE FROM grants WHERE id = ANY (ARRAY(SELECT id FROM held)) RETURNING id, sub, ended_at
           ), told AS (
             INSERT INTO events (type, client_id, sub, grant_id, detail)
             SELECT 'grant_ended', $1, sub, id, '{"reason": "client_deleted"}' FROM gone WHERE ended_at IS NULL
           )
           SELECT (SELECT count(*) FROM found) AS found, (SELECT count(*) FROM gone) AS gone`,
    values: [clientId, most],
  })
  return batchOf(rows[0]!.found, rows[0]!.gone, most)
}

/** Deletes a batch of what else refers to a client. */
export async function deleteRecordsOf(tx: Queryable, clientId: ClientId, most: number): Promise<Batch> {
  return deleteBatches(tx, ['consents', 'disconnections', 'client_assertions'], 'client_id', clientId, most)
}

/** Deletes the row of a client that was marked as deleted, once nothing is left that refers to it. */
export async function deleteMarkedClient(tx: Queryable, clientId: ClientId): Promise<void> {
  await tx.query({
    text: 'DELETE FROM clients WHERE client_id = $1 AND deleted_at IS NOT NULL',
    values: [clientId],
  })
}

/** @param tables, column constants of this file, so they are safe as SQL */
async function deleteBatches(
  tx: Queryable,
  tables: readonly string[],
  column: string,
  value: string,
  most: number,
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
      values: [value, most],
    })
    const batch = batchOf(result.rows[0]!.found, result.rows[0]!.gone, most)
    rows += batch.rows
    left ||= batch.left
  }
  return { rows, left }
}
