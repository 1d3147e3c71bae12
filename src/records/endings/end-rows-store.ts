import type { Queryable } from '../../platform/database/queryable.ts'
import { eventValues, insertEventSql, type NewEvent } from '../events/events-store.ts'
import type { ClientId, GrantId, SessionId } from '../ids.ts'
import type { Ending, GrantEndReason } from './ending.ts'
import { grantAlive, grantStatusJoins } from './liveness-store.ts'

/*
 * Ends rows of grants and sessions. All statements that set `ended_at` are built with `endGrantsSql` and `endSessionsSql`. Many of them also change
 * something else: deleting a secret ends its standing grants in the same statement, and a new sign-in ends the previous session of the browser.
 * Such statements are in the stores of what they change, and use these two functions.
 */

/** The placeholder of a parameter in a statement. */
type Parameter = `$${number}`

/**
 * SQL that ends open grants, with their codes, refresh tokens and access tokens. Grants that have already ended keep their reason and time.
 *
 * @param reason the reason, or the parameter that contains it
 * @param which SQL: the condition that selects the grants
 * @param at SQL: the time of the end
 */
export function endGrantsSql(reason: GrantEndReason | Parameter, which: string, at = 'now()'): string {
  const value = reason.startsWith('$') ? reason : `'${reason}'`
  return `UPDATE grants SET ended_at = ${at}, end_reason = ${value} WHERE grants.ended_at IS NULL AND (${which})`
}

/**
 * SQL that ends the standing grants (client_credentials) of secrets. It finds them by the secrets, because a client can have millions of grants but
 * no more than two standing ones.
 *
 * @param secrets SQL that selects the IDs of the secrets
 */
export function endStandingGrantsSql(reason: GrantEndReason | Parameter, secrets: string): string {
  return endGrantsSql(reason, `sub IS NULL AND client_secret_id = ANY (ARRAY(${secrets}))`)
}

/**
 * SQL that ends open sessions. What they say about the person's device is removed: it is only for the list of open sessions.
 *
 * @param which SQL: the condition that selects the sessions
 * @param options `from`: another table that the condition refers to; `at`: the time of the end
 */
export function endSessionsSql(
  which: string,
  { from, at = 'now()' }: { readonly from?: string; readonly at?: string } = {},
): string {
  return `UPDATE sessions SET ended_at = ${at}, user_agent = NULL, network = NULL${from === undefined ? '' : ` FROM ${from}`} WHERE sessions.ended_at IS NULL AND (${which})`
}

/** SQL: the condition that selects the grant with the ID $1, if it is alive. */
const isLiveGrant = `grants.id = (SELECT grants.id FROM grants ${grantStatusJoins} WHERE grants.id = $1 AND ${grantAlive})`

const endGrantOnly = { name: 'end-grant', text: endGrantsSql('$2', isLiveGrant) }
const endGrantWithEvent = {
  name: 'end-grant-with-event',
  text: `WITH ended AS (${endGrantOnly.text} RETURNING 1), event AS (${insertEventSql('ended', 3)}) SELECT FROM ended`,
}

/**
 * Ends a grant permanently, with its codes, refresh tokens and access tokens. Of callers at the same time, one ends it: the others wait for the row, and then
 * find it ended.
 *
 * @param event recorded in the same statement, if the grant ends now
 * @returns false if it had already ended
 */
export async function endGrant(db: Queryable, id: GrantId, reason: GrantEndReason, event?: NewEvent): Promise<boolean> {
  const { rowCount } = await db.query({
    ...(event ? endGrantWithEvent : endGrantOnly),
    values: [id, reason, ...(event ? eventValues(event) : [])],
  })
  return rowCount === 1
}

/** Ends the grant of a code that was presented again, and records that in the same statement, even if the grant had already ended. */
export async function endReplayedGrant(db: Queryable, id: GrantId, event: NewEvent): Promise<void> {
  await db.query({
    name: 'end-replayed-grant',
    text: `WITH ended AS (${endGrantsSql('code_replayed', isLiveGrant)}) ${insertEventSql('(SELECT) AS replay', 2)}`,
    values: [id, ...eventValues(event)],
  })
}

/**
 * Ends the standing grants of a client, for an operator. Their rows are updated here and not later, because the next token request looks for an
 * open row. The caller has updated the row of the client, so no standing grant can be opened at the same time.
 *
 * @returns the number of grants that ended
 */
export async function endStandingGrants(tx: Queryable, clientId: ClientId): Promise<number> {
  const { rows } = await tx.query<{ ended: number }>({
    text: `WITH of_secrets AS (
             ${endStandingGrantsSql('revoked_by_operator', 'SELECT client_secrets.id FROM client_secrets WHERE client_secrets.client_id = $1')}
             RETURNING 1
           ), of_key AS (
             ${endGrantsSql('revoked_by_operator', 'sub IS NULL AND client_secret_id IS NULL AND client_id = $1')}
             RETURNING 1
           )
           SELECT (SELECT count(*) FROM of_secrets) + (SELECT count(*) FROM of_key) AS ended`,
    values: [clientId],
  })
  return rows[0]!.ended
}

/** The result of a batch. `left`: rows remain, because the batch was full or some were locked. */
export interface Batch {
  readonly rows: number
  readonly left: boolean
}

/*
 * The statements below find their rows by bounds on all columns of an index (`sub >= $1 AND sub <= $1`) rather than by equality. With equality the
 * planner may use another index, or read the whole table, if it expects many matching rows. It expects that for exactly those values that have a
 * large number of rows.
 */

/**
 * Ends a batch of the grants of an ending; an event is recorded for each. Skips locked rows, so it never waits.
 *
 * @param decidedAt when the decision was made; undefined: in this transaction
 * @param maxRows the maximum number of rows
 */
export async function endGrantsOf(
  tx: Queryable,
  ending: Exclude<Ending, { kind: 'client' | 'sessions' | 'refresh_secret' }>,
  decidedAt: Date | undefined,
  maxRows: number,
): Promise<Batch> {
  const [affected, values] = affectedGrants(ending)
  const { rows } = await tx.query<{ found: number; ended: number }>({
    text: `WITH found AS (${affected} LIMIT $1), held AS (
             SELECT id FROM grants WHERE id = ANY (ARRAY(SELECT id FROM found)) AND ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED
           ), ended AS (
             ${endGrantsSql('$3', 'id = ANY (ARRAY(SELECT id FROM held))', 'coalesce($2, now())')} RETURNING 1
           )
           SELECT (SELECT count(*) FROM found) AS found, (SELECT count(*) FROM ended) AS ended`,
    values: [maxRows, decidedAt ?? null, ending.reason, ...values],
  })
  return batchOf(rows[0]!.found, rows[0]!.ended, maxRows)
}

/** SQL that selects at most $1 open grants of an ending, and its values from $4 on. */
function affectedGrants(
  ending: Exclude<Ending, { kind: 'client' | 'sessions' | 'refresh_secret' }>,
): [string, unknown[]] {
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
 * Ends a batch of the sessions of an account that belong to an earlier epoch.
 *
 * @param maxRows the maximum number of rows
 * @returns the IDs of the sessions as well
 */
export async function endSessionsOf(
  tx: Queryable,
  { sub, epoch }: Extract<Ending, { kind: 'account' | 'sessions' }>,
  decidedAt: Date | undefined,
  maxRows: number,
): Promise<Batch & { readonly ids: readonly SessionId[] }> {
  const { rows } = await tx.query<{ found: number; ended: SessionId[] }>({
    text: `WITH found AS (
             SELECT id FROM sessions WHERE ended_at IS NULL AND (sub, id) >= ($1, 0) AND sub <= $1 AND epoch < $2
             ORDER BY sub, id LIMIT $3
           ), held AS (
             SELECT id FROM sessions WHERE id = ANY (ARRAY(SELECT id FROM found)) AND ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED
           ), ended AS (
             ${endSessionsSql('id = ANY (ARRAY(SELECT id FROM held))', { at: 'coalesce($4, now())' })} RETURNING id
           )
           SELECT (SELECT count(*) FROM found) AS found, ARRAY(SELECT id FROM ended) AS ended`,
    values: [sub, epoch, maxRows, decidedAt ?? null],
  })
  const { found, ended } = rows[0]!
  return { ...batchOf(found, ended.length, maxRows), ids: ended }
}

/**
 * Ends a batch of the grants whose refresh tokens were made with a revoked version of the secret. Their families are marked as expired, so that the
 * next batch does not find them again.
 *
 * @param maxRows the maximum number of rows
 */
export async function endFamiliesOf(
  tx: Queryable,
  { version, reason }: Extract<Ending, { kind: 'refresh_secret' }>,
  decidedAt: Date | undefined,
  maxRows: number,
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
             ${endGrantsSql('$4', 'id = ANY (ARRAY(SELECT id FROM held))', 'coalesce($3, now())')}
           )
           SELECT (SELECT count(*) FROM found) AS found, (SELECT count(*) FROM expired) AS expired`,
    values: [version, maxRows, decidedAt ?? null, reason],
  })
  return batchOf(rows[0]!.found, rows[0]!.expired, maxRows)
}

/** @param maxRows the maximum number of rows of the batch */
export function batchOf(found: number, done: number, maxRows: number): Batch {
  return { rows: done, left: found === maxRows || done < found }
}
