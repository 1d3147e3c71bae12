import type { Queryable } from '../platform/database/queryable.ts'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { KeyMoments } from './schedule.ts'
import type { PublicJwk } from './sealed-key.ts'

/** A signing key as stored in the database. */
export interface KeyRecord extends KeyMoments {
  readonly publicJwk: PublicJwk
  readonly sealedPrivateJwk: Buffer | undefined
  /** Seconds: the longest lifetime of anything the key has signed. */
  readonly longestLifetime: number
}

/** A row of `signing_keys`. */
export interface SigningKeyRow {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly public_jwk: PublicJwk
  readonly sealed_private_jwk: Buffer | null
  readonly longest_lifetime: number
  readonly published_at: Date
  readonly activates_at: Date
  readonly retires_at: Date | null
  readonly revoked_at: Date | null
}

export function keyFromRow(row: SigningKeyRow): KeyRecord {
  return {
    kid: row.kid,
    alg: row.alg,
    publicJwk: row.public_jwk,
    sealedPrivateJwk: row.sealed_private_jwk ?? undefined,
    longestLifetime: row.longest_lifetime,
    publishedAt: row.published_at.getTime(),
    activatesAt: row.activates_at.getTime(),
    retiresAt: row.retires_at?.getTime(),
    revokedAt: row.revoked_at?.getTime(),
  }
}

/** Inserts or replaces the complete row of a key. A revoked key stays revoked. */
export async function putSigningKey(db: Queryable, key: KeyRecord): Promise<void> {
  const date = (milliseconds: number | undefined) => (milliseconds === undefined ? null : new Date(milliseconds))
  await db.query({
    text: `INSERT INTO signing_keys (kid, alg, public_jwk, sealed_private_jwk, longest_lifetime, published_at, activates_at,
             retires_at, revoked_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (kid) DO UPDATE
           SET (sealed_private_jwk, longest_lifetime, published_at, activates_at, retires_at, revoked_at) =
             (EXCLUDED.sealed_private_jwk, greatest(signing_keys.longest_lifetime, EXCLUDED.longest_lifetime),
              EXCLUDED.published_at, EXCLUDED.activates_at, EXCLUDED.retires_at, EXCLUDED.revoked_at)
           WHERE signing_keys.revoked_at IS NULL`,
    values: [
      ...[key.kid, key.alg, JSON.stringify(key.publicJwk), key.sealedPrivateJwk ?? null, key.longestLifetime],
      ...[key.publishedAt, key.activatesAt, key.retiresAt, key.revokedAt].map(date),
    ],
  })
}

export async function setActivation(tx: Queryable, kid: string, activatesAt: number): Promise<void> {
  await tx.query({
    text: 'UPDATE signing_keys SET activates_at = $2 WHERE kid = $1',
    values: [kid, new Date(activatesAt)],
  })
}

/** Never moves the retirement to an earlier time. */
export async function setRetirement(tx: Queryable, kid: string, retiresAt: number): Promise<void> {
  await tx.query({
    text: 'UPDATE signing_keys SET retires_at = greatest(retires_at, $2) WHERE kid = $1',
    values: [kid, new Date(retiresAt)],
  })
}

/** Also deletes the private half. */
export async function setRevocation(tx: Queryable, kid: string, revokedAt: number): Promise<void> {
  await tx.query({
    text: 'UPDATE signing_keys SET revoked_at = $2, sealed_private_jwk = NULL WHERE kid = $1 AND revoked_at IS NULL',
    values: [kid, new Date(revokedAt)],
  })
}

export async function destroyPrivateHalf(tx: Queryable, kid: string): Promise<void> {
  await tx.query({ text: 'UPDATE signing_keys SET sealed_private_jwk = NULL WHERE kid = $1', values: [kid] })
}

/** Replaces the sealed private half after resealing it. */
export async function replaceSeal(tx: Queryable, kid: string, sealedPrivateJwk: Buffer): Promise<void> {
  await tx.query({
    text: 'UPDATE signing_keys SET sealed_private_jwk = $2 WHERE kid = $1 AND sealed_private_jwk IS NOT NULL',
    values: [kid, sealedPrivateJwk],
  })
}

/**
 * Records that the keys sign tokens with this lifetime, and extends the retention of retiring keys accordingly: a node that does not know their
 * successor yet may be signing with them. Never shortens it, even if callers race.
 */
export async function raiseLongestLifetime(db: Queryable, seconds: number): Promise<void> {
  await db.query({
    name: 'raise-longest-lifetime',
    text: `UPDATE signing_keys
           SET longest_lifetime = $1, retires_at = retires_at + make_interval(secs => $1 - longest_lifetime)
           WHERE longest_lifetime < $1 AND sealed_private_jwk IS NOT NULL`,
    values: [seconds],
  })
}
