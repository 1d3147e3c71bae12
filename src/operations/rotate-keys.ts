import { ripensAt, rotate } from '../key-ring/rotation.ts'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { Signet } from '../signet.ts'
import { authorOf, type Operator } from './actor.ts'
import { withRollBack } from './roll-back.ts'

/** The next rotation of an algorithm. All moments are in milliseconds since 1970. */
export interface RotatedKey {
  readonly alg: SigningAlgorithm
  /** The key that takes over. */
  readonly kid: string
  readonly publishedAt: number
  readonly activatesAt: number
  /** When every verifier knows the key. */
  readonly ripeAt: number
  /** When every verifier knows the key that stands by behind it as well. */
  readonly nextRipeAt: number
  /** False where the rotation was planned for that moment already. */
  readonly isChanged: boolean
  /** By the ring's time, when this was decided. */
  readonly decidedAt: number
}

export type RotateKeysOutcome =
  | { readonly outcome: 'rotated'; readonly keys: readonly RotatedKey[] }
  /** Nothing was changed, for the other algorithms neither. */
  | { readonly outcome: 'no_standby'; readonly alg: SigningAlgorithm }

/**
 * Brings the next rotation forward: to now where every verifier knows the next keys, else to the moment when they do.
 *
 * @param atOnce sign with the next key now, whether verifiers know it or not
 */
export async function rotateKeys(
  { keyRing }: Pick<Signet, 'keyRing'>,
  actor: Operator,
  {
    algorithms,
    atOnce,
    reason,
  }: {
    readonly algorithms: readonly SigningAlgorithm[]
    readonly atOnce: boolean
    readonly reason: string | undefined
  },
): Promise<RotateKeysOutcome> {
  return withRollBack<RotateKeysOutcome, RotateKeysOutcome>((rollBack) =>
    keyRing.decide(authorOf(actor, reason), ({ keys, now }, delays) => {
      const all = algorithms.map((alg) => {
        const rotation = rotate(keys, alg, now, delays, atOnce)
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
