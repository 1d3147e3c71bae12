import type { FetchedJwkSet } from './jwk-set-request.ts'
import type { KeyReference } from './signed-jwt.ts'
import { VerificationError } from './verification-error.ts'
import type { VerificationKey } from './verification-key.ts'

/** Both in milliseconds. `wallTime` counts since 1970; `monotonicTime` since an arbitrary moment, and is never set back. */
export type Clock = { wallTime: () => number; monotonicTime: () => number }

export type RemoteKeysRules = {
  /** Fetches the set, see `requestJwkSet`. */
  request: (previous: FetchedJwkSet | undefined, revalidate: boolean) => Promise<FetchedJwkSet>
  /** Where the set is fetched from, for the messages. */
  uri: string
  /** In milliseconds: the minimum time between two fetches because of a `kid` that is not in the set. */
  cooldown: number
  /** In milliseconds: how long a set may be used after the issuer last confirmed it, under any circumstances. */
  keepFor: number
  clock: Clock
  /** Called for every failed fetch. */
  onError: (error: VerificationError) => void
}

export type RemoteKeys = {
  /** @throws {VerificationError} `keys_unavailable` */
  find: (reference: KeyReference) => Promise<VerificationKey | undefined>
  /** @throws {VerificationError} `keys_unavailable` */
  ready: () => Promise<void>
}

type Moment = { wall: number; monotonic: number }

/**
 * The issuer's keys, cached for as long as its Cache-Control allows.
 *
 * - Fresh: the cached set is used. In the last tenth of its time it is refreshed in the background, so that a busy service never waits.
 * - Stale: the set is fetched again, once for all callers, and they wait for it. Otherwise the first token after an idle night could be
 *   accepted under a key that was revoked hours ago. Callers do not wait within `stale-while-revalidate`, or while the issuer is known to
 *   be unavailable.
 * - The fetch failed: the stale set is used until `keepFor`, and the fetch is retried after 1, 2, 4 ... seconds.
 * - A `kid` that is not in the set: the set is fetched immediately, but only once per cooldown, because anyone can make up a `kid`.
 */
export function remoteKeys(rules: RemoteKeysRules): RemoteKeys {
  const { clock, cooldown, keepFor } = rules
  let set: FetchedJwkSet | undefined
  let confirmedAt: Moment | undefined
  let attemptedAt: Moment | undefined
  let failures: { count: number; at: Moment; error: VerificationError } | undefined
  let inFlight: Promise<void> | undefined

  const moment = (): Moment => ({ wall: clock.wallTime(), monotonic: clock.monotonicTime() })

  // By the clock that advanced further: the wall clock may be set back, and the monotonic one stops while the machine is suspended.
  const since = (past: Moment | undefined): number =>
    past === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(clock.wallTime() - past.wall, clock.monotonicTime() - past.monotonic)

  async function fetchSet(revalidate: boolean): Promise<void> {
    attemptedAt = moment()
    try {
      set = await rules.request(set, revalidate)
      confirmedAt = attemptedAt
      failures = undefined
    } catch (cause) {
      const error = new VerificationError('keys_unavailable', `No JWK Set from ${rules.uri}: ${reasonOf(cause)}.`, {
        cause,
      })
      failures = { count: (failures?.count ?? 0) + 1, at: moment(), error }
      try {
        rules.onError(error)
      } catch {
        // A background fetch has no caller: what the listener throws would end the process as an unhandled rejection.
      }
    }
  }

  /** One fetch at a time, shared by all callers. Never rejects: a failure is stored in `failures`. */
  function refresh(revalidate: boolean): Promise<void> {
    inFlight ??= fetchSet(revalidate).finally(() => {
      inFlight = undefined
    })
    return inFlight
  }

  const mayRetry = () =>
    failures === undefined || since(failures.at) >= Math.min(1000 * 2 ** (failures.count - 1), cooldown)

  async function currentSet(): Promise<FetchedJwkSet> {
    const age = since(confirmedAt)
    const fresh = Math.min(set?.freshness.fresh ?? 0, keepFor)
    if (set !== undefined && age < 0.9 * fresh) return set

    const refreshed = inFlight !== undefined || mayRetry() ? refresh(false) : undefined
    const issuerIsAway = failures !== undefined && since(failures.at) < 2 * cooldown
    const mayUseStale = issuerIsAway || age < fresh + (set?.freshness.staleWhileRevalidate ?? 0)
    if (age >= keepFor || !mayUseStale) await refreshed

    if (set === undefined || since(confirmedAt) >= keepFor) throw unavailable()
    return set
  }

  function unavailable(): VerificationError {
    return failures?.error ?? new VerificationError('keys_unavailable', `No JWK Set from ${rules.uri}.`)
  }

  return {
    async find({ kid }) {
      const { keys } = await currentSet()
      const known = keys.get(kid)
      if (known !== undefined) return known

      // At most one fetch per cooldown, counted from the last fetch for any reason.
      if (inFlight !== undefined || since(attemptedAt) >= cooldown) await refresh(true)
      const found = set?.keys.get(kid)
      // The issuer may know the key, but cannot be asked. "Unknown" would make a client discard a valid token.
      if (found === undefined && failures !== undefined) throw unavailable()
      return found
    },
    async ready() {
      await currentSet()
    },
  }
}

/** The message of `fetch` is only "fetch failed"; the reason is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}
