import type { Decision, Delays, ScheduledKey } from './rotation.ts'
import { keyStates } from './schedule.ts'

/** What a node knows that a database which was restored from a backup has forgotten. Times are milliseconds since 1970. */
export interface Remembered<K extends ScheduledKey> {
  /** The keys as this process last knew them, at that time of the ring, and after how many decisions. None at the start. */
  readonly keys: readonly K[]
  readonly now: number
  readonly decisions: number
  /** From the ledger: since when a key signs, and since when it must not. */
  readonly activatedAt: ReadonlyMap<string, number>
  readonly revokedAt: ReadonlyMap<string, number>
}

export type Recovery<K extends ScheduledKey> =
  | Extract<Decision, { what: 'activate' | 'revoke' }>
  /** The whole row as it is remembered, there or not. */
  | { readonly what: 'restore'; readonly key: K }

/** The ring as it is stored. */
interface Stored<K extends ScheduledKey> {
  readonly keys: readonly K[]
  readonly decisions: number
}

/**
 * What a database that was set back has to be told anew, so that no verifier loses a key, no retired key signs again, and no revoked
 * one comes back. A running process gives back all it knows; one that starts has the ledger.
 *
 * @param now milliseconds since 1970, the ring's
 */
export function recoveries<K extends ScheduledKey>(
  stored: Stored<K>,
  remembered: Remembered<K>,
  now: number,
): Recovery<K>[] {
  if (remembered.decisions > stored.decisions) return remembered.keys.map((key) => ({ what: 'restore', key }))
  return stored.keys.flatMap((key): Recovery<K>[] => {
    // From now on, for it may have signed since: by a moment before it activated it would count as one that never did.
    if (key.revokedAt === undefined && remembered.revokedAt.has(key.kid))
      return [{ what: 'revoke', kid: key.kid, revokedAt: now }]
    // A moment that has passed never moves, so an earlier one was decided after the backup. One before the key was published is from
    // another life: the key was imported into another database, and the keys directory was kept.
    const activatedAt = Math.max(remembered.activatedAt.get(key.kid) ?? Infinity, key.publishedAt)
    return activatedAt < key.activatesAt ? [{ what: 'activate', kid: key.kid, activatesAt: activatedAt }] : []
  })
}

/**
 * Keys that were active in the restored database, and are not any more: between the restore and now they may have signed, so they are
 * published for as long as that lives.
 *
 * @param before the keys as they were restored
 * @param after the keys as they have been told anew
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
