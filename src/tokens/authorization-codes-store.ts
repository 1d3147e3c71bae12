import type { Queryable } from '../platform/database/queryable.ts'
import { endGrantsSql } from '../records/endings/end-rows-store.ts'
import { isGrantAlive, sessionAlive } from '../records/endings/judgement-store.ts'
import { grantContextColumns, type PersonsGrantRow, personsGrantFromRow } from '../records/grants/grants-store.ts'
import type { ClientId, GrantId, SessionId, Sid, Sub } from '../records/ids.ts'
import type { StoredCode } from './authorization-code.ts'

/** A code about to be issued, with the grant that it opens. Times in milliseconds since 1970, lifetime in seconds. */
export interface NewCode {
  readonly digest: Buffer
  readonly ttl: number
  readonly grant: {
    readonly id: GrantId
    readonly clientId: ClientId
    readonly sub: Sub
    readonly sessionId: SessionId
    /** The account's epoch when session and consent were read (`Session.accountEpoch`). */
    readonly epoch: number
    readonly scopes: readonly string[]
    readonly resources: readonly string[]
    readonly authTime: number
    readonly acr: string
    readonly amr: readonly string[]
  }
  readonly redirectUri: string
  readonly codeChallenge: string | undefined
  readonly nonce: string | undefined
  readonly sid: Sid
}

/**
 * Open grants that one session can have of one client, counted separately with and without `offline_access`. A browser could open them
 * without end, and each is a row that somebody has to look at. An application that signs in again and again leaves short-lived ones behind.
 */
const openPerSession = 100

/*
 * One more ends one. Two that are opened at the same time may choose the same one, so every sixteenth looks further and ends what is too
 * much. Not every one: behind the oldest that is open, the index leads past all that have ended until PostgreSQL has vacuumed it.
 */
const [looksFurther, endedTogether] = [16, 50]

/**
 * Opens a grant and writes its code, unless the session, the client, or what the person allowed it has ended since it was read. In place
 * of the oldest grant, which ends, where the session has as many of this client as it may.
 *
 * Takes no lock on session or account: somebody who opens grants without pause must not keep their person from ending them. A decision
 * that this statement does not see yet ends the grant as well, because the grant is of an epoch before it.
 *
 * @returns whether it did
 */
export async function insertCode(db: Queryable, code: NewCode): Promise<boolean> {
  const { grant } = code
  const { rowCount } = await db.query({
    name: 'insert-authorization-code',
    text: `WITH opened AS (
             INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, auth_time, acr, amr, epoch, client_epoch)
             SELECT $1, $2, $3, sessions.id, $5, $6, $7, $8, $9, accounts.epoch, clients.grant_epoch
             FROM sessions JOIN accounts ON accounts.sub = sessions.sub JOIN clients ON clients.client_id = $2
             WHERE sessions.id = $4 AND accounts.sub = $3 AND ${sessionAlive} AND accounts.epoch = $16 AND clients.deleted_at IS NULL
             RETURNING id, status_index
           ), oldest AS (
             -- The client by bounds rather than equality, so that no other index gives this order, whatever a session has collected.
             SELECT id FROM grants
             WHERE session_id = $4 AND (session_id, client_id) >= ($4, $2) AND (session_id, client_id) <= ($4, $2) AND ended_at IS NULL
               AND ('offline_access' = ANY (scopes)) = ('offline_access' = ANY ($5)) AND EXISTS (SELECT FROM opened)
             ORDER BY session_id DESC, client_id DESC, status_index DESC
             OFFSET ${openPerSession - 1}
             LIMIT (SELECT CASE WHEN status_index % ${looksFurther} = 0 THEN ${endedTogether} ELSE 1 END FROM opened)
           ), held AS (
             SELECT id FROM grants WHERE id = ANY (ARRAY(SELECT id FROM oldest)) AND ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED
           ), ended AS (
             ${endGrantsSql('superseded', 'id = ANY (ARRAY(SELECT id FROM held))')}
           )
           INSERT INTO authorization_codes (digest, grant_id, redirect_uri, code_challenge, nonce, sid, expires_at)
           SELECT $10, opened.id, $11, $12, $13, $14, now() + make_interval(secs => $15) FROM opened`,
    values: [
      grant.id,
      grant.clientId,
      grant.sub,
      grant.sessionId,
      grant.scopes,
      grant.resources,
      new Date(grant.authTime),
      grant.acr,
      grant.amr,
      code.digest,
      code.redirectUri,
      code.codeChallenge ?? null,
      code.nonce ?? null,
      code.sid,
      code.ttl,
      grant.epoch,
    ],
  })
  return rowCount === 1
}

/** The code and its grant, locked until the transaction ends: of any number of redeemers one is first. */
export async function lockCode(tx: Queryable, digest: Buffer): Promise<StoredCode | undefined> {
  const { rows } = await tx.query<
    PersonsGrantRow & {
      redirect_uri: string
      code_challenge: string | null
      nonce: string | null
      sid: Sid
      expired: boolean
      spent_ago: number | null
    }
  >({
    name: 'lock-authorization-code',
    text: `SELECT ${grantContextColumns}, redirect_uri, code_challenge, nonce, sid,
             authorization_codes.expires_at <= clock_timestamp() AS expired,
             extract(epoch FROM clock_timestamp() - spent_at)::float8 AS spent_ago
           FROM authorization_codes JOIN grants ON grants.id = grant_id
           WHERE authorization_codes.digest = $1 FOR UPDATE OF authorization_codes, grants`,
    values: [digest],
  })
  const row = rows[0]
  return (
    row && {
      grant: personsGrantFromRow(row),
      redirectUri: row.redirect_uri,
      codeChallenge: row.code_challenge ?? undefined,
      nonce: row.nonce ?? undefined,
      sid: row.sid,
      expired: row.expired,
      grantEnded: !(await isGrantAlive(tx, row.grant_id)),
      spentAgo: row.spent_ago ?? undefined,
    }
  )
}

export async function spendCode(tx: Queryable, digest: Buffer): Promise<void> {
  await tx.query({
    name: 'spend-authorization-code',
    text: 'UPDATE authorization_codes SET spent_at = clock_timestamp() WHERE digest = $1',
    values: [digest],
  })
}
