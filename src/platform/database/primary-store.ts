import type { Queryable } from './queryable.ts'

/** SQL: whether the server accepts no writes, because it is a standby or was made read-only (`default_transaction_read_only`). */
export const isReadOnlyExpression = "(pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean)"

export async function isReadOnly(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ is_read_only: boolean }>({
    name: 'is-read-only',
    text: `SELECT ${isReadOnlyExpression} AS is_read_only`,
  })
  return rows[0]!.is_read_only
}

/** Writes that this node runs: a real change, committed when this returns. */
export async function writeSeen(db: Queryable, node: string): Promise<void> {
  await db.query({
    text: `INSERT INTO nodes (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()`,
    values: [node],
  })
}

/**
 * Makes the server write 128 kB to a temporary file on the disk of the database, which it removes at once. On a full disk this
 * fails (53100), whereas the update of a row finds room in its page for a long time.
 *
 * Several statements in one text are one transaction. Sorting and aggregating would fit into `work_mem` compressed; the rows
 * of a function are stored as they are.
 */
export async function useDisk(db: Queryable): Promise<void> {
  await db.query({
    text: `SET LOCAL work_mem = '64kB'; SET LOCAL temp_tablespaces = '';
           SELECT count(*) FROM unnest(array_fill(repeat('x', 1024), ARRAY[128])) AS filler`,
  })
}

export async function removeNode(db: Queryable, node: string): Promise<void> {
  await db.query({ text: 'DELETE FROM nodes WHERE id = $1', values: [node] })
}
