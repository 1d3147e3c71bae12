import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import { type Decision, type Delays, dueDecisions, type ScheduledKey } from './rotation.ts'
import type { NewKey } from './sealed-key.ts'

/**
 * Keys that were generated before the transaction that adds them to the ring. Generating an RSA key takes a tenth of a second on a fast machine
 * and many seconds on an overloaded one. Inside the transaction, this would block every other node, and PostgreSQL would end the transaction
 * because it is idle.
 */
export interface KeyPool {
  /** @throws KeysMissing unless there is a key for each of these */
  require(algorithms: readonly SigningAlgorithm[]): void
  /** @throws KeysMissing if none is left */
  take(alg: SigningAlgorithm): NewKey
}

/** The pool does not have the keys that a transaction needs. The transaction is rolled back, and retried when they have been generated. */
export class KeysMissing extends Error {
  /** One entry for each key. */
  readonly algorithms: readonly SigningAlgorithm[]

  constructor(algorithms: readonly SigningAlgorithm[]) {
    super(`More signing keys are needed (${algorithms.join(', ')}), although enough were generated.`)
    this.name = 'KeysMissing'
    this.algorithms = algorithms
  }
}

/** Creates a pool of these keys. The array is not changed, so that it can be used for the next attempt after a rollback. */
export function createKeyPool(keys: readonly NewKey[]): KeyPool {
  const left = [...keys]
  return {
    require: (algorithms) => {
      const unclaimed = left.map(({ alg }) => alg)
      const missing = algorithms.filter((alg) => {
        const index = unclaimed.indexOf(alg)
        if (index !== -1) unclaimed.splice(index, 1)
        return index === -1
      })
      if (missing.length > 0) throw new KeysMissing(missing)
    },
    take: (alg) => {
      const index = left.findIndex((key) => key.alg === alg)
      const [key] = index === -1 ? [] : left.splice(index, 1)
      if (!key) throw new KeysMissing([alg])
      return key
    },
  }
}

/**
 * The keys that have to be created until nothing is due, one entry for each. Decisions lead to further ones, so they are simulated here on
 * copies, to find out how many keys to generate.
 *
 * @param now the ring's time, in milliseconds since 1970
 * @param maxRounds the caller's limit for the decisions themselves
 */
export function newKeysDue(
  keys: readonly ScheduledKey[],
  now: number,
  delays: Delays,
  maxRounds: number,
): SigningAlgorithm[] {
  const created: SigningAlgorithm[] = []
  let ring = keys
  for (let round = 0; round < maxRounds; round++) {
    const due = dueDecisions(ring, now, delays)
    if (due.length === 0) break
    for (const decision of due) {
      if (decision.what === 'create') created.push(decision.alg)
      ring = withDecision(ring, decision)
    }
  }
  return created
}

function withDecision(keys: readonly ScheduledKey[], decision: Decision): readonly ScheduledKey[] {
  const change = (kid: string, changes: Partial<ScheduledKey>) =>
    keys.map((key) => (key.kid === kid ? { ...key, ...changes } : key))
  switch (decision.what) {
    case 'create': {
      const { alg, publishedAt, activatesAt } = decision
      const unused = { longestLifetime: 0, sealedPrivateJwk: {}, retiresAt: undefined, revokedAt: undefined }
      return [...keys, { ...unused, kid: `new key ${keys.length + 1}`, alg, publishedAt, activatesAt }]
    }
    case 'postpone':
    case 'activate':
      return change(decision.kid, { activatesAt: decision.activatesAt })
    case 'retire':
      return change(decision.kid, { retiresAt: decision.retiresAt })
    case 'revoke':
      return change(decision.kid, { revokedAt: decision.revokedAt, sealedPrivateJwk: undefined })
    case 'destroy':
      return change(decision.kid, { sealedPrivateJwk: undefined })
  }
}
