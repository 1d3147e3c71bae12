import type { Queryable } from '../../platform/database/queryable.ts'

/** Rows at a time: no statement takes long, and who is cut short goes on where it was. */
const batch = 5_000

/**
 * Signs everybody out: ends all sessions, with an event a person, and all grants of people, each with its event. Those of machines
 * go on.
 *
 * @param author who orders it, and why
 * @returns how many ended
 */
export async function signEverybodyOut(
  db: Queryable,
  { by, reason }: { readonly by: string; readonly reason?: string | undefined },
): Promise<{ sessions: number; grants: number }> {
  const detail = JSON.stringify({ by, ...(reason !== undefined && { reason }) })
  // Sessions first: none of them can open another grant then.
  const sessions = await inOrder(db, {
    text: `WITH found AS (
             SELECT id FROM sessions WHERE id > $1 AND ended_at IS NULL ORDER BY id LIMIT $2
           ), ended AS (
             UPDATE sessions SET ended_at = now() WHERE id IN (SELECT id FROM found) AND ended_at IS NULL RETURNING sub
           ), told AS (
             INSERT INTO events (type, sub, detail)
             SELECT 'sessions_ended', sub, $3::jsonb || jsonb_build_object('sessions', count(*)) FROM ended GROUP BY sub
           )
           SELECT (SELECT max(id) FROM found) AS last, (SELECT count(*) FROM ended) AS ended`,
    values: [detail],
  })
  const grants = await inOrder(db, {
    text: `WITH found AS (
             SELECT status_index FROM grants WHERE status_index > $1 AND sub IS NOT NULL AND ended_at IS NULL
             ORDER BY status_index LIMIT $2
           ), ended AS (
             UPDATE grants SET ended_at = now(), end_reason = 'revoked_by_operator'
             WHERE status_index IN (SELECT status_index FROM found) AND ended_at IS NULL RETURNING id
           )
           SELECT (SELECT max(status_index) FROM found) AS last, (SELECT count(*) FROM ended) AS ended`,
    values: [],
  })
  return { sessions, grants }
}

/**
 * One batch after the other, each beginning where the one before it ended, so that what has ended already is not walked over again. Once more
 * from the beginning, until there is none: what was being opened meanwhile may have a lower number.
 *
 * @param statement the number to begin after is $1, the size of the batch $2, its own values follow
 * @returns how many ended
 */
async function inOrder(db: Queryable, { text, values }: { text: string; values: unknown[] }): Promise<number> {
  let all = 0
  for (let ofPass = Number.NaN; ofPass !== 0; all += ofPass) {
    ofPass = 0
    for (let after: number | null = 0; after !== null; ) {
      const { rows }: { rows: { last: number | null; ended: number }[] } = await db.query({
        text,
        values: [after, batch, ...values],
      })
      ofPass += rows[0]!.ended
      after = rows[0]!.last
    }
  }
  return all
}
