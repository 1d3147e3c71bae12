import { ripensAt, rotate } from '../key-ring/rotation.ts'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { Signet } from '../signet.ts'
import { authorOf, type Operator } from './actor.ts'
import { withRollback } from './with-rollback.ts'

/** The next rotation of an algorithm. All times are in milliseconds since 1970. */
export interface RotatedKey {
  readonly alg: SigningAlgorithm
  /** The key that takes over. */
  readonly kid: string
  readonly publishedAt: number
  readonly activatesAt: number
  /** When every verifier knows the key. */
  readonly ripeAt: number
  /** When every verifier also knows the standby key that comes after it. */
  readonly nextRipeAt: number
  /** False if the rotation was already planned for that time. */
  readonly isChanged: boolean
  /** When this was decided, by the time of the key ring. */
  readonly decidedAt: number
}

export type RotateKeysOutcome =
  | { readonly outcome: 'rotated'; readonly keys: readonly RotatedKey[] }
  /** An algorithm has no standby key. Nothing was changed, not for the other algorithms either. */
  | { readonly outcome: 'no_standby'; readonly alg: SigningAlgorithm }

/**
 * Brings the next rotation forward: to now if every verifier knows the next keys, otherwise to the moment when they do.
 *
 * @param immediately whether to sign with the next keys now, even if not every verifier knows them
 */
export async function rotateKeys(
  { keyRing }: Pick<Signet, 'keyRing'>,
  actor: Operator,
  {
    algorithms,
    immediately,
    reason,
  }: {
    readonly algorithms: readonly SigningAlgorithm[]
    readonly immediately: boolean
    readonly reason: string | undefined
  },
): Promise<RotateKeysOutcome> {
  return withRollback<RotateKeysOutcome, RotateKeysOutcome>((rollBack) =>
    keyRing.decide(authorOf(actor, reason), ({ keys, now }, delays) => {
      const all = algorithms.map((alg) => {
        const rotation = rotate(keys, alg, now, delays, immediately)
        const key = keys.find(({ kid }) => kid === rotation?.kid)
        if (!rotation || !key) return rollBack({ outcome: 'no_standby', alg })
        const { kid, activatesAt, ripeAt: nextRipeAt, decisions } = rotation
        const ripeAt = ripensAt(key, delays.activationDelay)
        const isChanged = decisions.length > 0
        const { publishedAt } = key
        return {
          decisions,
          rotated: { alg, kid, publishedAt, activatesAt, ripeAt, nextRipeAt, isChanged, decidedAt: now },
        }
      })
      return {
        steps: all.flatMap(({ decisions }) => decisions),
        result: { outcome: 'rotated', keys: all.map(({ rotated }) => rotated) },
      }
    }),
  )
}
