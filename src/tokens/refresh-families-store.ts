import type { Queryable } from '../platform/database/queryable.ts'
import {
  grantContextColumns,
  type PersonsGrant,
  type PersonsGrantRow,
  personsGrantFromRow,
} from '../records/grants/grants-store.ts'
import type { GrantId, Sid } from '../records/ids.ts'
import { findGrantedPerson, type GrantedPerson } from './granted-person-store.ts'
import { type FamilyState, type Forgiveness, keptSpends } from './refresh-rotation.ts'

/** A family of refresh tokens, with its grant. */
export interface StoredFamily extends FamilyState {
  readonly grant: PersonsGrant
  readonly secretVersion: number
  readonly sid: Sid
  /** Undefined if the grant has ended. */
  readonly person: GrantedPerson | undefined
  readonly expired: boolean
  /** The time of the database when the row was locked, in milliseconds since 1970. */
  readonly now: number
}

/** @param lifetimes the sliding and the absolute lifetime, in seconds */
export async function insertFamily(
  tx: Queryable,
  family: { digest: Buffer; grantId: GrantId; secretVersion: number; sid: Sid },
  lifetimes: { sliding: number; absolute: number },
): Promise<void> {
  await tx.query({
    name: 'insert-refresh-family',
    text: `INSERT INTO refresh_families (digest, grant_id, secret_version, sid, expires_at, max_expires_at)
           VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5), now() + make_interval(secs => $6))`,
    values: [family.digest, family.grantId, family.secretVersion, family.sid, lifetimes.sliding, lifetimes.absolute],
  })
}

/** Reads a family and locks its row until the transaction ends, so that concurrent requests see each other's changes. */
export async function lockFamily(tx: Queryable, familyDigest: Buffer): Promise<StoredFamily | undefined> {
  const { rows } = await tx.query<
    PersonsGrantRow &
      ForgivenessRow & {
        secret_version: number
        generation: number
        spends: Date[]
        sid: Sid
        expired: boolean
        now: Date
      }
  >({
    name: 'lock-refresh-family',
    text: `SELECT ${grantContextColumns}, secret_version, generation, spends, sid,
             forgiven_generation, forgiven_run, forgiven_through, forgiven_at, forgiven_seconds,
             refresh_families.expires_at <= clock_timestamp() OR max_expires_at <= clock_timestamp() AS expired,
             clock_timestamp() AS now
           FROM refresh_families JOIN grants ON grants.id = grant_id
           WHERE refresh_families.digest = $1 FOR UPDATE OF refresh_families, grants`,
    values: [familyDigest],
  })
  const row = rows[0]
  return (
    row && {
      grant: personsGrantFromRow(row),
      secretVersion: row.secret_version,
      generation: row.generation,
      spends: row.spends.map((spend) => spend.getTime()),
      forgiveness: forgivenessFrom(row),
      sid: row.sid,
      person: await findGrantedPerson(tx, row.grant_id),
      expired: row.expired,
      now: row.now.getTime(),
    }
  )
}

/**
 * Marks a generation as spent, and extends the sliding lifetime. If the generation is newer than the one in the row (the database was restored
 * from a backup), the times of earlier generations are deleted, because it is not known when those were spent.
 */
export async function spendGeneration(
  tx: Queryable,
  familyDigest: Buffer,
  spent: number,
  slidingSeconds: number,
): Promise<void> {
  await tx.query({
    name: 'spend-refresh-generation',
    text: `UPDATE refresh_families SET generation = $2::integer + 1,
             spends = CASE WHEN generation = $2 THEN (spends || clock_timestamp())[greatest(1, cardinality(spends) + 2 - $4::integer):]
                           ELSE ARRAY[clock_timestamp()] END,
             expires_at = least(max_expires_at, now() + make_interval(secs => $3))
           WHERE digest = $1`,
    values: [familyDigest, spent, slidingSeconds, keptSpends],
  })
}

/** Extends the sliding lifetime without spending the token, for clients without rotation. */
export async function slideFamily(tx: Queryable, familyDigest: Buffer, slidingSeconds: number): Promise<void> {
  await tx.query({
    name: 'slide-refresh-family',
    text: `UPDATE refresh_families SET expires_at = least(max_expires_at, now() + make_interval(secs => $2)) WHERE digest = $1`,
    values: [familyDigest, slidingSeconds],
  })
}

/** Stores a decision about a lost response. The caller has locked the row. */
export async function saveForgiveness(tx: Queryable, familyDigest: Buffer, forgiveness: Forgiveness): Promise<void> {
  const { generation, run, through, at, seconds } = forgiveness
  await tx.query({
    name: 'save-refresh-forgiveness',
    // The previous release forgives a generation ten times and then refuses it without ending the grant. It must not count these.
    text: `UPDATE refresh_families SET forgiven_generation = $2, forgiven_times = 1, forgiven_run = $3, forgiven_through = $4,
             forgiven_at = $5, forgiven_seconds = $6
           WHERE digest = $1`,
    values: [familyDigest, generation, run, through, at === undefined ? null : new Date(at), seconds],
  })
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
