import type { Lock } from '../platform/database/locked-transaction.ts'
import { isReadOnlyExpression } from '../platform/database/primary-store.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import type { NamedDelay } from './schedule.ts'
import { type KeyRecord, keyFromRow, type SigningKeyRow } from './signing-keys-store.ts'

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

/** The ring's one row beside each key; without any key, beside nulls. */
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
  if (!first) throw new Error('The table key_ring is empty; the migration that made it wrote its one row.')
  return {
    keys: rows.flatMap((row) => (row.kid === null ? [] : [keyFromRow({ ...row, kid: row.kid })])),
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
