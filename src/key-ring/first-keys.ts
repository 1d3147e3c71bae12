import { activationDelay, type Settings } from '../platform/config/settings.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { signingAlgorithms } from '../platform/jwt/algorithms.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { firstMoments } from './schedule.ts'
import { createSealedKey } from './sealed-key.ts'
import { insertSigningKey, loadSigningKeys } from './signing-keys-store.ts'

/**
 * Gives a new installation its keys: for each algorithm one that signs at once and a standby that every verifier will have seen
 * when it takes over. Does nothing where there are keys. To be called under the lock of the start.
 */
export async function createFirstKeys(
  tx: Queryable,
  masterKey: MasterKey,
  settings: Pick<Settings, 'keyRotationPeriod' | 'jwksMaxAge' | 'verifierCache' | 'clockSkew'>,
): Promise<void> {
  const { keys, now } = await loadSigningKeys(tx)
  if (keys.length > 0) return
  const moments = firstMoments(now, settings.keyRotationPeriod, activationDelay(settings))
  const made = await Promise.all(
    signingAlgorithms.flatMap((alg) => [
      createSealedKey(alg, masterKey).then((key) => ({ key, ...moments.active })),
      createSealedKey(alg, masterKey).then((key) => ({ key, ...moments.standby })),
    ]),
  )
  for (const { key, publishedAt, activatesAt } of made) {
    await insertSigningKey(tx, key, { publishedAt, activatesAt })
    await recordEvent(tx, {
      type: 'key_created',
      caller: undefined,
      kid: key.kid,
      detail: { alg: key.alg, activates_at: new Date(activatesAt).toISOString() },
    })
  }
}
