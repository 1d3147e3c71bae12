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
  const sessions = await untilNone(db, {
    text: `WITH ended AS (
             UPDATE sessions SET ended_at = now()
             WHERE id IN (SELECT id FROM sessions WHERE ended_at IS NULL LIMIT $1) AND ended_at IS NULL RETURNING sub
           ), told AS (
             INSERT INTO events (type, sub, detail)
             SELECT 'sessions_ended', sub, $2::jsonb || jsonb_build_object('sessions', count(*)) FROM ended GROUP BY sub
           )
           SELECT count(*)::int AS ended FROM ended`,
    values: [batch, detail],
  })
  const grants = await untilNone(db, {
    text: `WITH ended AS (
             UPDATE grants SET ended_at = now(), end_reason = 'revoked_by_operator'
             WHERE id IN (SELECT id FROM grants WHERE sub IS NOT NULL AND ended_at IS NULL LIMIT $1) AND ended_at IS NULL
             RETURNING id
           )
           SELECT count(*)::int AS ended FROM ended`,
    values: [batch],
  })
  return { sessions, grants }
}

async function untilNone(db: Queryable, statement: { text: string; values: unknown[] }): Promise<number> {
  for (let all = 0; ; ) {
    const { rows } = await db.query<{ ended: number }>(statement)
    const ended = rows[0]?.ended ?? 0
    if (ended === 0) return all
    all += ended
  }
}
