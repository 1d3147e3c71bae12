import { returningSwapped, type Swapped } from '../platform/database/compare-and-swap.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { endGrantsSql } from '../records/endings/end-rows-store.ts'
import { grantAlive, grantStatusJoins } from '../records/endings/liveness-store.ts'
import { eventValues, insertEventSql, type NewEvent } from '../records/events/events-store.ts'
import {
  grantContextColumns,
  type PersonsGrant,
  type PersonsGrantRow,
  personsGrantFromRow,
} from '../records/grants/grants-store.ts'
import type { Sid } from '../records/ids.ts'
import {
  type GrantedPerson,
  type GrantedPersonRow,
  grantedPersonColumns,
  grantedPersonFromRow,
  grantedPersonJoins,
} from './granted-person-store.ts'
import { type FamilyState, type Forgiveness, keptSpends } from './refresh-rotation.ts'

/*
 * A family is read in one statement and changed in another, and no lock is held in between. Each change names the values that were read. If the row
 * has changed since then, or the grant has ended, nothing happens, and the caller reads and judges again:
 *
 * - Two changes at once: the second waits for the commit of the first. Then PostgreSQL checks the condition again on the new version of the row, and
 *   the values that were read are no longer there. So a generation is spent once.
 * - The row of the grant is ended at the same time: it is locked too, so the change waits for that commit and is checked again in the same way.
 * - The grant ends otherwise, such as with its account: the change sees what was committed when the statement began. After it has waited for a row,
 *   PostgreSQL does not look at the other rows again, so the caller does if it took long (`isGrantAlive`). An ended grant makes all of its tokens worthless anyway.
 * - A node of the previous release locks family and grant in the same order before it reads them, so neither deadlocks nor overtakes the other.
 */

/** A family of refresh tokens, with its grant. */
export interface StoredFamily extends FamilyState {
  readonly digest: Buffer
  readonly grant: PersonsGrant
  readonly secretVersion: number
  readonly sid: Sid
  /** Undefined if the grant has ended. */
  readonly person: GrantedPerson | undefined
  readonly expired: boolean
  /** Whether the sliding end would move by enough to be worth a write. */
  readonly isSlideDue: boolean
  /** The time of the database when the row was read, in milliseconds since 1970. */
  readonly now: number
  /** The values that a change compares. */
  readonly read: ForgivenessRow
}

/** A family to be inserted. Lifetimes are in seconds. */
export interface NewFamily {
  readonly digest: Buffer
  readonly secretVersion: number
  readonly sliding: number
  readonly absolute: number
}

/** The number of the parameters of `insertFamilySql`. */
export const familyParameters = 4

/**
 * SQL: inserts the refresh family of a grant, as a part of the statement that spends its code.
 *
 * @param from the CTE of the code that was spent, with `grant_id` and `sid`
 * @param first the number of the first of the parameters `familyValues`
 */
export function insertFamilySql(from: string, first: number): string {
  const [digest, version, sliding, absolute] = [0, 1, 2, 3].map((index) => `$${first + index}`)
  return `INSERT INTO refresh_families (digest, grant_id, secret_version, sid, expires_at, max_expires_at)
    SELECT ${digest}::bytea, grant_id, ${version}::integer, sid, now() + make_interval(secs => ${sliding}::float8),
      now() + make_interval(secs => ${absolute}::float8)
    FROM ${from} WHERE ${digest} IS NOT NULL`
}

/** The parameters of `insertFamilySql`. Without a family, it inserts none. */
export function familyValues(family: NewFamily | undefined): unknown[] {
  return family ? [family.digest, family.secretVersion, family.sliding, family.absolute] : [null, null, null, null]
}

/** How the sliding end of a family moves, in seconds. */
export interface Sliding {
  /** The lifetime after a use. */
  readonly ttl: number
  /** The shortest distance by which the end moves without another change of the row. */
  readonly step: number
}

/** SQL: the sliding end of a family that is used now. */
const slidEnd = (ttl: string) => `least(max_expires_at, now() + make_interval(secs => ${ttl}))`

/** SQL: whether the sliding end would move by a step or more, in either direction: the setting may have changed. */
const isSlideDue = (ttl: string, step: string) =>
  `abs(extract(epoch FROM ${slidEnd(ttl)} - refresh_families.expires_at)) >= ${step}::float8`

/** Reads a family with its grant and its person. Locks nothing. */
export async function findFamily(
  db: Queryable,
  familyDigest: Buffer,
  { ttl, step }: Sliding,
): Promise<StoredFamily | undefined> {
  const { rows } = await db.query<
    PersonsGrantRow &
      GrantedPersonRow &
      ForgivenessRow & {
        secret_version: number
        generation: number
        spends: Date[]
        sid: Sid
        expired: boolean
        slide_due: boolean
        now: Date
      }
  >({
    name: 'find-refresh-family',
    text: `SELECT ${grantContextColumns}, ${grantedPersonColumns}, secret_version, generation, spends, refresh_families.sid,
             forgiven_generation, forgiven_run, forgiven_through, forgiven_at, forgiven_seconds,
             NOT (${isUnexpired}) AS expired, ${isSlideDue('$2', '$3')} AS slide_due, clock_timestamp() AS now
           FROM refresh_families JOIN grants ON grants.id = refresh_families.grant_id ${grantedPersonJoins}
           WHERE refresh_families.digest = $1`,
    values: [familyDigest, ttl, step],
  })
  const row = rows[0]
  return (
    row && {
      digest: familyDigest,
      grant: personsGrantFromRow(row),
      secretVersion: row.secret_version,
      generation: row.generation,
      spends: row.spends.map((spend) => spend.getTime()),
      forgiveness: forgivenessFrom(row),
      sid: row.sid,
      person: grantedPersonFromRow(row),
      expired: row.expired,
      isSlideDue: row.slide_due,
      now: row.now.getTime(),
      read: row,
    }
  )
}

/** SQL: whether a family can still be used. */
const isUnexpired =
  'refresh_families.expires_at > clock_timestamp() AND refresh_families.max_expires_at > clock_timestamp()'

/**
 * SQL: whether the family $1 is as it was read. `spends` need not be compared, because it changes only together with `generation`. The end does not
 * count: whoever moves it decides nothing.
 */
const isAsRead = `refresh_families.digest = $1 AND refresh_families.generation = $2 AND refresh_families.secret_version = $3
  AND (refresh_families.forgiven_generation, refresh_families.forgiven_run, refresh_families.forgiven_through,
       refresh_families.forgiven_at, refresh_families.forgiven_seconds)
    IS NOT DISTINCT FROM ($4::integer, $5::smallint, $6::integer, $7::timestamptz, $8::float8)`

/** The parameters of `isAsRead`. */
function readValues({ digest, generation, secretVersion, read }: StoredFamily): unknown[] {
  const { forgiven_generation, forgiven_run, forgiven_through, forgiven_at, forgiven_seconds } = read
  return [
    ...[digest, generation, secretVersion],
    ...[forgiven_generation, forgiven_run, forgiven_through, forgiven_at, forgiven_seconds],
  ]
}
/** The number of the first parameter after those of `isAsRead`. */
const next = 9

/** A change of a family, as SQL. */
interface Change {
  /** The name of the statement. */
  readonly name: string
  /** SQL: what UPDATE sets, with parameters from `next` on. */
  readonly set: string
  readonly values: readonly unknown[]
  /** SQL: a condition on the row besides `isAsRead`. */
  readonly condition?: string
}

/**
 * Changes a family that is as it was read and whose grant is alive, and records the events, in one statement.
 *
 * @returns undefined if this call has not changed it. Nothing was recorded then
 */
async function changeFamily(
  db: Queryable,
  family: StoredFamily,
  { name, set, values, condition }: Change,
  { noted, issued }: FamilyEvents,
): Promise<Swapped | undefined> {
  const first = insertEventSql('changed', next + values.length)
  const parameters = [...readValues(family), ...values, ...eventValues(noted ?? issued)]
  const { rows } = await db.query<Swapped>({
    name: noted ? `${name}-and-record-two` : name,
    text: `WITH held AS (
             SELECT true FROM refresh_families JOIN grants ON grants.id = refresh_families.grant_id ${grantStatusJoins}
             WHERE ${isAsRead} AND ${isUnexpired} AND ${grantAlive} ${condition === undefined ? '' : `AND ${condition}`}
             FOR NO KEY UPDATE OF refresh_families, grants
           ), changed AS (
             UPDATE refresh_families SET ${set} FROM held WHERE refresh_families.digest = $1 RETURNING 1
           )${noted ? `, noted AS (${first} RETURNING 1) ${insertEventSql('noted', parameters.length + 1)}` : first} ${returningSwapped}`,
    values: noted ? [...parameters, ...eventValues(issued)] : parameters,
  })
  return rows[0]
}

/** The events of a change. */
export interface FamilyEvents {
  /** What is remarkable about it. Recorded first. */
  readonly noted?: NewEvent | undefined
  /** The issue of tokens. */
  readonly issued: NewEvent
}

/**
 * Marks a generation as spent, and extends the sliding lifetime. If the generation is newer than the one in the row (the database was restored
 * from a backup), the times of earlier generations are deleted, because it is not known when those were spent.
 *
 * @returns as `changeFamily`. Of concurrent callers that have read the same generation, one succeeds
 */
export function spendGeneration(
  db: Queryable,
  family: StoredFamily,
  spent: number,
  { ttl }: Sliding,
  events: FamilyEvents,
): Promise<Swapped | undefined> {
  const change = {
    name: 'spend-refresh-generation',
    set: `generation = $9::integer + 1,
      spends = CASE WHEN generation = $9 THEN (spends || clock_timestamp())[greatest(1, cardinality(spends) + 2 - $11::integer):]
                    ELSE ARRAY[clock_timestamp()] END,
      expires_at = ${slidEnd('$10')}`,
    values: [spent, ttl, keptSpends],
  }
  return changeFamily(db, family, change, events)
}

/** Extends the sliding lifetime without spending the token, for clients without rotation. Undefined as `changeFamily`, or if somebody just has. */
export function slideFamily(
  db: Queryable,
  family: StoredFamily,
  { ttl, step }: Sliding,
  issued: NewEvent,
): Promise<Swapped | undefined> {
  const change = {
    name: 'slide-refresh-family',
    set: `expires_at = ${slidEnd('$9')}`,
    values: [ttl, step],
    condition: isSlideDue('$9', '$10'),
  }
  return changeFamily(db, family, change, { issued })
}

/** Stores a decision about a lost response. Returns as `changeFamily`. */
export function saveForgiveness(
  db: Queryable,
  family: StoredFamily,
  { generation, run, through, at, seconds }: Forgiveness,
  events: FamilyEvents,
): Promise<Swapped | undefined> {
  const change = {
    name: 'save-refresh-forgiveness',
    // The release before that of migration 010 forgives a generation ten times and then refuses it without ending the grant. It must not count these.
    set: `forgiven_generation = $9, forgiven_times = 1, forgiven_run = $10, forgiven_through = $11, forgiven_at = $12, forgiven_seconds = $13`,
    values: [generation, run, through, at === undefined ? null : new Date(at), seconds],
  }
  return changeFamily(db, family, change, events)
}

/**
 * Ends the grant of a family that two parties use, and records the event, in one statement, if the family is as it was read and the grant is alive.
 *
 * @returns whether this call has ended it
 */
export async function endFamily(
  db: Queryable,
  family: StoredFamily,
  reason: 'refresh_exhausted' | 'refresh_reused',
  event: NewEvent,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'end-refresh-family',
    text: `WITH ended AS (
             ${endGrantsSql(
               `$${next}`,
               `grants.id = (SELECT grants.id FROM refresh_families JOIN grants ON grants.id = refresh_families.grant_id ${grantStatusJoins}
                             WHERE ${isAsRead} AND ${grantAlive})`,
             )} RETURNING 1
           ) ${insertEventSql('ended', next + 1)}`,
    values: [...readValues(family), reason, ...eventValues(event)],
  })
  return rowCount === 1
}

interface ForgivenessRow {
  readonly forgiven_generation: number | null
  readonly forgiven_run: number
  readonly forgiven_through: number | null
  readonly forgiven_at: Date | null
  readonly forgiven_seconds: number
}

function forgivenessFrom(row: ForgivenessRow): Forgiveness | undefined {
  const { forgiven_generation: generation, forgiven_run: run } = row
  if (generation === null) return undefined
  const through = row.forgiven_through ?? -1
  if (through >= generation)
    return { generation, run, through, at: row.forgiven_at?.getTime(), seconds: row.forgiven_seconds }
  // The previous release has forgiven this generation and stored only its number. The other columns belong to an earlier one, or were never set.
  const continues = run > 0 && generation === through + 1
  return { generation, run: continues ? run + 1 : 1, through: generation, at: undefined, seconds: 0 }
}
