import type { Lock } from '../platform/database/locked-transaction.ts'
import { isReadOnlyExpression } from '../platform/database/primary-store.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import type { AnnouncedDelay } from './schedule.ts'
import { type KeyRecord, keyFromRow, type SigningKeyRow } from './signing-keys-store.ts'

/** Everything about the keys, read in one statement. Milliseconds since 1970. */
export interface StoredRing {
  readonly keys: readonly KeyRecord[]
  /** The ring's time: the database's, but never before the last decision, so that setting the clock back does not undo decisions. */
  readonly now: number
  /** The moment of the last decision. */
  readonly latestEvent: number
  /** The number of decisions so far. */
  readonly decisions: number
  /** The time of the database's clock. */
  readonly databaseClock: number
  /** Whether the server accepts no writes. Keys may then have changed on another server, which is now the primary. */
  readonly isReadOnly: boolean
  readonly delay: AnnouncedDelay
}

/** The single row of the ring, joined with each key; without keys, with nulls. */
type Row = { kid: string | null } & Omit<SigningKeyRow, 'kid'> & {
    now: Date
    clock: Date
    is_read_only: boolean
    latest_event: Date | number
    decisions: string
    activation_delay: number
    activation_delay_named_at: Date | number
  }

/** Reads the ring and all keys. */
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
  if (!first)
    throw new Error('The table key_ring is empty, although the migration that created it inserted its only row.')
  return {
    keys: rows.flatMap((row) => (row.kid === null ? [] : [keyFromRow({ ...row, kid: row.kid })])),
    now: first.now.getTime(),
    latestEvent: Number(first.latest_event),
    decisions: Number(first.decisions),
    databaseClock: first.clock.getTime(),
    isReadOnly: first.is_read_only,
    delay: { seconds: first.activation_delay, announcedAt: Number(first.activation_delay_named_at) },
  }
}

/** While a transaction holds it, no other process makes decisions about keys. */
export const ringLock: Lock = {
  purpose: 'deciding about signing keys',
  // The table has one row. If none is returned, another transaction has locked it.
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
 * Records that decisions were made.
 *
 * @param now milliseconds since 1970; the ring's time will not go back before it
 * @param decisions the number of decisions so far that this node knows of
 */
export async function recordDecision(tx: Queryable, now: number, decisions: number): Promise<void> {
  await tx.query({
    name: 'note-decision',
    text: 'UPDATE key_ring SET latest_event = greatest(latest_event, $1), decisions = greatest(decisions, $2) + 1',
    values: [new Date(now), decisions],
  })
}

export async function announceDelay(tx: Queryable, { seconds, announcedAt }: AnnouncedDelay): Promise<void> {
  await tx.query({
    name: 'name-delay',
    text: 'UPDATE key_ring SET activation_delay = $1, activation_delay_named_at = $2',
    values: [seconds, new Date(announcedAt)],
  })
}
