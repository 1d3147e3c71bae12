import type { Queryable } from '../../platform/database/queryable.ts'
import type { Account } from '../accounts/account.ts'
import { type AccountRow, accountColumns, accountEmail, accountFromRow } from '../accounts/accounts-store.ts'
import type { Sub } from '../ids.ts'
import { maxGroups } from './group-rules.ts'

/** A group of accounts. */
export interface Group {
  readonly name: string
  readonly createdAt: Date
}

/**
 * SQL: the names of the groups of an account, sorted, as text[]. One more than an account may have, so that a caller can see that it has too many.
 *
 * @param sub SQL: its `sub`
 */
export const groupNamesOf = (sub: string): string =>
  `ARRAY(SELECT group_name FROM group_members WHERE group_members.sub = ${sub} ORDER BY group_name LIMIT ${maxGroups + 1})`

/** The name of the group whose name is this one, or differs from it only in the case of A to Z. */
export async function findGroupName(db: Queryable, name: string): Promise<string | undefined> {
  const { rows } = await db.query<{ name: string }>({
    text: 'SELECT name FROM groups WHERE lower(name) = lower($1 COLLATE "C")',
    values: [name],
  })
  return rows[0]?.name
}

/** Those of these names that are groups. */
export async function existingGroupNames(db: Queryable, names: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>({
    text: 'SELECT name FROM groups WHERE name = ANY ($1::text[])',
    values: [names],
  })
  return rows.map(({ name }) => name)
}

/**
 * One page of groups, sorted by name.
 *
 * @param only the groups of this account; undefined: all
 * @param after the name of the last group of the previous page
 * @param limit the maximum number of groups
 */
export async function listGroups(
  db: Queryable,
  only: { readonly sub: string } | undefined,
  after: string | undefined,
  limit: number,
): Promise<Group[]> {
  const values: unknown[] = [limit, after ?? '']
  const { rows } = await db.query<{ name: string; created_at: Date }>({
    // Every name sorts after the empty text.
    text: `SELECT name, created_at
           FROM groups WHERE name > $2${
             only === undefined
               ? ''
               : ` AND name IN (SELECT group_name FROM group_members WHERE sub = $${values.push(only.sub)})`
           }
           ORDER BY name LIMIT $1`,
    values,
  })
  return rows.map(({ name, created_at: createdAt }) => ({ name, createdAt }))
}

/**
 * One page of the members of a group, ordered by `sub`.
 *
 * @param after the `sub` of the last member of the previous page
 * @param limit the maximum number of members
 */
export async function listMembers(
  db: Queryable,
  group: string,
  after: string | undefined,
  limit: number,
): Promise<(Account & { readonly addedAt: Date })[]> {
  const { rows } = await db.query<AccountRow & { added_at: Date }>({
    text: `SELECT ${accountColumns}, group_members.added_at
           FROM group_members JOIN accounts ON accounts.sub = group_members.sub ${accountEmail}
           WHERE group_name = $2 AND group_members.sub > $3 ORDER BY group_members.sub LIMIT $1`,
    values: [limit, group, after ?? ''],
  })
  return rows.map(({ added_at: addedAt, ...row }) => ({ ...accountFromRow(row), addedAt }))
}

/** The names of the groups of an account, sorted. */
export async function findGroupsOf(db: Queryable, sub: string): Promise<string[]> {
  const { rows } = await db.query<{ names: string[] }>({ text: `SELECT ${groupNamesOf('$1')} AS names`, values: [sub] })
  return rows[0]?.names ?? []
}

/** Creates a group. False if there is one with this name, or with one that differs only in the case of A to Z. */
export async function insertGroup(db: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await db.query({
    text: 'INSERT INTO groups (name) VALUES ($1) ON CONFLICT DO NOTHING',
    values: [name],
  })
  return rowCount === 1
}

/** Locks a group until the transaction ends, so that it is not deleted meanwhile. False if there is no such group. */
export async function lockGroup(tx: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await tx.query({ text: 'SELECT FROM groups WHERE name = $1 FOR KEY SHARE', values: [name] })
  return rowCount === 1
}

/** Adds an account to a group. The caller has locked both. False if it is in the group already. */
export async function insertMember(tx: Queryable, group: string, sub: Sub): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: 'INSERT INTO group_members (sub, group_name) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    values: [sub, group],
  })
  return rowCount === 1
}

/** Removes an account from a group. False if it is not in the group. */
export async function deleteMember(tx: Queryable, group: string, sub: Sub): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: 'DELETE FROM group_members WHERE sub = $1 AND group_name = $2',
    values: [sub, group],
  })
  return rowCount === 1
}

/** The maximum number of rows that one statement changes, so that no statement takes long. */
const batchSize = 500

/**
 * Deletes a group with its memberships.
 *
 * @param tx a transaction, because this takes several statements
 * @returns how many memberships there were; undefined if there is no such group
 */
export async function deleteGroupRow(tx: Queryable, name: string): Promise<number | undefined> {
  // First the row of the group. This waits for those who are adding a member, and nobody adds one afterwards.
  const { rowCount } = await tx.query({ text: 'SELECT FROM groups WHERE name = $1 FOR UPDATE', values: [name] })
  if (rowCount === 0) return undefined
  let members = 0
  for (;;) {
    const deleted = await tx.query({
      text: `DELETE FROM group_members WHERE ctid = ANY (ARRAY(
               SELECT ctid FROM group_members WHERE group_name = $1 LIMIT ${batchSize} FOR UPDATE))`,
      values: [name],
    })
    members += deleted.rowCount ?? 0
    if ((deleted.rowCount ?? 0) < batchSize) break
  }
  await tx.query({ text: 'DELETE FROM groups WHERE name = $1', values: [name] })
  return members
}

/**
 * Removes a group from the clients that may see it, and records an event for each of them. The caller holds `lockResources`, so no client is
 * registered with the group meanwhile.
 *
 * @param tx a transaction, because this takes several statements
 * @param by who did it, for the events
 */
export async function removeGroupFromClients(tx: Queryable, group: string, by: string): Promise<string[]> {
  const clients: string[] = []
  for (;;) {
    const { rows } = await tx.query<{ client_id: string }>({
      text: `WITH changed AS (
               UPDATE clients SET groups = array_remove(groups, $1), updated_at = now()
               WHERE client_id = ANY (ARRAY(SELECT client_id FROM clients WHERE groups @> ARRAY[$1] LIMIT ${batchSize}))
               RETURNING client_id
             ), recorded AS (
               INSERT INTO events (type, client_id, detail) SELECT 'client_updated', client_id, $2::jsonb FROM changed
             )
             SELECT client_id FROM changed`,
      values: [group, JSON.stringify({ by, changed: ['groups'], group })],
    })
    clients.push(...rows.map(({ client_id }) => client_id))
    if (rows.length < batchSize) return clients.sort()
  }
}
