import type { Queryable } from '../../platform/database/queryable.ts'
import type { SessionId, Sub } from '../ids.ts'

/*
 * What is stored about a person, for the person (operations/personal-data.ts), beyond what other stores already read. Nothing here is secret: no digest, no
 * key, no sealed value. Lists that can be long are read in pages, each of which continues after the last entry of the previous one.
 */

/** When things happened to an account itself. */
export interface AccountRecord {
  readonly createdAt: Date
  /** Only if an earlier release recorded it. */
  readonly signedInAt: Date | undefined
  readonly disabledAt: Date | undefined
  readonly passkeyOfferedAt: Date | undefined
  /** The system that the account was imported from. */
  readonly importedFrom: string | undefined
  readonly readAt: Date
}

export async function findAccountRecord(db: Queryable, sub: Sub): Promise<AccountRecord | undefined> {
  const { rows } = await db.query<{ [member in keyof AccountRecord]: NonNullable<AccountRecord[member]> | null }>({
    text: `SELECT created_at AS "createdAt", signed_in_at AS "signedInAt", disabled_at AS "disabledAt",
             passkey_offered_at AS "passkeyOfferedAt", imported_from AS "importedFrom", now() AS "readAt"
           FROM accounts WHERE sub = $1 AND deleted_at IS NULL`,
    values: [sub],
  })
  return rows[0] && (withoutNulls(rows[0]) as unknown as AccountRecord)
}

export interface StoredAvatar {
  /** WebP. */
  readonly image: Buffer
  readonly storedAt: Date
}

/** The picture that the person has uploaded. */
export async function findStoredAvatar(db: Queryable, sub: Sub): Promise<StoredAvatar | undefined> {
  const { rows } = await db.query<StoredAvatar>({
    text: 'SELECT image, created_at AS "storedAt" FROM account_avatars WHERE sub = $1',
    values: [sub],
  })
  return rows[0]
}

export interface StoredAddress {
  readonly email: string
  readonly isPrimary: boolean
  readonly addedAt: Date
  /** Undefined: not verified. */
  readonly verifiedAt: Date | undefined
}

export async function listAddresses(db: Queryable, sub: Sub): Promise<readonly StoredAddress[]> {
  const { rows } = await db.query<{ [member in keyof StoredAddress]: NonNullable<StoredAddress[member]> | null }>({
    text: `SELECT email, is_primary AS "isPrimary", created_at AS "addedAt", verified_at AS "verifiedAt"
           FROM account_emails WHERE sub = $1 ORDER BY created_at`,
    values: [sub],
  })
  return rows.map((row) => withoutNulls(row) as unknown as StoredAddress)
}

/** A mail with a link or a code that was sent about an account, or a change of its address. */
export interface StoredMail {
  readonly kind: 'verification' | 'recovery' | 'email_change' | 'notice' | 'invitation'
  /** Where it was sent; undefined if an operator handed the link over. */
  readonly email: string | undefined
  /** What a notice was about. */
  readonly about: string | undefined
  /** The address that replaced it, for a change of the address. */
  readonly newEmail: string | undefined
  /** The name in an invitation. */
  readonly name: string | undefined
  readonly sentAt: Date
  readonly expiresAt: Date
}

/** The maximum number of mails of each kind. Limits on sending keep an account far below it. */
const maxMails = 1_000

/** The mails whose links are still stored. They are deleted some time after they have expired. */
export async function listMails(db: Queryable, sub: Sub): Promise<readonly StoredMail[]> {
  const { rows } = await db.query<{ [member in keyof StoredMail]: NonNullable<StoredMail[member]> | null }>({
    text: `SELECT * FROM (
             (SELECT 'verification' AS kind, email, NULL AS about, NULL AS "newEmail", NULL AS name, created_at AS "sentAt", expires_at AS "expiresAt"
              FROM email_verifications WHERE sub = $1 LIMIT ${maxMails})
             UNION ALL
             (SELECT 'recovery', email, NULL, NULL, NULL, created_at, expires_at FROM account_recoveries WHERE sub = $1 LIMIT ${maxMails})
             UNION ALL
             (SELECT 'email_change', previous_email, NULL, new_email, NULL, changed_at, expires_at
              FROM email_changes WHERE sub = $1 LIMIT ${maxMails})
             UNION ALL
             (SELECT 'notice', email, kind, NULL, NULL, at, expires_at FROM account_notices WHERE sub = $1 LIMIT ${maxMails})
             UNION ALL
             (SELECT 'invitation', email, NULL, NULL, name, created_at, expires_at FROM invitations WHERE sub = $1)
           ) AS mails ORDER BY "sentAt"`,
    values: [sub],
  })
  return rows.map((row) => withoutNulls(row) as unknown as StoredMail)
}

/** When somebody last signed in to an account in each of the browsers that it knows. */
export async function listKnownBrowsers(db: Queryable, sub: Sub): Promise<readonly { readonly usedAt: Date }[]> {
  const { rows } = await db.query<{ usedAt: Date }>({
    text: 'SELECT used_at AS "usedAt" FROM known_browsers WHERE sub = $1 ORDER BY used_at',
    values: [sub],
  })
  return rows
}

export interface StoredSession {
  readonly id: SessionId
  readonly signedInAt: Date
  readonly usedAt: Date
  readonly expiresAt: Date
  readonly amr: readonly string[]
  readonly factor: string | undefined
  readonly factorTime: Date | undefined
  readonly userAgent: string | undefined
  readonly network: string | undefined
}

/** A page of the sessions that have not been ended. Of the others, only times are stored, which events have, too. */
export async function pageOfSessions(
  db: Queryable,
  sub: Sub,
  after: SessionId | undefined,
  limit: number,
): Promise<readonly StoredSession[]> {
  const { rows } = await db.query<{ [member in keyof StoredSession]: NonNullable<StoredSession[member]> | null }>({
    text: `SELECT id, auth_time AS "signedInAt", used_at AS "usedAt", expires_at AS "expiresAt", amr, factor, factor_time AS "factorTime",
             user_agent AS "userAgent", network
           FROM sessions WHERE sub BETWEEN $1 AND $1 AND (sub, id) > ($1, $2) AND ended_at IS NULL ORDER BY sub, id LIMIT $3`,
    values: [sub, after ?? 0, limit],
  })
  return rows.map((row) => withoutNulls(row) as unknown as StoredSession)
}

/** What a person allows or allowed an application. */
export interface StoredConnection {
  readonly clientId: string
  readonly clientName: string | undefined
  readonly scopes: readonly string[] | undefined
  readonly resources: readonly string[] | undefined
  /** Claims that were allowed by their names. */
  readonly claims: readonly string[] | undefined
  readonly allowedAt: Date | undefined
  readonly changedAt: Date | undefined
  readonly disconnectedAt: Date | undefined
}

/** A page of the applications that a person has allowed something. */
export async function pageOfConsents(
  db: Queryable,
  sub: Sub,
  after: string | undefined,
  limit: number,
): Promise<readonly StoredConnection[]> {
  return pageOfConnections(
    db,
    `SELECT consents.client_id AS "clientId", client_name AS "clientName", scopes, consents.resources, claims,
       consents.created_at AS "allowedAt", consents.updated_at AS "changedAt"
     FROM (
       SELECT * FROM consents WHERE sub BETWEEN $1 AND $1 AND (sub, client_id) > ($1, $2) ORDER BY sub, client_id LIMIT $3
     ) AS consents JOIN clients ON clients.client_id = consents.client_id ORDER BY consents.client_id`,
    [sub, after ?? '', limit],
  )
}

/** A page of the applications that a person has disconnected. */
export async function pageOfDisconnections(
  db: Queryable,
  sub: Sub,
  after: string | undefined,
  limit: number,
): Promise<readonly StoredConnection[]> {
  return pageOfConnections(
    db,
    `SELECT gone.client_id AS "clientId", client_name AS "clientName", at AS "disconnectedAt"
     FROM (
       SELECT * FROM disconnections WHERE sub BETWEEN $1 AND $1 AND (sub, client_id) > ($1, $2) ORDER BY sub, client_id LIMIT $3
     ) AS gone JOIN clients ON clients.client_id = gone.client_id ORDER BY gone.client_id`,
    [sub, after ?? '', limit],
  )
}

async function pageOfConnections(
  db: Queryable,
  text: string,
  values: readonly unknown[],
): Promise<readonly StoredConnection[]> {
  const { rows } = await db.query<Record<string, unknown>>({ text, values: [...values] })
  return rows.map((row) => withoutNulls(row) as unknown as StoredConnection)
}

/** The access that an application got in one sign-in. */
export interface StoredGrant {
  /** The place in the list. */
  readonly index: number
  readonly id: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  readonly userinfoClaims: readonly string[]
  readonly idTokenClaims: readonly string[]
  readonly acr: string | undefined
  readonly amr: readonly string[] | undefined
  readonly openedAt: Date
  readonly endedAt: Date | undefined
  readonly endReason: string | undefined
}

/** A page of the grants of a person, also of those that have ended but are still stored. */
export async function pageOfGrants(
  db: Queryable,
  sub: Sub,
  after: number | undefined,
  limit: number,
): Promise<readonly StoredGrant[]> {
  const { rows } = await db.query<{ [member in keyof StoredGrant]: NonNullable<StoredGrant[member]> | null }>({
    text: `SELECT status_index AS index, id, client_id AS "clientId", scopes, resources, userinfo_claims AS "userinfoClaims", id_token_claims AS "idTokenClaims", acr, amr,
             created_at AS "openedAt", ended_at AS "endedAt", end_reason AS "endReason"
           FROM grants WHERE sub BETWEEN $1 AND $1 AND (sub, status_index) > ($1, $2) ORDER BY sub, status_index LIMIT $3`,
    values: [sub, after ?? -1, limit],
  })
  return rows.map((row) => withoutNulls(row) as unknown as StoredGrant)
}

/** An event about a person, whoever caused it. */
export interface StoredEvent {
  readonly id: number
  /** With all digits that the database has, to continue from. */
  readonly place: string
  readonly at: Date
  readonly type: string
  readonly requestId: string | undefined
  readonly network: string | undefined
  readonly userAgent: string | undefined
  readonly clientId: string | undefined
  readonly grantId: string | undefined
  readonly detail: Readonly<Record<string, unknown>>
}

/** A page of the events about a person, the oldest first. */
export async function pageOfEvents(
  db: Queryable,
  sub: Sub,
  after: Pick<StoredEvent, 'id' | 'place'> | undefined,
  limit: number,
): Promise<readonly StoredEvent[]> {
  const { rows } = await db.query<{ [member in keyof StoredEvent]: NonNullable<StoredEvent[member]> | null }>({
    // Bounds rather than equality, so that the planner uses no other index for a person with a large number of events.
    text: `SELECT id, at::text AS place, at, type, request_id AS "requestId", network, user_agent AS "userAgent", client_id AS "clientId",
             grant_id AS "grantId", detail
           FROM events WHERE sub BETWEEN $1 AND $1 AND (at, id) > ($2::timestamptz, $3::bigint) ORDER BY sub, at, id LIMIT $4`,
    values: [sub, after?.place ?? '-infinity', after?.id ?? 0, limit],
  })
  return rows.map((row) => withoutNulls(row) as unknown as StoredEvent)
}

function withoutNulls(row: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))
}
