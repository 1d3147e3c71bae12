import type { Purpose } from '../platform/secrets/purpose-secrets.ts'

/** The moments of one version of a purpose's secret. Milliseconds since 1970. */
export interface SecretMoments {
  readonly purpose: Purpose
  readonly version: number
  readonly publishedAt: number
  readonly activatesAt: number
}

/** `standby` and `retiring` versions are accepted like the active one, but not used to create anything. */
export type SecretState = 'standby' | 'active' | 'retiring'

/** Maximum seconds for which a node uses secrets that it could not confirm in the database. A shorter lease of the keys applies instead. */
const maxLease = 60

/** @param keyLease seconds: the setting */
export function secretLease(keyLease: number): number {
  return Math.min(keyLease, maxLease)
}

/**
 * Seconds for which a new version is published before it is used. By then every node has read it, or its lease has expired. So no node creates
 * anything that another node would reject. The second minute is for a slow commit.
 *
 * @param clockSkew seconds by which a node's clock may be ahead of the database's
 */
export function publicationTime(clockSkew: number): number {
  return maxLease + 60 + clockSkew
}

/**
 * The state of every version at one moment. As with signing keys, it is a function of time, so nodes agree without a background job. Of the
 * versions of a purpose whose activation time has passed, the newest is active. If none has passed, because a clock was set back, the oldest
 * is active.
 *
 * @param versions of all purposes
 * @param now milliseconds since 1970
 */
export function secretStates<S extends SecretMoments>(
  versions: readonly S[],
  now: number,
): ReadonlyMap<S, SecretState> {
  const active = new Map<Purpose, S>()
  for (const version of [...versions].sort((a, b) => a.version - b.version))
    if (version.activatesAt <= now || !active.has(version.purpose)) active.set(version.purpose, version)
  return new Map(
    versions.map((version) => {
      const current = active.get(version.purpose) as S
      if (version === current) return [version, 'active']
      return [version, version.version > current.version ? 'standby' : 'retiring']
    }),
  )
}

/** When the next state changes, in milliseconds since 1970; Infinity if none will. */
export function nextChange(versions: readonly SecretMoments[], now: number): number {
  return Math.min(Number.POSITIVE_INFINITY, ...versions.map(({ activatesAt }) => activatesAt).filter((at) => at > now))
}

/** When a later version became active, in milliseconds since 1970; undefined if none has. */
export function supersededAt(
  version: SecretMoments,
  versions: readonly SecretMoments[],
  now: number,
): number | undefined {
  const later = versions
    .filter((other) => other.purpose === version.purpose && other.version > version.version)
    .map(({ activatesAt }) => activatesAt)
    .filter((at) => at <= now)
  return later.length > 0 ? Math.min(...later) : undefined
}
