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

function personFromRow({ group_names: groups, ...row }: Row): GrantedPerson {
  return { account: accountFromRow(row), groups }
}

/**
 * Reads the person of a grant, if the grant is alive at this moment.
 *
 * A statement that has waited for a row lock sees the new version of that row, but accounts, groups, sessions and clients as they were when it
 * started. So this must be called after a grant has been locked, even if the locking statement has read all of these.
 */
export async function findGrantedPerson(db: Queryable, grantId: GrantId): Promise<GrantedPerson | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-granted-person',
    text: `SELECT ${columns} FROM grants ${grantStatusJoins} ${accountEmail}
           WHERE grants.id = $1 AND grants.sub IS NOT NULL AND ${grantAlive}`,
    values: [grantId],
  })
  return rows[0] && personFromRow(rows[0])
}

/** Reads the person of a token, and the claims for userinfo and the terms of the token's grant, if the grant is alive. Takes one round trip. */
export async function findPersonAndTerms(
  db: Queryable,
  grantId: GrantId,
): Promise<
  { readonly person: GrantedPerson; readonly terms: GrantTerms; readonly claims: readonly string[] } | undefined
> {
  const { rows } = await db.query<Row & { terms: GrantTerms; claims: string[] }>({
    name: 'find-person-and-its-terms',
    text: `SELECT ${columns}, ${grantTermsJson} AS terms, grants.userinfo_claims AS claims FROM grants ${grantStatusJoins} ${accountEmail}
           WHERE grants.id = $1 AND grants.sub IS NOT NULL AND ${grantAlive}`,
    values: [grantId],
  })
  if (!rows[0]) return undefined
  const { terms, claims, ...row } = rows[0]
  return { person: personFromRow(row), terms, claims }
}

/** What userinfo can say about the person of a grant. */
export type PersonAndTerms = NonNullable<Awaited<ReturnType<typeof findPersonAndTerms>>>

/**
 * The same for several grants, in one round trip.
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
