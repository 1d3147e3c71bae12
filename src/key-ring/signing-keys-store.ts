import type { Lock } from '../platform/database/locked-transaction.ts'
import { isReadOnlyExpression } from '../platform/database/primary-store.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { KeyMoments, NamedDelay } from './schedule.ts'
import type { PublicJwk } from './sealed-key.ts'

/** A signing key as the database has it. */
export interface KeyRecord extends KeyMoments {
  readonly publicJwk: PublicJwk
  readonly sealedPrivateJwk: Buffer | undefined
  /** Seconds: the longest lifetime of anything the key has signed. */
  readonly longestLifetime: number
}

/** Everything about the keys, read in one statement. Milliseconds since 1970. */
export interface StoredRing {
  readonly keys: readonly KeyRecord[]
  /** The ring's time: the database's, but never before the last decision, so that a clock that is set back undoes none. */
  readonly now: number
  /** The moment of the last decision. */
  readonly latestEvent: number
  /** How many times something was decided. */
  readonly decisions: number
  /** What the database's clock says. */
  readonly databaseClock: number
  /** Whether the server accepts no writes: then keys may have changed on another, which is the primary now. */
  readonly isReadOnly: boolean
  readonly delay: NamedDelay
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
  clock: Date
  is_read_only: boolean
  latest_event: Date | number
  decisions: string
  activation_delay: number
  activation_delay_named_at: Date | number
}

export async function loadRing(db: Queryable): Promise<StoredRing> {
  const { rows } = await db.query<Row>({
    name: 'load-ring',
    text: `SELECT signing_keys.*, ring.*
           FROM (SELECT clock_timestamp() AS clock, latest_event, decisions, activation_delay, activation_delay_named_at,
                   greatest(clock_timestamp(), latest_event, (SELECT max(greatest(published_at, revoked_at)) FROM signing_keys)) AS now,
                   ${isReadOnlyExpression} AS is_read_only
                 FROM key_ring) AS ring
           LEFT JOIN signing_keys ON true`,
    values: [],
  })
  const [first] = rows
  if (!first) throw new Error('The table key_ring is empty; the migration that made it wrote its one row.')
  return {
    keys: rows.flatMap((row) => (row.kid === null ? [] : [toRecord({ ...row, kid: row.kid })])),
    now: first.now.getTime(),
    latestEvent: Number(first.latest_event),
    decisions: Number(first.decisions),
    databaseClock: first.clock.getTime(),
    isReadOnly: first.is_read_only,
    delay: { seconds: first.activation_delay, namedAt: Number(first.activation_delay_named_at) },
  }
}

/** Until the transaction ends nobody else decides about keys. */
export const ringLock: Lock = {
  purpose: 'deciding about signing keys',
  // The table has one row, so none means that another transaction has locked it.
  tryLock: async (tx) => {
    const { rowCount } = await tx.query({
      name: 'lock-ring',
      text: 'SELECT FROM key_ring FOR UPDATE SKIP LOCKED',
      values: [],
    })
    return rowCount === 1
  },
}

/**
 * Something was decided.
 *
 * @param now milliseconds since 1970: the ring's time does not go back behind it
 * @param decisions how many there were, as far as anybody remembers
 */
export async function noteDecision(tx: Queryable, now: number, decisions: number): Promise<void> {
  await tx.query({
    name: 'note-decision',
    text: 'UPDATE key_ring SET latest_event = greatest(latest_event, $1), decisions = greatest(decisions, $2) + 1',
    values: [new Date(now), decisions],
  })
}

export async function nameDelay(tx: Queryable, { seconds, namedAt }: NamedDelay): Promise<void> {
  await tx.query({
    name: 'name-delay',
    text: 'UPDATE key_ring SET activation_delay = $1, activation_delay_named_at = $2',
    values: [seconds, new Date(namedAt)],
  })
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

/** Puts a key's whole row in its place. A key that is revoked stays so. */
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

/** Only ever later. */
export async function setRetirement(tx: Queryable, kid: string, retiresAt: number): Promise<void> {
  await tx.query({
    text: 'UPDATE signing_keys SET retires_at = greatest(retires_at, $2) WHERE kid = $1',
    values: [kid, new Date(retiresAt)],
  })
}

/** The private half goes with it. */
export async function setRevocation(tx: Queryable, kid: string, revokedAt: number): Promise<void> {
  await tx.query({
    text: 'UPDATE signing_keys SET revoked_at = $2, sealed_private_jwk = NULL WHERE kid = $1 AND revoked_at IS NULL',
    values: [kid, new Date(revokedAt)],
  })
}

export async function destroyPrivateHalf(tx: Queryable, kid: string): Promise<void> {
  await tx.query({ text: 'UPDATE signing_keys SET sealed_private_jwk = NULL WHERE kid = $1', values: [kid] })
}

/** The same key under another wrapping. */
export async function replaceSeal(tx: Queryable, kid: string, sealedPrivateJwk: Buffer): Promise<void> {
  await tx.query({
    text: 'UPDATE signing_keys SET sealed_private_jwk = $2 WHERE kid = $1 AND sealed_private_jwk IS NOT NULL',
    values: [kid, sealedPrivateJwk],
  })
}

/**
 * Notes that the keys sign something that lives this long, and keeps by as much longer those that are on their way out: a node that
 * has not heard of their successor may be signing with them. Only ever longer, whoever races.
 *
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
