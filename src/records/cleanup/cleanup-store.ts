import type { Queryable } from '../../platform/database/queryable.ts'

/** Rows that one statement deletes at the most: it must hold locks for milliseconds only. */
const batch = 500

/*
 * Each statement deletes one batch of what no request can need any more, found by an index, and passes over rows that somebody
 * holds: several nodes clean up side by side, and no sign-in waits for them. A grant goes with the last that hung on it.
 */
const statements = [
  `WITH old AS (
     DELETE FROM authorization_codes WHERE digest IN (
       SELECT digest FROM authorization_codes WHERE expires_at < now() - make_interval(secs => $1)
       LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING grant_id
   ), grants_gone AS (
     DELETE FROM grants USING old WHERE id = grant_id
       AND NOT EXISTS (SELECT FROM refresh_families WHERE refresh_families.grant_id = grants.id)
   )
   SELECT count(*) AS deleted FROM old`,
  `WITH old AS (
     DELETE FROM refresh_families WHERE digest IN (
       SELECT digest FROM refresh_families WHERE expires_at < now() - make_interval(secs => $1)
       LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING grant_id
   ), grants_gone AS (
     DELETE FROM grants USING old WHERE id = grant_id
   )
   SELECT count(*) AS deleted FROM old`,
  `WITH old AS (
     DELETE FROM grants WHERE id IN (
       SELECT id FROM grants WHERE sub IS NULL AND ended_at < now() - make_interval(secs => $1)
       LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING id
   )
   SELECT count(*) AS deleted FROM old`,
  `WITH old AS (
     DELETE FROM client_assertions WHERE (client_id, jti_digest) IN (
       SELECT client_id, jti_digest FROM client_assertions WHERE expires_at < now()
       LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING 1
   )
   SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  // Anybody can cause refusals: a week of them is kept, but never more than a million.
  `WITH old AS (
     DELETE FROM refusals WHERE id IN (
       SELECT id FROM refusals
       WHERE at < now() - make_interval(secs => least($1, 7 * 86400))
          OR id <= (SELECT max(id) FROM refusals) - 1000000
       ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING id
   )
   SELECT count(*) AS deleted FROM old`,
  // Anybody can send names of verifiers: the five thousand that were seen last are kept, for 90 days.
  `WITH old AS (
     DELETE FROM verifiers WHERE name IN (
       SELECT name FROM verifiers
       WHERE fetched_at < greatest(now() - interval '90 days',
         (SELECT fetched_at FROM verifiers ORDER BY fetched_at DESC OFFSET 4999 LIMIT 1))
       LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING 1
   )
   SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  // Servers that were killed. One that stops removes its row itself.
  `WITH old AS (
     DELETE FROM nodes WHERE id IN (
       SELECT id FROM nodes WHERE started_at < now() - interval '1 day' AND seen_at < now() - interval '1 day'
       LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING 1
   )
   SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  `WITH old AS (
     DELETE FROM sessions WHERE id IN (
       SELECT id FROM sessions WHERE least(expires_at, ended_at) < now() - make_interval(secs => $1)
       LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING id
   )
   SELECT count(*) AS deleted FROM old`,
]

/**
 * Deletes a batch of each kind. Nothing goes that a live access token may hang on, whatever its resource's lifetime.
 *
 * @param keptFor seconds that a thing is kept after its end, at least
 * @returns whether there may be more
 */
export async function deleteExpired(db: Queryable, keptFor: number): Promise<boolean> {
  const { rows: longest } = await db.query<{ kept: number }>({
    text: 'SELECT greatest($1::integer, max(access_token_ttl)) AS kept FROM resources',
    values: [keptFor],
  })
  let more = false
  for (const text of statements) {
    const { rows } = await db.query<{ deleted: number }>({ text, values: [longest[0]!.kept, batch] })
    more ||= rows[0]!.deleted === batch
  }
  return more
}
