import type { Queryable } from '../../platform/database/queryable.ts'
import { supersededVersionKeptFor } from '../../platform/secrets/purpose-secrets-store.ts'
import { longestAccessTokenTtl } from '../resources/resources-store.ts'

/** Maximum rows that one statement deletes, so that it holds locks only for milliseconds. */
const batch = 500

/** Grants that were replaced by newer ones. A browser can leave very many, and they are not needed for investigations. */
const deleteSuperseded = `WITH old AS (
   DELETE FROM grants WHERE id IN (
     SELECT id FROM grants WHERE end_reason = 'superseded' AND ended_at < now() - make_interval(secs => $1)
     LIMIT $2 FOR UPDATE SKIP LOCKED)
   RETURNING id
  )
  SELECT count(*) AS deleted FROM old`

/**
 * Clients that registered themselves, and to which nobody has ever given access. Their rows are deleted as those of any deleted client. Rows are locked in
 * the same order as when a grant is opened, the client first. A client to which somebody is just giving access is locked, and stays.
 */
const deleteUnusedClients = `WITH found AS MATERIALIZED (
   SELECT clients.client_id FROM client_registrations JOIN clients ON clients.client_id = client_registrations.client_id
   WHERE used_at IS NULL AND registered_at < now() - make_interval(secs => $1)
   ORDER BY registered_at LIMIT $2 FOR UPDATE OF clients SKIP LOCKED
  ), unused AS (
   DELETE FROM client_registrations WHERE client_id = ANY (ARRAY(SELECT client_id FROM found)) AND used_at IS NULL RETURNING client_id
  ), gone AS (
   UPDATE clients SET deleted_at = now()
   WHERE client_id = ANY (ARRAY(SELECT client_id FROM unused)) AND deleted_at IS NULL RETURNING client_id
  ), ended AS (
   INSERT INTO endings (kind, reason, decided_at, due_at, client_id) SELECT 'client', 'client_deleted', now(), now(), client_id FROM gone
  ), recorded AS (
   INSERT INTO events (type, client_id, detail)
   SELECT 'client_deleted', client_id, '{"by": "schedule", "reason": "never_used"}' FROM gone
  )
  SELECT count(*) AS deleted FROM found`

/** The oldest first, by the index on `at`. The database refuses to delete events younger than 30 days. */
const deleteEvents = `WITH old AS (
   DELETE FROM events WHERE id = ANY (ARRAY(
     SELECT id FROM events WHERE at < now() - make_interval(secs => $1)
     ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))
   RETURNING 1
  )
  SELECT count(*) AS deleted FROM old`

/**
 * Removes network addresses, devices and the names of passkeys from the next batch of events about a deleted person, in order. Runs a minute after the deletion, when all
 * requests that were in progress have ended. `deleted` is a full batch if there was a deleted person, because there may be more.
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
   UPDATE events SET network = NULL, user_agent = NULL, detail = detail - '{passkey,before}'::text[]
   WHERE id = ANY (ARRAY(SELECT id FROM found)) AND (network IS NOT NULL OR user_agent IS NOT NULL OR detail ?| '{passkey,before}'::text[])
  ), moved AS (
   UPDATE erasures SET (at, event_id) = (SELECT at, id FROM found ORDER BY at DESC, id DESC LIMIT 1)
   WHERE sub = (SELECT sub FROM due) AND (SELECT count(*) FROM found) = $2
  ), done AS (
   DELETE FROM erasures WHERE sub = (SELECT sub FROM due) AND (SELECT count(*) FROM found) < $2
  )
  SELECT count(*) * $2 AS deleted, $1::integer AS kept_for FROM due`

/**
 * Links of mails, and other values that are stored as digests.
 *
 * @param keptFor how long they are kept once they have expired, as an interval of PostgreSQL
 */
const deleteLinks = (table: string, keptFor: string): readonly [name: string, text: string] => [
  table,
  `WITH old AS (
     DELETE FROM ${table} WHERE digest IN (
       SELECT digest FROM ${table} WHERE expires_at < now() - interval '${keptFor}'
       LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING 1
   )
   SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
]

/*
 * Each statement deletes one batch of rows that no request can need any more, found by an index, and skips locked rows. So several nodes can
 * clean up at the same time, and no sign-in waits for them. A grant is deleted with the last row that refers to it.
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
  // Requests of devices that nobody has allowed. Anyone can cause these, so they are kept only as long as a device may still ask.
  [
    'device_requests',
    `WITH old AS (
       DELETE FROM device_requests WHERE digest IN (
         SELECT digest FROM device_requests WHERE grant_id IS NULL AND expires_at < now() - interval '1 hour'
         LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING 1
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  ],
  [
    'allowed device_requests',
    `WITH old AS (
       DELETE FROM device_requests WHERE digest IN (
         SELECT digest FROM device_requests WHERE grant_id IS NOT NULL AND expires_at < now() - make_interval(secs => $1)
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
  // Anyone can cause refusals, so they are kept for a week, but never more than a million. One statement for each rule, so that each scans only
  // the part of its own index that it deletes.
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
    // Anyone can send names of verifiers: the five thousand most recently seen are kept, for 90 days.
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
  // Windows that have ended, and those that started while a clock was ahead (records/limits/sign-in-limits-store.ts).
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
  // Consecutive failed sign-ins, deleted after a day without one. Those in the future were counted while a clock was wrong.
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
  // A browser keeps the cookie that identifies it for a year (platform/http/cookies.ts).
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
  // Servers that were killed. A server that stops normally removes its own row.
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
  // They contain addresses and password hashes, and nothing depends on them once the change can no longer be undone.
  deleteLinks('email_changes', '0'),
  deleteLinks('account_notices', '0'),
  deleteLinks('unfinished_sign_ins', '0'),
  // A node whose clock is minutes behind still accepts a challenge that has expired here, and must find that it is spent (maxClockDifference in cleaner.ts).
  deleteLinks('spent_challenges', '1 hour'),
  [
    'replaced_passwords',
    `WITH old AS (
       DELETE FROM replaced_passwords WHERE sub IN (
         SELECT sub FROM replaced_passwords WHERE expires_at < now()
         LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING 1
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for FROM old`,
  ],
  ['superseded grants', deleteSuperseded],
  deleteLinks('account_recoveries', '1 day'),
  // Mails that asked to verify an address. Their links have expired, but whoever did not ask for them can still say so for a week.
  deleteLinks('email_verifications', '7 days'),
  // They contain names and addresses. The list shows what became of them for a week.
  deleteLinks('invitations', '7 days'),
  // Versions that have not been used for long enough, and on which nothing that is still valid depends. A session may have a version that was
  // revoked since; the next version then replaces it, and is kept.
  [
    'purpose_secrets',
    `WITH old AS (
       DELETE FROM purpose_secrets AS old
       WHERE (SELECT min(activates_at) FROM purpose_secrets AS later WHERE later.purpose = old.purpose AND later.version > old.version)
           < now() - ${supersededVersionKeptFor}
         AND NOT (purpose = 'refresh-mac' AND EXISTS (
           SELECT FROM refresh_families WHERE secret_version >= old.version AND secret_version <= old.version AND expires_at > now()))
         AND NOT (purpose = 'session-id' AND coalesce((SELECT min(sid_version) FROM sessions) <= version, false))
         AND NOT (purpose = 'totp-sealing' AND EXISTS (SELECT FROM totp_secrets WHERE totp_secrets.version = old.version))
         AND NOT (purpose = 'recovery-codes' AND EXISTS (SELECT FROM recovery_codes WHERE recovery_codes.version = old.version))
       RETURNING purpose, version
     ), recorded AS (
       INSERT INTO events (type, detail)
       SELECT 'secret_retired', jsonb_build_object('by', 'schedule', 'purpose', purpose, 'version', version) FROM old
     )
     SELECT count(*) AS deleted, $1::integer AS kept_for, $2::integer AS size FROM old`,
  ],
  ['events', deleteEvents],
  ['unused clients', deleteUnusedClients],
  // Initial access tokens. The list shows what became of them for a week.
  deleteLinks('registration_tokens', '7 days'),
  ['addresses of deleted people', eraseAddresses],
]

/**
 * Deletes a batch of each kind. Rows that a valid access token may depend on are kept, whatever the token lifetime of its resource. If a
 * statement fails, the others still run, and it is retried with fewer rows in the next round: a batch that is too large for the statement
 * timeout would fail every time.
 *
 * @param keptFor minimum seconds that a row is kept after it has ended
 * @returns whether there may be more to delete
 */
export async function deleteExpired(
  db: Queryable,
  keptFor: number,
  {
    supersededFor = keptFor,
    eventsFor,
    unusedClientsFor,
    isClockPlausible = () => true,
    sizes = new Map(),
    failed = rethrow,
  }: Partial<Round> = {},
): Promise<boolean> {
  const { rows } = await db.query<{ now: Date }>({ text: 'SELECT clock_timestamp() AS now' })
  const longest = (await longestAccessTokenTtl(db)) ?? 0
  const [kept, superseded] = [Math.max(keptFor, longest), Math.max(supersededFor, longest)]
  if (!isClockPlausible(rows[0]!.now.getTime())) return false
  const secondsOf = new Map([
    [deleteSuperseded, superseded],
    [deleteEvents, eventsFor],
    [deleteUnusedClients, unusedClientsFor],
  ])
  let more = false
  for (const [name, text] of statements) {
    const size = sizes.get(name) ?? batch
    try {
      const seconds = secondsOf.has(text) ? secondsOf.get(text) : kept
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

/** For how long something is kept that operators decide about. */
export interface Keeping {
  /** Seconds that events are kept; undefined: forever. */
  readonly eventsFor: number | undefined
  /** Seconds that a client which registered itself is kept until it is first used; undefined: forever. */
  readonly unusedClientsFor: number | undefined
}

/** Options of a round, and the state that the caller keeps between rounds. */
interface Round extends Keeping {
  /** Minimum seconds that a superseded grant is kept after it has ended. */
  readonly supersededFor: number
  /** Whether the time of the database's clock, in milliseconds since 1970, is plausible; if not, nothing is deleted. */
  readonly isClockPlausible: (databaseNow: number) => boolean
  /** The next batch size of each statement. */
  readonly sizes: Map<string, number>
  /** Called for each failed statement; by default the error is thrown. */
  readonly failed: (what: string, error: unknown) => void
}

function rethrow(_what: string, error: unknown): never {
  throw error
}
