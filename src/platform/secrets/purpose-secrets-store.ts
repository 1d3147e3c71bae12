import { isReadOnlyExpression } from '../database/primary-store.ts'
import type { Queryable } from '../database/queryable.ts'
import { pagePurposes, pageSecretDays, type SealedPurposeSecret, type StoredPurposeSecret } from './purpose-secrets.ts'

/** A version that must no longer be accepted. */
export interface RevokedPurposeSecret {
  readonly fingerprint: string
  readonly purpose: string
  readonly version: number
  /** Milliseconds since 1970. */
  readonly revokedAt: number
}

/** Everything about purpose secrets, read in one statement. */
export interface StoredSecrets {
  readonly versions: readonly StoredPurposeSecret[]
  readonly revoked: readonly RevokedPurposeSecret[]
  /** Milliseconds since 1970, by the database's clock. */
  readonly now: number
  /** Whether the server accepts no writes. Secrets may then have changed on another server, which is now the primary. */
  readonly isReadOnly: boolean
}

interface Row {
  readonly purpose: string
  readonly version: number
  readonly sealed: Buffer
  readonly created_at: Date
  readonly activates_at: Date | number
}

const quotedPagePurposes = pagePurposes.map((purpose) => `'${purpose}'`).join(', ')

/**
 * SQL for the minimum time that a superseded version is kept. The column `purpose` must be in scope. Versions that refresh families or
 * sessions need are kept longer (`records/cleanup/cleanup-store.ts`).
 */
export const supersededVersionKeptFor = `CASE WHEN purpose IN (${quotedPagePurposes})
  THEN interval '${pageSecretDays} days' ELSE interval '1 hour' END`

const columns = 'purpose, version, sealed, created_at, activates_at'

export async function loadPurposeSecrets(db: Queryable): Promise<StoredPurposeSecret[]> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${columns} FROM purpose_secrets ORDER BY purpose, version`,
  })
  return rows.map(fromRow)
}

export async function loadStoredSecrets(db: Queryable): Promise<StoredSecrets> {
  const { rows } = await db.query<
    { purpose: string | null; now: Date; is_read_only: boolean; revoked: [string, string, number, number][] } & Row
  >({
    name: 'load-stored-secrets',
    text: `SELECT ${columns}, now, is_read_only, revoked
           FROM (SELECT clock_timestamp() AS now, ${isReadOnlyExpression} AS is_read_only,
                   (SELECT coalesce(jsonb_agg(jsonb_build_array(fingerprint, purpose, version, extract(epoch FROM revoked_at) * 1000)), '[]')
                    FROM revoked_purpose_secrets) AS revoked) AS moment
           LEFT JOIN purpose_secrets ON true ORDER BY purpose COLLATE "C", version`,
    values: [],
  })
  const { now, is_read_only: isReadOnly, revoked } = rows[0]!
  return {
    versions: rows.flatMap((row) => (row.purpose === null ? [] : [fromRow(row)])),
    revoked: revoked.map(([fingerprint, purpose, version, at]) => ({
      ...{ fingerprint, purpose, version, revokedAt: Math.round(at) },
    })),
    now: now.getTime(),
    isReadOnly,
  }
}

function fromRow({ purpose, version, sealed, created_at, activates_at }: Row): StoredPurposeSecret {
  return { purpose, version, sealed, publishedAt: created_at.getTime(), activatesAt: Number(activates_at) }
}

/**
 * Adds a version.
 *
 * @param activatesIn seconds
 */
export async function insertPurposeSecret(
  tx: Queryable,
  { purpose, version, sealed }: SealedPurposeSecret,
  activatesIn: number,
): Promise<StoredPurposeSecret> {
  const { rows } = await tx.query<Row>({
    text: `INSERT INTO purpose_secrets (purpose, version, sealed, created_at, activates_at)
           SELECT $1, $2, $3, now, now + make_interval(secs => $4) FROM clock_timestamp() AS now
           RETURNING ${columns}`,
    values: [purpose, version, sealed, activatesIn],
  })
  return fromRow(rows[0]!)
}

/** Deletes a version and records that it must never be accepted again. */
export async function removeRevoked(
  tx: Queryable,
  { purpose, version, fingerprint }: Omit<RevokedPurposeSecret, 'revokedAt'>,
): Promise<void> {
  await tx.query({
    text: `WITH gone AS (DELETE FROM purpose_secrets WHERE purpose = $2 AND version = $3)
           INSERT INTO revoked_purpose_secrets (fingerprint, purpose, version, revoked_at)
           VALUES ($1, $2, $3, clock_timestamp()) ON CONFLICT DO NOTHING`,
    values: [fingerprint, purpose, version],
  })
}

/** Replaces the sealed form of a secret after resealing it. */
export async function replacePurposeSeal(
  tx: Queryable,
  { purpose, version, sealed }: SealedPurposeSecret,
): Promise<void> {
  await tx.query({
    text: 'UPDATE purpose_secrets SET sealed = $3 WHERE purpose = $1 AND version = $2',
    values: [purpose, version, sealed],
  })
}

/** Whether the database holds anything that was sealed with a master key. */
export async function holdsSealed(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ holds: boolean }>({
    text: `SELECT EXISTS (SELECT FROM purpose_secrets)
               OR EXISTS (SELECT FROM signing_keys WHERE sealed_private_jwk IS NOT NULL) AS holds`,
  })
  return rows[0]!.holds
}
