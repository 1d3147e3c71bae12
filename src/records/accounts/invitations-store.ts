import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'

/** An invitation to create an account, as an operator sees it. */
export interface Invitation {
  /** Of the secret in its link. */
  readonly digest: Buffer
  /** In canonical form. */
  readonly email: string
  readonly name: string | undefined
  readonly groups: readonly string[]
  readonly invitedBy: string
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly status: 'open' | 'accepted' | 'expired'
  /** The account that it led to. */
  readonly sub: Sub | undefined
}

interface InvitationRow {
  digest: Buffer
  email: string
  name: string | null
  groups: string[]
  invited_by: string
  created_at: Date
  expires_at: Date
  status: Invitation['status']
  sub: Sub | null
}

/** SQL: an invitation can be accepted once, until it expires. */
const isOpen = 'accepted_at IS NULL AND expires_at > now()'

const columns = `digest, email, name, groups, invited_by, created_at, expires_at, sub,
  CASE WHEN accepted_at IS NOT NULL THEN 'accepted' WHEN expires_at > now() THEN 'open' ELSE 'expired' END AS status`

/**
 * Stores an invitation in place of any earlier one for the address, whose link no longer works from then on. Of two concurrent ones, the later one
 * stays.
 *
 * @param invitation with the address in canonical form. `validFor`: seconds
 */
export async function putInvitation(
  tx: Queryable,
  invitation: Pick<Invitation, 'digest' | 'email' | 'name' | 'groups' | 'invitedBy'> & { readonly validFor: number },
): Promise<Invitation> {
  const { rows } = await tx.query<InvitationRow>({
    // The time of this statement, not of the transaction: it is compared with the time at which a group was created.
    text: `INSERT INTO invitations (digest, email, name, groups, invited_by, created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, clock_timestamp(), clock_timestamp() + make_interval(secs => $6))
           ON CONFLICT (lower(email COLLATE "C")) DO UPDATE SET digest = excluded.digest, email = excluded.email, name = excluded.name,
             groups = excluded.groups, invited_by = excluded.invited_by, created_at = excluded.created_at, expires_at = excluded.expires_at,
             accepted_at = NULL, sub = NULL
           RETURNING ${columns}`,
    values: [
      invitation.digest,
      invitation.email,
      invitation.name ?? null,
      invitation.groups,
      invitation.invitedBy,
      invitation.validFor,
    ],
  })
  return invitationFromRow(rows[0]!)
}

/** What the link of an invitation can lead to. */
export interface PresentedInvitation {
  readonly email: string
  readonly name: string | undefined
  readonly isAccepted: boolean
  /** Whether an account has verified the address: this one after it was accepted, or another. */
  readonly isTaken: boolean
}

/** The invitation whose link has this secret, unless it has expired or was cancelled or replaced. Changes nothing. */
export async function findInvitation(db: Queryable, digest: Buffer): Promise<PresentedInvitation | undefined> {
  const { rows } = await db.query<{ email: string; name: string | null; accepted: boolean; taken: boolean }>({
    text: `SELECT email, name, accepted_at IS NOT NULL AS accepted,
             EXISTS (SELECT FROM account_emails
                     WHERE lower(account_emails.email COLLATE "C") = lower(invitations.email COLLATE "C") AND verified_at IS NOT NULL) AS taken
           FROM invitations WHERE digest = $1 AND (accepted_at IS NOT NULL OR expires_at > now())`,
    values: [digest],
  })
  const [row] = rows
  return row && { email: row.email, name: row.name ?? undefined, isAccepted: row.accepted, isTaken: row.taken }
}

/**
 * Spends an invitation. Of several concurrent calls, and of a concurrent cancellation, one succeeds.
 *
 * @returns undefined if it can no longer be accepted
 */
export async function spendInvitation(tx: Queryable, digest: Buffer, sub: Sub): Promise<Invitation | undefined> {
  const { rows } = await tx.query<InvitationRow>({
    text: `UPDATE invitations SET accepted_at = now(), sub = $2 WHERE digest = $1 AND ${isOpen} RETURNING ${columns}`,
    values: [digest, sub],
  })
  return rows[0] && invitationFromRow(rows[0])
}

/**
 * Adds the account that an invitation has just led to, which only this transaction can see, to those of its groups that still exist. A group that
 * was created after the invitation is another one, even if it has the name of an earlier one. The groups stay locked until the transaction ends,
 * so that none is deleted meanwhile.
 *
 * @returns the names of the groups that it was added to, sorted
 */
export async function joinInvitedGroups(tx: Queryable, digest: Buffer, sub: Sub): Promise<string[]> {
  const { rows } = await tx.query<{ group_name: string }>({
    // Locked in the order of their names, so that two transactions cannot deadlock.
    text: `WITH chosen AS (
             SELECT groups.name FROM invitations JOIN groups ON groups.name = ANY (invitations.groups)
             WHERE digest = $1 AND groups.created_at <= invitations.created_at ORDER BY groups.name FOR KEY SHARE OF groups
           ), added AS (
             INSERT INTO group_members (sub, group_name) SELECT $2, name FROM chosen RETURNING group_name
           )
           SELECT group_name FROM added ORDER BY group_name`,
    values: [digest, sub],
  })
  return rows.map(({ group_name }) => group_name)
}

/** Cancels the open invitation of an address. Its link no longer works from then on. */
export async function deleteInvitation(tx: Queryable, email: string): Promise<Invitation | undefined> {
  const { rows } = await tx.query<InvitationRow>({
    text: `DELETE FROM invitations WHERE lower(email COLLATE "C") = lower($1 COLLATE "C") AND ${isOpen} RETURNING ${columns}`,
    values: [email],
  })
  return rows[0] && invitationFromRow(rows[0])
}

/** Deletes the accepted invitation of a person whose account is deleted, with address and name. */
export async function deleteInvitationOf(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({ text: 'DELETE FROM invitations WHERE sub = $1', values: [sub] })
}

/**
 * One page of invitations, sorted by address. Accepted and expired ones are among them until a week after they would have expired.
 *
 * @param after the address of the last invitation of the previous page
 * @param limit the maximum number of invitations
 */
export async function listInvitations(db: Queryable, after: string | undefined, limit: number): Promise<Invitation[]> {
  const { rows } = await db.query<InvitationRow>({
    // Every address sorts after the empty text.
    text: `SELECT ${columns} FROM invitations WHERE lower(email COLLATE "C") > lower($2 COLLATE "C")
           ORDER BY lower(email COLLATE "C") LIMIT $1`,
    values: [limit, after ?? ''],
  })
  return rows.map(invitationFromRow)
}

function invitationFromRow({ name, invited_by, created_at, expires_at, sub, ...row }: InvitationRow): Invitation {
  return {
    ...row,
    name: name ?? undefined,
    invitedBy: invited_by,
    createdAt: created_at,
    expiresAt: expires_at,
    sub: sub ?? undefined,
  }
}
