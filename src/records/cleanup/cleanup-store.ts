import type { Queryable } from '../../platform/database/queryable.ts'
import { supersededVersionKeptFor } from '../../platform/secrets/purpose-secrets-store.ts'
import { longestAccessTokenTtl } from '../resources/resources-store.ts'

/** Rows that one statement deletes at the most: it must hold locks for milliseconds only. */
const batch = 500

/** What newer grants took the place of: a browser can leave very many, and nobody looks into them. */
const deleteSuperseded = `WITH old AS (
   DELETE FROM grants WHERE id IN (
     SELECT id FROM grants WHERE end_reason = 'superseded' AND ended_at < now() - make_interval(secs => $1)
     LIMIT $2 FOR UPDATE SKIP LOCKED)
   RETURNING id
  )
  SELECT count(*) AS deleted FROM old`

/** By the index over `at`, the oldest first. The database refuses to delete an event that is younger than 30 days. */
const deleteEvents = `WITH old AS (
   DELETE FROM events WHERE id = ANY (ARRAY(
     SELECT id FROM events WHERE at < now() - make_interval(secs => $1)
     ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))
   RETURNING 1
  )
  SELECT count(*) AS deleted FROM old`

/**
 * Removes the addresses from the next batch of the events about one person who was deleted, in their order. A minute after the
 * deletion, when every request that was under way has ended. `deleted` is a whole batch if there was somebody: there may be others.
 */
const eraseAddresses = `WITH due AS (
   SELECT sub, at, event_id FROM erasures WHERE requested_at < now() - interval '1 minute'
   ORDER BY requested_at LIMIT 1 FOR UPDATE SKIP LOCKED
  ), found AS (
   SELECT about.id, about.at FROM due CROSS JOIN LATERAL (
     SELECT id, at FROM events
     WHERE events.sub BETWEEN due.sub AND due.sub AND (events.at, events.id) > (due.at, due.event_id)
     ORDER BY events.sub, events.at, events.id LIMIT $2) AS about
  ), erased AS (
   UPDATE events SET network = NULL WHERE id = ANY (ARRAY(SELECT id FROM found)) AND network IS NOT NULL
  ), moved AS (
   UPDATE erasures SET (at, event_id) = (SELECT at, id FROM found ORDER BY at DESC, id DESC LIMIT 1)
   WHERE sub = (SELECT sub FROM due) AND (SELECT count(*) FROM found) = $2
  ), done AS (
   DELETE FROM erasures WHERE sub = (SELECT sub FROM due) AND (SELECT count(*) FROM found) < $2
  )
  SELECT count(*) * $2 AS deleted, $1::integer AS kept_for FROM due`

/*
 * Each statement deletes one batch of what no request can need any more, found by an index, and passes over rows that somebody
 * holds: several nodes clean up side by side, and no sign-in waits for them. A grant goes with the last that hung on it.
 */
const statements: readonly (readonly [name: string, text: string])[] = [
  [
    'authorization_codes',
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
  ],
  [
    'refresh_families',
    `WITH old AS (
       DELETE FROM refresh_families WHERE digest IN (
         SELECT digest FROM refresh_families WHERE expires_at < now() - make_interval(secs => $1)
         LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING grant_id
     ), grants_gone AS (
       DELETE FROM grants USING old WHERE id = grant_id
     )
     SELECT count(*) AS deleted FROM old`,
  ],
  [
    'standing grants',
    `WITH old AS (
       DELETE FROM grants WHERE id IN (
         SELECT id FROM grants WHERE sub IS NULL AND ended_at < now() - make_interval(secs => $1)
         LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING id
     )
     SELECT count(*) AS deleted FROM old`,
  ],
  [
    'client_assertions',
    `WITH old AS (
       DELETE FROM client_assertions WHERE (client_id, jti_digest) IN (
         SELECT client_id, jti_digest FROM client_assertions WHERE expires_at < now()
         LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING 1
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  ],
  // Anybody can cause refusals: a week of them is kept, but never more than a million. A statement for each, so that each goes through
  // its own index from the start and no further than what it deletes.
  [
    'old refusals',
    `WITH old AS (
       DELETE FROM refusals WHERE id = ANY (ARRAY(
         SELECT id FROM refusals WHERE at < now() - make_interval(secs => least($1, 7 * 86400))
         ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))
       RETURNING id
     )
     SELECT count(*) AS deleted FROM old`,
  ],
  [
    'refusals beyond a million',
    `WITH old AS (
       DELETE FROM refusals WHERE id = ANY (ARRAY(
         SELECT id FROM refusals WHERE id <= (SELECT max(id) FROM refusals) - 1000000
         ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED))
       RETURNING id
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  ],
  [
    // Anybody can send names of verifiers: the five thousand that were seen last are kept, for 90 days.
    'verifiers',
    `WITH old AS (
       DELETE FROM verifiers WHERE name IN (
         SELECT name FROM verifiers
         WHERE fetched_at < greatest(now() - interval '90 days',
           (SELECT fetched_at FROM verifiers ORDER BY fetched_at DESC OFFSET 4999 LIMIT 1))
         LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING 1
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  ],
  // Windows that are over, and those that a clock which was ahead has begun (records/limits/sign-in-limits-store.ts).
  [
    'rate_limits',
    `WITH old AS (
       DELETE FROM rate_limits WHERE key = ANY (ARRAY(
         SELECT key FROM rate_limits WHERE expire < (extract(epoch FROM now()) * 1000)::bigint
         ORDER BY expire LIMIT $2 FOR UPDATE SKIP LOCKED))
       RETURNING 1
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  ],
  [
    'rate_limits in the future',
    `WITH old AS (
       DELETE FROM rate_limits WHERE key = ANY (ARRAY(
         SELECT key FROM rate_limits WHERE expire > (extract(epoch FROM now()) * 1000)::bigint + 2 * 86400000
         ORDER BY expire DESC LIMIT $2 FOR UPDATE SKIP LOCKED))
       RETURNING 1
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  ],
  // Failed sign-ins in a row: forgotten after a day without one. Those in the future were counted while a clock was wrong.
  [
    'failed_sign_ins',
    `WITH old AS (
       DELETE FROM failed_sign_ins WHERE key = ANY (ARRAY(
         SELECT key FROM failed_sign_ins WHERE failed_at < now() - interval '1 day'
         ORDER BY failed_at LIMIT $2 FOR UPDATE SKIP LOCKED))
       RETURNING 1
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  ],
  [
    'failed_sign_ins in the future',
    `WITH old AS (
       DELETE FROM failed_sign_ins WHERE key = ANY (ARRAY(
         SELECT key FROM failed_sign_ins WHERE failed_at > now() + interval '1 day'
         ORDER BY failed_at DESC LIMIT $2 FOR UPDATE SKIP LOCKED))
       RETURNING 1
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  ],
  // A year is how long a browser keeps the cookie by which it is known (platform/http/cookies.ts).
  [
    'known_browsers',
    `WITH old AS (
       DELETE FROM known_browsers WHERE (sub, browser_digest) IN (
         SELECT sub, browser_digest FROM known_browsers WHERE used_at < now() - interval '365 days'
         ORDER BY used_at LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING 1
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  ],
  // Servers that were killed. One that stops removes its row itself.
  [
    'nodes',
    `WITH old AS (
       DELETE FROM nodes WHERE id IN (
         SELECT id FROM nodes WHERE started_at < now() - interval '1 day' AND seen_at < now() - interval '1 day'
         LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING 1
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  ],
  [
    'sessions',
    `WITH old AS (
       DELETE FROM sessions WHERE id IN (
         SELECT id FROM sessions WHERE least(expires_at, ended_at) < now() - make_interval(secs => $1)
         LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING id
     )
     SELECT count(*) AS deleted FROM old`,
  ],
  ['superseded grants', deleteSuperseded],
  // Versions that nothing has been made with for long enough, and that nothing alive was made with. A session may be of a version that was
  // revoked since; the next one has taken its place, and is kept for it.
  [
    'purpose_secrets',
    `WITH old AS (
       DELETE FROM purpose_secrets AS old
       WHERE (SELECT min(activates_at) FROM purpose_secrets AS later WHERE later.purpose = old.purpose AND later.version > old.version)
           < now() - ${supersededVersionKeptFor}
         AND NOT (purpose = 'refresh-mac' AND EXISTS (
           SELECT FROM refresh_families WHERE secret_version >= old.version AND secret_version <= old.version AND expires_at > now()))
         AND NOT (purpose = 'session-id' AND coalesce((SELECT min(sid_version) FROM sessions) <= version, false))
       RETURNING purpose, version
     ), told AS (
       INSERT INTO events (type, detail)
       SELECT 'secret_retired', jsonb_build_object('by', 'schedule', 'purpose', purpose, 'version', version) FROM old
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for, $2::integer AS size FROM old`,
  ],
  ['events', deleteEvents],
  ['addresses of deleted people', eraseAddresses],
]

/**
 * Deletes a batch of each kind. Nothing goes that a live access token may hang on, whatever its resource's lifetime. A statement that
 * fails stops none of the others, and is tried with fewer rows the next time: a batch that is too large for the statement's time limit
 * would fail for ever.
 *
 * @param keptFor seconds that a thing is kept after its end, at least
 * @returns whether there may be more
 */
export async function deleteExpired(
  db: Queryable,
  keptFor: number,
  { supersededFor = keptFor, eventsFor, isNow = () => true, sizes = new Map(), failed = rethrow }: Partial<Round> = {},
): Promise<boolean> {
  const { rows } = await db.query<{ now: Date }>({ text: 'SELECT clock_timestamp() AS now' })
  const longest = (await longestAccessTokenTtl(db)) ?? 0
  const [kept, superseded] = [Math.max(keptFor, longest), Math.max(supersededFor, longest)]
  if (!isNow(rows[0]!.now.getTime())) return false
  let more = false
  for (const [name, text] of statements) {
    const size = sizes.get(name) ?? batch
    try {
      const seconds = text === deleteSuperseded ? superseded : text === deleteEvents ? eventsFor : kept
      if (seconds === undefined) continue
      const { rows: counts } = await db.query<{ deleted: number }>({ text, values: [seconds, size] })
      more ||= counts[0]!.deleted === size
      sizes.set(name, Math.min(batch, size * 2))
    } catch (error) {
      sizes.set(name, Math.max(1, Math.floor(size / 4)))
      failed(name, error)
    }
  }
  return more
}

/** What the caller keeps and decides from one round to the next. */
interface Round {
  /** Seconds that a superseded grant is kept after its end, at least. */
  readonly supersededFor: number
  /** Seconds that an event is kept; undefined: for ever. */
  readonly eventsFor: number | undefined
  /** Whether the database's clock, in milliseconds since 1970, may be right; if not, nothing is deleted. */
  readonly isNow: (databaseNow: number) => boolean
  /** Rows of the next batch of each statement. */
  readonly sizes: Map<string, number>
  /** Called for each statement that failed; by default the error is thrown. */
  readonly failed: (what: string, error: unknown) => void
}

function rethrow(_what: string, error: unknown): never {
  throw error
}
