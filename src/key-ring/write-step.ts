import type { Queryable } from '../platform/database/queryable.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import { type EventType, recordEvent } from '../records/events/events-store.ts'
import type { KeyPool } from './key-pool.ts'
import type { Recovery } from './recovery.ts'
import type { Decision } from './rotation.ts'
import { type NewKey, resealKey } from './sealed-key.ts'
import {
  destroyPrivateHalf,
  type KeyRecord,
  putSigningKey,
  raiseLongestLifetime,
  setActivation,
  setRetirement,
  setRevocation,
} from './signing-keys-store.ts'

/** Who made a decision, for the events. */
export interface Author {
  /** `schedule`, or the person who ran a command. */
  readonly by: string
  readonly reason?: string | undefined
}

/** A decision: of the schedule, to recover what a database has lost, or of an operator. */
export type Step =
  | Decision
  | Recovery<KeyRecord>
  /** Keys will sign tokens with a lifetime of this many seconds. */
  | { readonly what: 'extend'; readonly longestLifetime: number }
  | { readonly what: 'import'; readonly key: NewKey; readonly at: number }

export interface StepOptions {
  readonly masterKey: MasterKey
  readonly pool: KeyPool
  /** Seconds: the longest lifetime of anything that this node signs. A key that is created now will sign it later. */
  readonly longestLifetime: number
}

/**
 * Writes one step and its event. Call it in a transaction that holds the lock of the ring.
 *
 * @throws KeysMissing if the step creates a key and the pool has none
 */
export async function writeStep(
  tx: Queryable,
  step: Step,
  { masterKey, pool, longestLifetime }: StepOptions,
  author: Author,
): Promise<void> {
  const unused = { longestLifetime, retiresAt: undefined, revokedAt: undefined }
  const event = (type: EventType, kid: string, detail: Readonly<Record<string, string>> = {}) =>
    recordEvent(tx, {
      ...{ type, by: author.by, kid },
      detail: { ...(author.reason !== undefined && { reason: author.reason }), ...detail },
    })
  // The key was sealed before the lock was taken. If the master key has been replaced since then, `signet keys reseal` did not include this
  // key. So it is resealed, which takes microseconds.
  const resealed = (key: NewKey): NewKey => ({
    ...key,
    sealedPrivateJwk: resealKey(key.kid, key.sealedPrivateJwk, masterKey),
  })
  switch (step.what) {
    case 'create': {
      const key = resealed(pool.take(step.alg))
      const { publishedAt, activatesAt } = step
      await putSigningKey(tx, { ...key, ...unused, publishedAt, activatesAt })
      return event('key_created', key.kid, { alg: key.alg, activates_at: text(activatesAt) })
    }
    case 'import':
      await putSigningKey(tx, { ...resealed(step.key), ...unused, publishedAt: step.at, activatesAt: step.at })
      return event('key_imported', step.key.kid, { alg: step.key.alg })
    case 'restore':
      await putSigningKey(tx, step.key)
      return event('key_restored', step.key.kid, { alg: step.key.alg })
    case 'postpone':
    case 'activate':
      await setActivation(tx, step.kid, step.activatesAt)
      return event('key_scheduled', step.kid, { activates_at: text(step.activatesAt) })
    case 'retire':
      await setRetirement(tx, step.kid, step.retiresAt)
      return event('key_superseded', step.kid, { retires_at: text(step.retiresAt) })
    case 'revoke':
      await setRevocation(tx, step.kid, step.revokedAt)
      return event('key_revoked', step.kid)
    case 'extend':
      return raiseLongestLifetime(tx, step.longestLifetime)
    case 'destroy':
      await destroyPrivateHalf(tx, step.kid)
      return event('key_retired', step.kid)
  }
}

function text(moment: number): string {
  return new Date(moment).toISOString()
}
