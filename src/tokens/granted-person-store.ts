import type { Queryable } from '../platform/database/queryable.ts'
import type { Account } from '../records/accounts/account.ts'
import { type AccountRow, accountColumns, accountEmail, accountFromRow } from '../records/accounts/accounts-store.ts'
import { type GrantTerms, grantTermsJson } from '../records/consents/consents-store.ts'
import { grantAlive, grantStatusJoins } from '../records/endings/liveness-store.ts'
import { groupNamesOf } from '../records/groups/groups-store.ts'
import type { GrantId } from '../records/ids.ts'

/** The person of a grant that is alive: what its tokens and userinfo can say about them. */
export interface GrantedPerson {
  readonly account: Account
  /** The names of all their groups if the grant has one of the scopes `groups` and `roles`, or a claim of that name, otherwise empty. */
  readonly groups: readonly string[]
}

const columns = `${accountColumns},
  CASE WHEN (grants.scopes || grants.userinfo_claims || grants.id_token_claims) && ARRAY['groups', 'roles'] THEN ${groupNamesOf('grants.sub')} ELSE '{}' END AS group_names`

type Row = AccountRow & { group_names: string[] }

function personFromRow(row: Row): GrantedPerson {
  return { account: accountFromRow(row), groups: row.group_names }
}

/** SQL: the columns of a `GrantedPersonRow`, for statements that also read something else. Requires `grantedPersonJoins`. */
export const grantedPersonColumns = `${columns}, ${grantAlive} AS grant_alive`

/** SQL: joins the person of a grant, and what decides whether the grant is alive. Goes after `FROM grants`, or after a join with `grants`. */
export const grantedPersonJoins = `${grantStatusJoins} ${accountEmail}`

/** The person of a grant. Their columns are null if the grant is none of a person's, or if the row of the account is gone. */
export type GrantedPersonRow = Row & { grant_alive: boolean }

/** The person of a grant, if the grant was alive when the statement began. */
export function grantedPersonFromRow(row: GrantedPersonRow): GrantedPerson | undefined {
  return row.grant_alive ? personFromRow(row) : undefined
}

/** Whether a grant is alive at this moment. */
export async function isGrantAlive(db: Queryable, grantId: GrantId): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'find-live-grant',
    text: `SELECT FROM grants ${grantStatusJoins} WHERE grants.id = $1 AND ${grantAlive}`,
    values: [grantId],
  })
  return rowCount === 1
}

/** What userinfo can say about the person of a grant. */
export interface PersonAndTerms {
  readonly person: GrantedPerson
  readonly terms: GrantTerms
  /** The claims that the authorization request named for userinfo. */
  readonly claims: readonly string[]
}

/**
 * Reads the people of tokens, with what the terms of the grants of these tokens still allow. Takes one round trip.
 *
 * @returns in the order of the grants; undefined for one that is not alive or has no person
 */
export async function findPeopleAndTerms(
  db: Queryable,
  grantIds: readonly GrantId[],
): Promise<(PersonAndTerms | undefined)[]> {
  const { rows } = await db.query<Row & { place: number; terms: GrantTerms; claims: string[] }>({
    name: 'find-people-and-their-terms',
    // Without the inner SELECT the planner sees how many there are, and makes a new plan for each batch.
    text: `SELECT asked.place::int, ${columns}, ${grantTermsJson} AS terms, grants.userinfo_claims AS claims
           FROM unnest((SELECT $1::text[])) WITH ORDINALITY AS asked (grant_id, place)
           JOIN grants ON grants.id = asked.grant_id ${grantStatusJoins} ${accountEmail}
           WHERE grants.sub IS NOT NULL AND ${grantAlive}`,
    values: [grantIds],
  })
  const byPlace = new Map(
    rows.map(({ place, terms, claims, ...row }) => [place, { person: personFromRow(row), terms, claims }]),
  )
  return grantIds.map((_, index) => byPlace.get(index + 1))
}
