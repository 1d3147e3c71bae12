import type { Queryable } from '../platform/database/queryable.ts'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { KeyMoments } from './schedule.ts'
import type { NewKey, PublicJwk } from './sealed-key.ts'

/** A signing key as the database has it. */
export interface KeyRecord extends KeyMoments {
  readonly publicJwk: PublicJwk
  readonly sealedPrivateJwk: Buffer | undefined
  /** Seconds: the longest lifetime of anything the key has signed. */
  readonly longestLifetime: number
}

interface Row {
  kid: string | null
  alg: SigningAlgorithm
  public_jwk: PublicJwk
  sealed_private_jwk: Buffer | null
  longest_lifetime: number
  published_at: Date
  activates_at: Date
  retires_at: Date | null
  revoked_at: Date | null
  now: Date
}

/**
 * All keys and the time, read together. The time is the database's and never goes back behind the last moment at which a
 * key's state was decided, so that a database whose clock was set back does not put a signing key back on standby.
 */
export async function loadSigningKeys(db: Queryable): Promise<{ keys: KeyRecord[]; now: number }> {
  const { rows } = await db.query<Row>({
    name: 'load-signing-keys',
    text: `SELECT signing_keys.*, time.now
           FROM (SELECT greatest(clock_timestamp(), (SELECT max(greatest(published_at, revoked_at)) FROM signing_keys)) AS now) AS time
           LEFT JOIN signing_keys ON true`,
    values: [],
  })
  const keys = rows.flatMap((row) => (row.kid === null ? [] : [toRecord({ ...row, kid: row.kid })]))
  return { keys, now: rows[0]!.now.getTime() }
}

function toRecord(row: Row & { kid: string }): KeyRecord {
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

export async function insertSigningKey(
  db: Queryable,
  key: NewKey,
  moments: Pick<KeyMoments, 'publishedAt' | 'activatesAt'>,
): Promise<void> {
  await db.query({
    text: `INSERT INTO signing_keys (kid, alg, public_jwk, sealed_private_jwk, published_at, activates_at)
           VALUES ($1, $2, $3, $4, $5, $6)`,
    values: [
      key.kid,
      key.alg,
      JSON.stringify(key.publicJwk),
      key.sealedPrivateJwk,
      new Date(moments.publishedAt),
      new Date(moments.activatesAt),
    ],
  })
}

/** Notes that the keys sign something that lives this long. Only ever longer, whoever races. */
export async function raiseLongestLifetime(db: Queryable, seconds: number): Promise<void> {
  await db.query({
    name: 'raise-longest-lifetime',
    text: 'UPDATE signing_keys SET longest_lifetime = $1 WHERE longest_lifetime < $1',
    values: [seconds],
  })
}
