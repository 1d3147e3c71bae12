import type { Queryable } from '../../platform/database/queryable.ts'
import type { GrantEndReason } from '../grants/grants-store.ts'

/** A decision that rows follow: which ones, and what they say afterwards. */
export type Ending = { readonly reason: GrantEndReason } & (
  | /** The sessions and grants of an account that are of an earlier epoch. */ {
      readonly kind: 'account'
      readonly sub: string
      readonly epoch: number
    }
  | /** The grants of an account that are of an earlier epoch. Its sessions go on. */ {
      readonly kind: 'account_grants'
      readonly sub: string
      readonly epoch: number
    }
  | /** The sessions of an account that are of an earlier epoch, and what is bound to them. */ {
      readonly kind: 'sessions'
      readonly sub: string
      readonly epoch: number
    }
  | /** The grants that are bound to these sessions of an account. */ {
      readonly kind: 'session_grants'
      readonly sub: string
      readonly sessionIds: readonly number[]
    }
  | /** The grants of a person and a client that are of an earlier epoch. */ {
      readonly kind: 'connection'
      readonly sub: string
      readonly clientId: string
      readonly epoch: number
    }
  | /** The grants of a client, whosever they are, that are of an earlier epoch of the client. */ {
      readonly kind: 'client_grants'
      readonly clientId: string
      readonly epoch: number
    }
  | /** Everything of a client, and the client itself. */ { readonly kind: 'client'; readonly clientId: string }
  | /** The grants whose refresh tokens were made with this version of the secret. */ {
      readonly kind: 'refresh_secret'
      readonly version: number
    }
)

/** An ending on record. */
export interface RecordedEnding {
  readonly id: number
  readonly ending: Ending
  /** Undefined: in this transaction. */
  readonly decidedAt: Date | undefined
}

/** What became of a batch: `left` where rows remain, because the batch was full or somebody held them. */
export interface Batch {
  readonly rows: number
  readonly left: boolean
}

/** How many rows have followed a decision; `left` where there are more to come. */
export interface Followed {
  readonly sessions: number
  readonly grants: number
  readonly left: boolean
}

/**
 * Records a decision, so that its rows follow even if this process is killed.
 *
 * @param decidedAt undefined: in this transaction
 * @param dueIn seconds until the next batch
 * @param followed the rows that have followed in this transaction; by default none, and all are left
 * @returns its number
 */
export async function recordEnding(
  tx: Queryable,
  ending: Ending,
  decidedAt: Date | undefined,
  dueIn: number,
  followed: Followed = { sessions: 0, grants: 0, left: true },
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
      followed.sessions,
      followed.grants,
      followed.left,
    ],
  })
  return rows[0]!.id
}

/** Whether rows of an earlier decision about the same account, or else about the same client as a whole, are still to follow. */
export async function hasDueEnding(
  tx: Queryable,
  of: { readonly sub: string } | { readonly sub?: undefined; readonly clientId: string },
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
 * The ending that has been due for longest, locked until the transaction ends. Nodes that ask at the same time get different ones. Of one
 * account or client the earlier comes first, so that a grant which two decisions have ended names the first, and is counted once.
 *
 * @returns with the age of the decision in seconds
 */
export async function takeEnding(tx: Queryable): Promise<(RecordedEnding & { readonly age: number }) | undefined> {
  const { rows } = await tx.query<{
    id: number
    kind: Ending['kind']
    reason: GrantEndReason
    decided_at: Date
    sub: string | null
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
  // The table's columns are those of its kind.
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
 * Counts a batch of rows that have followed.
 *
 * @param dueIn seconds until the next batch
 */
export async function noteBatch(tx: Queryable, id: number, dueIn: number, batch: Followed): Promise<void> {
  await tx.query({
    text: `UPDATE endings SET due_at = clock_timestamp() + make_interval(secs => $2), ended_sessions = ended_sessions + $3,
             ended_grants = ended_grants + $4, followed_at = CASE WHEN $5 THEN followed_at ELSE coalesce(followed_at, now()) END
           WHERE id = $1`,
    values: [id, dueIn, batch.sessions, batch.grants, batch.left],
  })
}

/** How many rows have followed a decision so far, at whichever node. Undefined once it has been forgotten, a while after the last of them. */
export async function findFollowed(db: Queryable, id: number): Promise<Followed | undefined> {
  const { rows } = await db.query<Followed>({
    text: `SELECT ended_sessions AS sessions, ended_grants AS grants, followed_at IS NULL AS left FROM endings WHERE id = $1`,
    values: [id],
  })
  return rows[0]
}

/** @param dueIn seconds until the next batch */
export async function postponeEnding(db: Queryable, id: number, dueIn: number): Promise<void> {
  await db.query({
    text: 'UPDATE endings SET due_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1',
    values: [id, dueIn],
  })
}

export async function removeEnding(tx: Queryable, id: number): Promise<void> {
  await tx.query({ text: 'DELETE FROM endings WHERE id = $1', values: [id] })
}

/*
 * The statements below find their rows by bounds on all columns of an index rather than by equality (`sub >= $1 AND sub <= $1`). With equality
 * the planner may take another index, or the whole table, where it believes that many rows match; and it believes so of just those who
 * have collected very many.
 */

/**
 * Ends a batch of the grants that an ending is about; each leaves its event. Passes over rows that somebody holds, so it never waits.
 *
 * @param decidedAt undefined: in this transaction
 * @param most rows
 */
export async function endGrantsOf(
  tx: Queryable,
  ending: Exclude<Ending, { kind: 'client' | 'sessions' | 'refresh_secret' }>,
  decidedAt: Date | undefined,
  most: number,
): Promise<Batch> {
  const [meant, values] = meantGrants(ending)
  const { rows } = await tx.query<{ found: number; ended: number }>({
    text: `WITH found AS (${meant} LIMIT $1), held AS (
             SELECT id FROM grants WHERE id = ANY (ARRAY(SELECT id FROM found)) AND ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED
           ), ended AS (
             UPDATE grants SET ended_at = coalesce($2, now()), end_reason = $3 WHERE id = ANY (ARRAY(SELECT id FROM held)) RETURNING 1
           )
           SELECT (SELECT count(*) FROM found) AS found, (SELECT count(*) FROM ended) AS ended`,
    values: [most, decidedAt ?? null, ending.reason, ...values],
  })
  return batchOf(rows[0]!.found, rows[0]!.ended, most)
}

/** The open grants that are meant, at most $1 of them, with the values from $4 on. */
function meantGrants(ending: Exclude<Ending, { kind: 'client' | 'sessions' | 'refresh_secret' }>): [string, unknown[]] {
  switch (ending.kind) {
    case 'account':
    case 'account_grants':
      return [
        `SELECT id FROM grants WHERE ended_at IS NULL AND (sub, client_id) >= ($4, '') AND sub <= $4 AND epoch < $5
         ORDER BY sub, client_id, status_index`,
        [ending.sub, ending.epoch],
      ]
    case 'connection':
      return [
        `SELECT id FROM grants
         WHERE ended_at IS NULL AND (sub, client_id) >= ($4, $5) AND (sub, client_id) <= ($4, $5) AND epoch < $6
         ORDER BY sub, client_id, status_index`,
        [ending.sub, ending.clientId, ending.epoch],
      ]
    case 'client_grants':
      return [
        `SELECT id FROM grants WHERE ended_at IS NULL AND client_id >= $4 AND client_id <= $4 AND client_epoch < $5
         ORDER BY client_id, status_index`,
        [ending.clientId, ending.epoch],
      ]
    case 'session_grants':
      return [
        `SELECT bound.id FROM unnest($4::bigint[]) AS ended (id) CROSS JOIN LATERAL (
           SELECT grants.id FROM grants
           WHERE ended_at IS NULL AND (session_id, client_id) >= (ended.id, '') AND session_id <= ended.id
             AND NOT 'offline_access' = ANY (scopes)
           ORDER BY session_id, client_id, status_index LIMIT $1) AS bound`,
        [ending.sessionIds],
      ]
  }
}

/**
 * Ends a batch of the sessions of an account that are of an earlier epoch.
 *
 * @param most rows
 * @returns their ids as well
 */
export async function endSessionsOf(
  tx: Queryable,
  { sub, epoch }: Extract<Ending, { kind: 'account' | 'sessions' }>,
  decidedAt: Date | undefined,
  most: number,
): Promise<Batch & { readonly ids: readonly number[] }> {
  const { rows } = await tx.query<{ found: number; ended: number[] }>({
    text: `WITH found AS (
             SELECT id FROM sessions WHERE ended_at IS NULL AND (sub, id) >= ($1, 0) AND sub <= $1 AND epoch < $2
             ORDER BY sub, id LIMIT $3
           ), held AS (
             SELECT id FROM sessions WHERE id = ANY (ARRAY(SELECT id FROM found)) AND ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED
           ), ended AS (
             UPDATE sessions SET ended_at = coalesce($4, now()) WHERE id = ANY (ARRAY(SELECT id FROM held)) RETURNING id
           )
           SELECT (SELECT count(*) FROM found) AS found, ARRAY(SELECT id FROM ended) AS ended`,
    values: [sub, epoch, most, decidedAt ?? null],
  })
  const { found, ended } = rows[0]!
  return { ...batchOf(found, ended.length, most), ids: ended }
}

/**
 * Ends a batch of the grants whose refresh tokens were made with a version of the secret that was revoked. Their families expire, so that
 * the next batch does not find them again.
 *
 * @param most rows
 */
export async function endFamiliesOf(
  tx: Queryable,
  { version, reason }: Extract<Ending, { kind: 'refresh_secret' }>,
  decidedAt: Date | undefined,
  most: number,
): Promise<Batch> {
  const { rows } = await tx.query<{ found: number; expired: number }>({
    text: `WITH found AS (
             SELECT digest FROM refresh_families
             WHERE secret_version >= $1 AND secret_version <= $1 AND expires_at > now()
             ORDER BY secret_version, expires_at LIMIT $2
           ), held AS (
             SELECT refresh_families.digest, grants.id FROM refresh_families JOIN grants ON grants.id = grant_id
             WHERE refresh_families.digest = ANY (ARRAY(SELECT digest FROM found))
             FOR NO KEY UPDATE OF refresh_families, grants SKIP LOCKED
           ), expired AS (
             UPDATE refresh_families SET expires_at = now() WHERE digest = ANY (ARRAY(SELECT digest FROM held)) RETURNING 1
           ), ended AS (
             UPDATE grants SET ended_at = coalesce($3, now()), end_reason = $4
             WHERE id = ANY (ARRAY(SELECT id FROM held)) AND ended_at IS NULL
           )
           SELECT (SELECT count(*) FROM found) AS found, (SELECT count(*) FROM expired) AS expired`,
    values: [version, most, decidedAt ?? null, reason],
  })
  return batchOf(rows[0]!.found, rows[0]!.expired, most)
}

/** Forgets a batch of what a deleted account said of clients. */
export async function deleteConnectionsOf(tx: Queryable, sub: string, most: number): Promise<Batch> {
  return deleteBatches(tx, ['consents', 'disconnections'], 'sub', sub, most)
}

/**
 * Deletes a batch of the grants of a client with their codes and refresh tokens. Those that were open leave the event of their end.
 *
 * @param most rows
 */
export async function deleteGrantsOf(tx: Queryable, clientId: string, most: number): Promise<Batch> {
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
export async function deleteRecordsOf(tx: Queryable, clientId: string, most: number): Promise<Batch> {
  return deleteBatches(tx, ['consents', 'disconnections', 'client_assertions'], 'client_id', clientId, most)
}

/** Deletes the row of a client that was marked as deleted, once nothing is left that refers to it. */
export async function deleteMarkedClient(tx: Queryable, clientId: string): Promise<void> {
  await tx.query({
    text: 'DELETE FROM clients WHERE client_id = $1 AND deleted_at IS NOT NULL',
    values: [clientId],
  })
}

/** @param tables, column constants of this file */
async function deleteBatches(
  tx: Queryable,
  tables: readonly string[],
  column: string,
  value: string,
  most: number,
): Promise<Batch> {
  let all: Batch = { rows: 0, left: false }
  for (const table of tables) {
    const { rows } = await tx.query<{ found: number; gone: number }>({
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
    all = together(all, batchOf(rows[0]!.found, rows[0]!.gone, most))
  }
  return all
}

/** Two batches of one ending. */
export function together(one: Batch, other: Batch): Batch {
  return { rows: one.rows + other.rows, left: one.left || other.left }
}

function batchOf(found: number, done: number, most: number): Batch {
  return { rows: done, left: found === most || done < found }
}
