import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'
import type { Account } from './account.ts'
import { type AccountRow, accountFromRow, accountSelect } from './accounts-store.ts'
import { isLikeId, type TypedName } from './canonical-names.ts'

/** An account that an identifier may refer to. */
export interface IdentifiedAccount {
  readonly account: Account
  /**
   * Whether the identifier can refer to no other account: it is the `sub`, the user name, or an address that this account has verified. An imported
   * `sub` can be a name that somebody else has.
   */
  readonly unambiguous: boolean
}

/** How an identifier can match an account, the most exact match first. */
const places = { sub: 1, spelled: 2, username: 3, verified: 4, unverified: 5 }

/*
 * Names are compared by `lower(… COLLATE "C")`, which folds only A to Z, in every locale of the database. The canonical form of a name takes care
 * of everything else (canonical-names.ts). Names that have not been converted yet are also found in the way the earlier release found them.
 */

/** SQL: whether the names of a row have not been converted yet. As a value rather than a join, it is looked up only for the few rows found. */
const isToBeConverted = (table: string) =>
  `coalesce((SELECT true FROM names_to_convert WHERE names_to_convert.sub = ${table}.sub), false)`

/**
 * The accounts that have an identifier as their `sub`, user name or e-mail address. An address that an account has verified is that of no other one.
 * Until then, any number of accounts can have it; those that entered it first are returned.
 *
 * @param limit the maximum number of accounts with the address
 */
export async function findAccountsByIdentifier(
  db: Queryable,
  { typed, key, spelled }: TypedName,
  limit: number,
): Promise<IdentifiedAccount[]> {
  const placeOfUsername = `CASE WHEN username = $1 THEN ${places.spelled} ELSE ${places.username} END`
  const placeOfEmail = `CASE WHEN verified_at IS NOT NULL THEN ${places.verified} ELSE ${places.unverified} END`
  const { rows: found } = await db.query<AccountRow & { place: number }>({
    // Each part is a look-up in a different index. With OR, PostgreSQL would read all accounts.
    text: `WITH named AS (
             SELECT sub, ${places.sub} AS place FROM accounts WHERE sub = $1
             UNION ALL
             SELECT own.* FROM (VALUES ($2::text), ($3)) AS name (key) CROSS JOIN LATERAL (
               SELECT sub, ${placeOfUsername} FROM accounts WHERE lower(username COLLATE "C") = key LIMIT $4) AS own
             UNION ALL
             SELECT own.* FROM (VALUES ($2::text), ($3)) AS name (key) CROSS JOIN LATERAL (
               SELECT sub, ${placeOfEmail} FROM account_emails
               WHERE lower(email COLLATE "C") = key ORDER BY verified_at, created_at LIMIT $4) AS own
             UNION ALL
             SELECT sub, ${placeOfUsername} FROM accounts WHERE lower(username) = lower($1) AND ${isToBeConverted('accounts')}
             UNION ALL
             SELECT first.* FROM (
               SELECT sub, ${placeOfEmail} FROM account_emails
               WHERE lower(email) = lower($1) ORDER BY verified_at, created_at LIMIT $4) AS first
             WHERE ${isToBeConverted('first')}
           )
           SELECT account.*, named.place
           FROM (SELECT sub, min(place) AS place FROM named GROUP BY sub) AS named
           JOIN LATERAL (${accountSelect} WHERE accounts.sub = named.sub AND accounts.deleted_at IS NULL) AS account ON true
           ORDER BY named.place, account.created_at`,
    values: [typed, key, spelled, limit],
  })
  const isTaken = found.some(({ place }) => place === places.verified)
  const rows = isTaken ? found.filter(({ place }) => place !== places.unverified) : found
  // Of the places before `unverified`, any other one means another account with this name.
  const isName = (place: number) => place < places.unverified
  const isAlone = (place: number) =>
    place === places.sub && !isLikeId(typed)
      ? rows.filter((row) => isName(row.place)).length === 1
      : rows.filter((row) => row.place === place).length === 1
  return rows.map(({ place, ...row }) => ({
    account: accountFromRow(row as AccountRow),
    unambiguous: place < places.unverified && isAlone(place),
  }))
}

export interface SignInCandidate {
  readonly sub: Sub
  readonly passwordHash: string | undefined
  readonly disabled: boolean
  /** Whether the account knows the browser (known-browsers-store.ts). */
  readonly isKnownBrowser: boolean
  /** Whether the name can refer to no other account: it is the user name, or the account has verified the address. */
  readonly isProven: boolean
}

/**
 * The accounts that a user name or an e-mail address may refer to at sign-in. A user name refers to one account, and so does an address that an
 * account has verified. Until then, any number of accounts can have the same address: accounts that this browser has signed in to come first, then
 * those that entered it first. At most five are returned, because each costs a password hash. The order ensures that accounts that somebody creates
 * later with another person's address, or moves to it, do not displace that person's own account.
 *
 * @param browserDigest the digest of the browser's cookie
 * @param unverified `instead`: accounts that have not verified the address count only if none has. `too`: five of them come after the one that has
 */
export async function findSignInCandidates(
  db: Queryable,
  { typed, key, spelled }: TypedName,
  browserDigest: Buffer,
  unverified: 'instead' | 'too',
): Promise<SignInCandidate[]> {
  const { rows } = await db.query<{
    sub: Sub
    secret: string | null
    disabled: boolean
    known_here: boolean
    proven: boolean
  }>({
    name: 'find-sign-in-candidates',
    // Each part of `named` is bounded, no matter how many accounts have the address: the first of them, and those among the last
    // hundred accounts that this browser signed in to. OFFSET 0 makes PostgreSQL find the latter by account and not by address. Bounds rather
    // than equality, so that the planner uses no other index for a browser with a large number of accounts.
    text: `WITH named AS (
             SELECT sub, true AS proven, false AS verified, NULL::timestamptz AS entered_at FROM (VALUES ($1::text), ($2)) AS name (key)
             CROSS JOIN LATERAL (SELECT sub FROM accounts WHERE lower(username COLLATE "C") = key LIMIT 5) AS own
             UNION ALL
             SELECT first.* FROM (VALUES ($1::text), ($2)) AS name (key) CROSS JOIN LATERAL (
               SELECT sub, verified_at IS NOT NULL, verified_at IS NOT NULL, created_at FROM account_emails
               WHERE lower(email COLLATE "C") = key ORDER BY verified_at, created_at LIMIT 6) AS first
             UNION ALL
             SELECT here.sub, false, false, own.created_at
             FROM (SELECT sub FROM known_browsers WHERE browser_digest BETWEEN $3 AND $3
                   ORDER BY browser_digest DESC, used_at DESC LIMIT 100) AS here
             JOIN LATERAL (SELECT * FROM account_emails WHERE account_emails.sub = here.sub OFFSET 0) AS own
               ON lower(own.email COLLATE "C") IN ($1, $2)
             UNION ALL
             SELECT sub, true, false, NULL FROM accounts WHERE lower(username) = lower($4) AND ${isToBeConverted('accounts')}
             UNION ALL
             SELECT first.* FROM (
               SELECT sub, verified_at IS NOT NULL, verified_at IS NOT NULL, created_at FROM account_emails
               WHERE lower(email) = lower($4) ORDER BY verified_at, created_at LIMIT 6) AS first
             WHERE ${isToBeConverted('first')}
           ), candidates AS (
             SELECT sub, bool_or(proven) AS proven, bool_or(verified) AS verified, min(entered_at) AS entered_at,
               coalesce((SELECT true FROM known_browsers
                         WHERE known_browsers.sub = named.sub AND known_browsers.browser_digest = $3), false) AS known_here
             FROM named GROUP BY sub
           )
           SELECT accounts.sub, account_credentials.secret, accounts.disabled_at IS NOT NULL AS disabled, known_here, proven
           FROM candidates
           JOIN accounts USING (sub)
           LEFT JOIN account_credentials ON account_credentials.sub = accounts.sub AND account_credentials.kind = 'password'
           WHERE accounts.deleted_at IS NULL AND (proven OR $5 OR NOT (SELECT coalesce(bool_or(verified), false) FROM candidates))
           ORDER BY proven DESC, known_here DESC, entered_at
           LIMIT 5 + (SELECT count(*) FROM candidates WHERE verified)`,
    values: [key, spelled, browserDigest, typed, unverified === 'too'],
  })
  return rows.map((row) => ({
    sub: row.sub,
    passwordHash: row.secret ?? undefined,
    disabled: row.disabled,
    isKnownBrowser: row.known_here,
    isProven: row.proven,
  }))
}

/**
 * The account that has verified an address, if any. There is at most one.
 *
 * @param email in canonical form
 */
export async function findVerifiedOwner(db: Queryable, email: string): Promise<Sub | undefined> {
  const { rows } = await db.query<{ sub: Sub }>({
    name: 'find-verified-owner',
    text: `SELECT sub FROM account_emails WHERE lower(email COLLATE "C") = lower($1 COLLATE "C") AND verified_at IS NOT NULL`,
    values: [email],
  })
  return rows[0]?.sub
}
