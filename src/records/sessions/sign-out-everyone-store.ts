import type { Database } from '../../platform/database/pool.ts'
import { inTransaction } from '../../platform/database/queryable.ts'
import { endGrantsSql, endSessionsSql } from '../endings/end-rows-store.ts'

/** The number of rows that one statement reads, so that none takes long. A call that was interrupted can be repeated. */
const batchSize = 1_000

/**
 * Signs everyone out. Ends all sessions, with one event per person and batch, and all grants of people, with one event each. Also forgets all known
 * browsers, because a restored backup contains browsers that had been forgotten since. Grants of client_credentials continue.
 *
 * @param author the operator, and the reason
 * @returns how many sessions and grants ended
 */
export async function signOutEveryone(
  db: Database,
  { by, reason }: { readonly by: string; readonly reason?: string | undefined },
): Promise<{ sessions: number; grants: number }> {
  const detail = JSON.stringify({ by, ...(reason !== undefined && { reason }) })
  // Sessions first: once they have ended, no new statement can open a grant.
  const sessions = await inBatches((after) =>
    db.query<Batch>({
      text: `WITH batch AS (
               SELECT id, ended_at IS NULL AS alive FROM sessions WHERE id > $1 ORDER BY id LIMIT ${batchSize}
             ), ended AS (
               ${endSessionsSql('id = ANY (ARRAY(SELECT id FROM batch WHERE alive))')} RETURNING sub
             ), recorded AS (
               INSERT INTO events (type, sub, detail)
               SELECT 'sessions_ended', sub, $2::jsonb || jsonb_build_object('sessions', count(*)) FROM ended GROUP BY sub
             )
             SELECT (SELECT count(*) FROM ended) AS ended, (SELECT max(id) FROM batch) AS last`,
      values: [after, detail],
    }),
  )
  // Opening a grant does not lock the session. This waits for statements that started earlier and are still opening grants.
  await inTransaction(db, (tx) => tx.query({ text: 'LOCK TABLE grants IN SHARE MODE' }))
  const grants = await inBatches((after) =>
    db.query<Batch>({
      text: `WITH batch AS (
               SELECT id, status_index, sub IS NOT NULL AND ended_at IS NULL AS alive FROM grants
               WHERE status_index > $1 ORDER BY status_index LIMIT ${batchSize}
             ), ended AS (
               ${endGrantsSql('revoked_by_operator', 'id = ANY (ARRAY(SELECT id FROM batch WHERE alive))')} RETURNING id
             )
             SELECT (SELECT count(*) FROM ended) AS ended, (SELECT max(status_index) FROM batch) AS last`,
      values: [after],
    }),
  )
  await forgetAllBrowsers(db)
  return { sessions, grants }
}

/** Skips locked rows: a browser that is signing in right now would become known again immediately anyway. */
async function forgetAllBrowsers(db: Database): Promise<void> {
  for (let last: Place | undefined = { sub: '', browser_digest: Buffer.of() }; last; ) {
    const { rows }: { rows: Place[] } = await db.query<Place>({
      text: `WITH batch AS (
               SELECT sub, browser_digest FROM known_browsers WHERE (sub, browser_digest) > ($1, $2)
               ORDER BY sub, browser_digest LIMIT ${batchSize} FOR UPDATE SKIP LOCKED
             ), forgotten AS (
               DELETE FROM known_browsers WHERE (sub, browser_digest) IN (SELECT sub, browser_digest FROM batch)
             )
             SELECT sub, browser_digest FROM batch ORDER BY sub DESC, browser_digest DESC LIMIT 1`,
      values: [last.sub, last.browser_digest],
    })
    last = rows[0]
  }
}

interface Place {
  readonly sub: string
  readonly browser_digest: Buffer
}

interface Batch {
  readonly ended: number
  /** The number of the last row that was read; null if there was none. */
  readonly last: number | null
}

/**
 * Goes through a table in the order of its numbers, so that rows that have already ended are read once and not by every statement. Repeats this until
 * a pass finds nothing to end, because rows that were being inserted in the meantime may have lower numbers.
 */
async function inBatches(next: (after: number) => Promise<{ rows: Batch[] }>): Promise<number> {
  let ended = 0
  for (let before = -1; before < ended; ) {
    before = ended
    for (let last: number | null = 0; last !== null; ) {
      const { rows } = await next(last)
      ended += rows[0]?.ended ?? 0
      last = rows[0]?.last ?? null
    }
  }
  return ended
}
