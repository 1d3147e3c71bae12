import { ripensAt } from '../../key-ring/rotation.ts'
import { inOrderOfActivation, type KeyMoments, type KeyState } from '../../key-ring/schedule.ts'
import { moment, pastMoment } from './moment.ts'

/**
 * What happens next to a key, and when, in words.
 *
 * @param states of all keys
 * @param now milliseconds since 1970
 * @param activationDelay seconds, the one in force
 */
export function whatNext<K extends KeyMoments>(
  key: K,
  states: ReadonlyMap<K, KeyState>,
  now: number,
  activationDelay: number,
): string {
  const standbys = [...states]
    .filter(([{ alg }, state]) => alg === key.alg && state === 'standby')
    .map(([standby]) => standby)
    .sort(inOrderOfActivation)
  switch (states.get(key)) {
    case 'standby': {
      const before = key === standbys[0] ? ', unless one is needed before' : ''
      return `${ripeness(key, now, activationDelay)}, signs from ${moment(key.activatesAt)}${before}`
    }
    case 'active':
      return standbys[0]
        ? `signs until ${moment(standbys[0].activatesAt)}, unless it is rotated or revoked before`
        : 'signs until another one is made'
    case 'retiring':
      return key.retiresAt === undefined
        ? 'signs no more, and leaves the set when its last token has expired'
        : `signs no more, and leaves the set ${moment(key.retiresAt)}`
    case 'retired':
      return 'left the set; its public half is kept for hints (id_token_hint)'
    default:
      return `revoked ${pastMoment(key.revokedAt ?? now)}, and refused for good`
  }
}

/** Whether every verifier has seen a standby, in words. */
export function ripeness(key: KeyMoments, now: number, activationDelay: number): string {
  const ripe = ripensAt(key, activationDelay)
  return ripe <= now ? `ripe since ${pastMoment(ripe)}` : `ripe from ${moment(ripe)}`
}
