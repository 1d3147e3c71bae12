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

/** Records that this node is running. This is a real write, committed when the function returns. */
export async function recordNodeSeen(db: Queryable, node: string): Promise<void> {
  await db.query({
    text: `INSERT INTO nodes (id, rereads_secrets, knows_pairwise) VALUES ($1, true, true) ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()`,
    values: [node],
  })
}

/** Counts the nodes of an earlier release, which read purpose secrets only at their start, that ran within the last minute. */
export async function countNodesOfEarlierReleases(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ nodes: number }>({
    text: `SELECT count(*) AS nodes FROM nodes WHERE NOT rereads_secrets AND seen_at > clock_timestamp() - interval '1 minute'`,
  })
  return rows[0]!.nodes
}

/** Whether a node of an earlier release, which tells every client the account's own `sub`, ran within the last minute. */
export async function runsNodeWithoutPairwise(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ runs: boolean }>({
    text: `SELECT EXISTS (SELECT FROM nodes WHERE NOT knows_pairwise AND seen_at > clock_timestamp() - interval '1 minute') AS runs`,
  })
  return rows[0]!.runs
}

/**
 * Makes the server write 128 kB to a temporary file on the database's disk, which it removes immediately. On a full disk this fails (53100),
 * whereas updates of a row find room in its page for a long time.
 *
 * Several statements in one text are one transaction. The data of a sort or an aggregate would be compressed and fit into `work_mem`; the
 * rows of a function are stored as they are.
 */
export async function probeDisk(db: Queryable): Promise<void> {
  await db.query({
    text: `SET LOCAL work_mem = '64kB'; SET LOCAL temp_tablespaces = '';
           SELECT count(*) FROM unnest(array_fill(repeat('x', 1024), ARRAY[128])) AS filler`,
  })
}

export async function removeNode(db: Queryable, node: string): Promise<void> {
  await db.query({ text: 'DELETE FROM nodes WHERE id = $1', values: [node] })
}
