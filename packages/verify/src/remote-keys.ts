import type { FetchedJwkSet } from './jwk-set-request.ts'
import type { KeyReference } from './signed-jwt.ts'
import { VerificationError } from './verification-error.ts'
import type { VerificationKey } from './verification-key.ts'

/** Both in milliseconds. `wallTime` since 1970; `monotonicTime` since any moment, and never set back. */
export type Clock = { wallTime: () => number; monotonicTime: () => number }

export type RemoteKeysRules = {
  /** Fetches the set, see `requestJwkSet`. */
  request: (previous: FetchedJwkSet | undefined, revalidate: boolean) => Promise<FetchedJwkSet>
  /** Where the set is fetched from, for the messages. */
  uri: string
  /** In milliseconds: the least time between two fetches for the sake of a `kid` that the set does not have. */
  cooldown: number
  /** In milliseconds: the longest that a set is used after the issuer last confirmed it, whatever happens. */
  keepFor: number
  clock: Clock
  /** Told of every fetch that fails. */
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
 * The issuer's keys, kept for as long as its Cache-Control allows.
 *
 * - fresh: used, nothing is fetched but in the last tenth of that time, beside the requests, so that a busy service never waits;
 * - stale: fetched anew, by one caller for all; the others wait, lest a key that was revoked hours ago be trusted by the first
 *   token after a quiet night. Nobody waits within `stale-while-revalidate`, or while the issuer is known to be away;
 * - the fetch failed: the stale set serves on until `keepFor`, and the issuer is asked again after 1, 2, 4 ... seconds;
 * - a `kid` that is not in the set: fetched at once, but once per cooldown, for `kid` is what anybody may write into a token.
 */
export function remoteKeys(rules: RemoteKeysRules): RemoteKeys {
  const { clock, cooldown, keepFor } = rules
  let set: FetchedJwkSet | undefined
  let confirmedAt: Moment | undefined
  let attemptedAt: Moment | undefined
  let failures: { count: number; at: Moment; error: VerificationError } | undefined
  let inFlight: Promise<void> | undefined

  const moment = (): Moment => ({ wall: clock.wallTime(), monotonic: clock.monotonicTime() })

  // The longer of both clocks: the wall clock may be set back, and the monotonic one stands still in a suspended machine.
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
        // A fetch may be nobody's to wait for: what the listener throws would end the process as an unhandled rejection.
      }
    }
  }

  /** One fetch at a time, which all share. Never rejects: a failure is kept in `failures`. */
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

      // At most one fetch per cooldown, counted from the last one of whatever cause.
      if (inFlight !== undefined || since(attemptedAt) >= cooldown) await refresh(true)
      const found = set?.keys.get(kid)
      // The issuer may know the key and cannot be asked. "unknown" would make an honest client throw its token away.
      if (found === undefined && failures !== undefined) throw unavailable()
      return found
    },
    async ready() {
      await currentSet()
    },
  }
}

/** `fetch` says "fetch failed" and keeps the reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}
