import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import { type JwkSet, jwkSet } from './jwk-set.ts'
import type { LoadedKey } from './loaded-key.ts'
import { isPublished, type KeyState, keyStates } from './schedule.ts'
import type { KeyRecord } from './signing-keys-store.ts'

/** What follows from the keys at one moment, and until the next one. */
export interface Snapshot {
  readonly states: ReadonlyMap<KeyRecord, KeyState>
  readonly active: ReadonlyMap<SigningAlgorithm, LoadedKey>
  readonly set: JwkSet
  /** Seconds: every key that can come to sign is noted to sign what lives this long. */
  readonly covered: number
  /** Milliseconds since 1970: the moment that this is of, and the next one at which a state changes. */
  readonly at: number
  readonly until: number
}

/** @param now milliseconds since 1970, the ring's */
export function takeSnapshot(loaded: ReadonlyMap<string, LoadedKey>, now: number): Snapshot {
  const keys = [...loaded.values()]
  const records = keys.map(({ record }) => record)
  const states = statesOf(records, now)
  const usable = keys.filter(({ record, privateKey }) => privateKey && isPublished(states.get(record) ?? 'retired'))
  const moments = records.flatMap(({ activatesAt, retiresAt, revokedAt }) => [activatesAt, retiresAt, revokedAt])
  return {
    states,
    active: new Map(usable.filter(({ record }) => states.get(record) === 'active').map((key) => [key.record.alg, key])),
    set: jwkSet(usable.map(({ record, publicJwk }) => ({ ...record, publicJwk }))),
    at: now,
    covered: Math.min(...usable.map(({ record }) => record.longestLifetime)),
    until: Math.min(...moments.filter((moment) => moment !== undefined && moment > now).map(Number)),
  }
}

/** A key whose private half is gone has retired, or was revoked: whatever its moments say, it comes to nothing else any more. */
function statesOf(records: readonly KeyRecord[], now: number): ReadonlyMap<KeyRecord, KeyState> {
  const isOver = ({ sealedPrivateJwk, revokedAt }: KeyRecord) => !sealedPrivateJwk && revokedAt === undefined
  const states = keyStates(
    records.filter((record) => !isOver(record)),
    now,
  )
  return new Map(records.map((record) => [record, states.get(record) ?? 'retired']))
}
