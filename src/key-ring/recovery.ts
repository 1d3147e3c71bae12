import type { Decision, Delays, ScheduledKey } from './rotation.ts'
import { keyStates } from './schedule.ts'

/** The facts that a node knows even if the database was restored from a backup. Times are milliseconds since 1970. */
export interface Remembered<K extends ScheduledKey> {
  /** The keys as this process last read them, with the ring's time and the number of decisions. Empty at the start. */
  readonly keys: readonly K[]
  readonly now: number
  readonly decisions: number
  /** From the ledger: when a key was activated, and when it was revoked. */
  readonly activatedAt: ReadonlyMap<string, number>
  readonly revokedAt: ReadonlyMap<string, number>
}

export type Recovery<K extends ScheduledKey> =
  | Extract<Decision, { what: 'activate' | 'revoke' }>
  /** Restores the complete row as remembered, whether it exists or not. */
  | { readonly what: 'restore'; readonly key: K }

/** The ring as stored in the database. */
interface Stored<K extends ScheduledKey> {
  readonly keys: readonly K[]
  readonly decisions: number
}

/**
 * What has to be written again to a database that was restored from a backup, so that verifiers do not lose a key, no retired key signs again,
 * and no revoked key becomes valid again. A running process restores everything it knows; one that is starting has only the ledger.
 *
 * @param now the ring's time, in milliseconds since 1970
 */
export function recoveries<K extends ScheduledKey>(
  stored: Stored<K>,
  remembered: Remembered<K>,
  now: number,
): Recovery<K>[] {
  if (remembered.decisions > stored.decisions) return remembered.keys.map((key) => ({ what: 'restore', key }))
  return stored.keys.flatMap((key): Recovery<K>[] => {
    // Revoked from now on, because it may have signed since the restore. With a time before its activation it would count as never active.
    if (key.revokedAt === undefined && remembered.revokedAt.has(key.kid))
      return [{ what: 'revoke', kid: key.kid, revokedAt: now }]
    // An activation in the past is never moved, so an earlier one in the ledger was decided after the backup. One from before the key was
    // published comes from another database: the key was then imported into this one, and the keys directory was kept.
    const activatedAt = Math.max(remembered.activatedAt.get(key.kid) ?? Infinity, key.publishedAt)
    return activatedAt < key.activatesAt ? [{ what: 'activate', kid: key.kid, activatesAt: activatedAt }] : []
  })
}

/**
 * Retirements of keys that were active in the restored database and no longer are. They may have signed between the restore and now, so they
 * stay published until those tokens have expired.
 *
 * @param before the keys in the restored database
 * @param after the keys after the recovery
 */
export function retirementsAfterRecovery(
  before: readonly ScheduledKey[],
  after: readonly ScheduledKey[],
  now: number,
  { clockSkew, keyLease }: Delays,
): Decision[] {
  const was = keyStates(before, now)
  const is = keyStates(after, now)
  const signed = new Set(before.filter((key) => was.get(key) === 'active').map(({ kid }) => kid))
  return after.flatMap((key): Decision[] => {
    const state = is.get(key)
    if (!signed.has(key.kid) || (state !== 'retiring' && state !== 'retired')) return []
    return [{ what: 'retire', kid: key.kid, retiresAt: now + (key.longestLifetime + clockSkew + keyLease) * 1000 }]
  })
}
