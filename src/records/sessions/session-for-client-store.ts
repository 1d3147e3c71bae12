import type { Queryable } from '../../platform/database/queryable.ts'
import { type ConsentJson, consentJson } from '../consents/consents-store.ts'
import { groupNamesOf } from '../groups/groups-store.ts'
import {
  type PushedRequestJson,
  pushedRequestFromJson,
  pushedRequestJson,
  type StoredPushedRequest,
} from '../pushed-requests/pushed-requests-store.ts'
import { type Session, type SessionJson, sessionFromJson, sessionSql } from './sessions-store.ts'

/** Everything that the database knows about an authorization request, apart from its client. */
export interface SessionForClient {
  readonly session: Session | undefined
  /** What the person of the session has allowed the client. `consentFromJson` says whether that still counts. */
  readonly consent: ConsentJson | undefined
  /** The names of all groups of the person, if they were asked for, otherwise empty. */
  readonly groups: readonly string[]
  readonly pushedRequest: StoredPushedRequest | undefined
}

const text = `WITH ${sessionSql('$1', '$2')}
  SELECT session.json AS session, CASE WHEN pushed_requests.digest IS NOT NULL THEN ${pushedRequestJson} END AS pushed,
    (SELECT ${consentJson} FROM consents WHERE consents.sub = session.sub AND consents.client_id = $3) AS consent,
    CASE WHEN $5 THEN ${groupNamesOf('session.sub')} END AS groups
  FROM (SELECT) AS once LEFT JOIN session ON true
    LEFT JOIN pushed_requests ON pushed_requests.digest = $4 AND pushed_requests.client_id = $3`

/**
 * The session of a cookie, as `findSession` reads it, with what its person has allowed a client, and a request that this client has pushed. All are of the same
 * moment: `insertCode` (tokens/authorization-codes-store.ts) opens no grant if a consent has been withdrawn since then, because that changes the epoch of the account.
 *
 * @param of.sessionDigest the digest of the cookie; undefined: there is none
 * @param of.idleTtl the idle timeout, in seconds
 * @param of.pushed the digest of the id of the pushed request; undefined: it was not pushed
 * @param of.withGroups whether to read the groups of the person
 */
export async function findSessionForClient(
  db: Queryable,
  of: {
    readonly sessionDigest: Buffer | undefined
    readonly idleTtl: number
    readonly clientId: string
    readonly pushed: Buffer | undefined
    readonly withGroups: boolean
  },
): Promise<SessionForClient> {
  const { rows } = await db.query<{
    session: SessionJson | null
    consent: ConsentJson | null
    groups: string[] | null
    pushed: PushedRequestJson | null
  }>({
    name: 'find-session-for-client',
    text,
    values: [of.sessionDigest ?? null, of.idleTtl, of.clientId, of.pushed ?? null, of.withGroups],
  })
  const { session, consent, groups, pushed } = rows[0]!
  return {
    session: session ? sessionFromJson(session) : undefined,
    consent: consent ?? undefined,
    groups: groups ?? [],
    pushedRequest: pushed ? pushedRequestFromJson(pushed) : undefined,
  }
}
