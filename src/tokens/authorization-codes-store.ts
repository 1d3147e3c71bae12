import type { Queryable } from '../platform/database/queryable.ts'
import { type GrantTerms, grantTermsJson } from '../records/consents/consents-store.ts'
import type { StoredCode } from './authorization-code.ts'

/** A code about to be issued, with the grant that it opens. Times in milliseconds since 1970, lifetime in seconds. */
export interface NewCode {
  readonly digest: Buffer
  readonly ttl: number
  readonly grant: {
    readonly id: string
    readonly clientId: string
    readonly sub: string
    readonly sessionId: number
    readonly scopes: readonly string[]
    readonly resources: readonly string[]
    readonly authTime: number
    readonly acr: string
    readonly amr: readonly string[]
  }
  readonly redirectUri: string
  readonly codeChallenge: string | undefined
  readonly nonce: string | undefined
  readonly sid: string
}

/**
 * Opens a grant and writes its code, unless the session has ended in the meantime.
 *
 * @returns whether it did
 */
export async function insertCode(db: Queryable, code: NewCode): Promise<boolean> {
  const { grant } = code
  const { rowCount } = await db.query({
    name: 'insert-authorization-code',
    text: `WITH opened AS (
             INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, auth_time, acr, amr)
             SELECT $1, $2, $3, sessions.id, $5, $6, $7, $8, $9 FROM sessions WHERE sessions.id = $4 AND ended_at IS NULL FOR SHARE
             RETURNING id
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
    ],
  })
  return rowCount === 1
}

/** The code and its grant, locked until the transaction ends: of any number of redeemers one is first. */
export async function lockCode(tx: Queryable, digest: Buffer): Promise<StoredCode | undefined> {
  const { rows } = await tx.query<{
    grant_id: string
    client_id: string
    sub: string
    redirect_uri: string
    code_challenge: string | null
    nonce: string | null
    sid: string
    scopes: string[]
    resources: string[]
    terms: GrantTerms
    auth_time: Date
    acr: string
    amr: string[]
    expired: boolean
    grant_ended: boolean
    spent_ago: number | null
  }>({
    name: 'lock-authorization-code',
    // Account and session are looked at too: a grant that was opened while they were being ended has not ended with the others.
    text: `SELECT grant_id, client_id, grants.sub, redirect_uri, code_challenge, nonce, sid, scopes, resources, ${grantTermsJson} AS terms, grants.auth_time, acr,
             grants.amr, authorization_codes.expires_at <= clock_timestamp() AS expired,
             grants.ended_at IS NOT NULL OR disabled_at IS NOT NULL OR deleted_at IS NOT NULL
               OR (sessions.ended_at IS NOT NULL AND NOT 'offline_access' = ANY (scopes)) AS grant_ended,
             extract(epoch FROM clock_timestamp() - spent_at)::float8 AS spent_ago
           FROM authorization_codes JOIN grants ON grants.id = grant_id JOIN accounts ON accounts.sub = grants.sub
             LEFT JOIN sessions ON sessions.id = grants.session_id
           WHERE authorization_codes.digest = $1 FOR UPDATE OF authorization_codes, grants`,
    values: [digest],
  })
  const row = rows[0]
  return (
    row && {
      grantId: row.grant_id,
      clientId: row.client_id,
      sub: row.sub,
      redirectUri: row.redirect_uri,
      codeChallenge: row.code_challenge ?? undefined,
      nonce: row.nonce ?? undefined,
      sid: row.sid,
      scopes: row.scopes,
      resources: row.resources,
      terms: row.terms,
      authTime: row.auth_time.getTime(),
      acr: row.acr,
      amr: row.amr,
      expired: row.expired,
      grantEnded: row.grant_ended,
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
