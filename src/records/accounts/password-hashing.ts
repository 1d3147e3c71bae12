import argon2 from 'argon2'
import { createFairQueue, type FairQueue, type FairQueueLimits, QueueFull } from '../../platform/fair-queue.ts'
import { networkOfAddress } from '../../platform/network-address.ts'
import { randomText } from '../../platform/secrets/digest.ts'
import { once } from '../../platform/shared-work.ts'
import { normalizePassword } from './password-rules.ts'

export interface Argon2Parameters {
  /** KiB. */
  readonly memoryCost: number
  /** Passes. */
  readonly timeCost: number
  /** Lanes. */
  readonly parallelism: number
}

/**
 * The parameters of argon2id (RFC 9106 §3.1): 19 MiB, two passes, one lane. This is the minimum of the OWASP Password Storage Cheat Sheet. A hash
 * with other parameters is replaced at the next sign-in (`isOutdated`).
 */
const argon2Parameters: Argon2Parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/**
 * Fewer slots than libuv has threads (four), so that a burst of sign-ins does not delay signing and file access. At about 40 ms per hash, a full
 * queue takes about 1.5 seconds. If it takes five seconds because the machine is slow or busy, requests are refused while people are still waiting.
 */
export const hashQueueLimits: FairQueueLimits = {
  ...{ slots: 3, maxWaiting: 100, maxWaitingPerSource: 20 },
  timeoutMs: 5_000,
}

/** The prefix of an IPv6 address that counts as one source, in bits. One customer can get a /48, which contains 65,536 networks. */
const sourceBits = 48

/** The caller that a password is hashed for. */
export interface Requester {
  /** The address of the caller, from `callerOf`; undefined for a command of an operator. */
  readonly network: string | undefined
  /** Aborted when nobody is waiting for the result any more. */
  readonly signal?: AbortSignal
}

export interface PasswordHashing {
  hash(password: string, requester: Requester): Promise<string>
  /**
   * Whether the password matches the hash. Without a hash (an unknown user) a dummy is checked, so that the response time reveals nothing.
   */
  verify(password: string, hash: string | undefined, requester: Requester): Promise<boolean>
  /** Whether a hash was made with other parameters than the current ones. */
  isOutdated(hash: string): boolean
}

/** The password was not hashed, because too many requests are waiting, from this network or in total, or this one has waited too long. */
export class HashQueueFull extends Error {
  /** @param reason the reason, for the operator */
  constructor(reason: string) {
    super(reason)
    this.name = 'HashQueueFull'
  }
}

/**
 * Hashes passwords with argon2id, a few at a time, alternating between networks. `hash` and `verify` throw HashQueueFull.
 *
 * @param queue the queue for waiting requests
 */
export function createPasswordHashing(
  cost: Argon2Parameters = argon2Parameters,
  queue: FairQueue = createFairQueue(hashQueueLimits),
): PasswordHashing {
  const parameters = { type: argon2.argon2id, ...cost }
  const inTurn = async <T>({ network, signal }: Requester, work: () => Promise<T>): Promise<T> => {
    // Commands of operators are not limited per source: each is a separate source.
    const source = network === undefined ? `operator ${randomText(8)}` : networkOfAddress(network, sourceBits)
    try {
      return await queue.run(source, work, signal)
    } catch (error) {
      throw error instanceof QueueFull ? new HashQueueFull(error.message) : error
    }
  }
  // Created when first needed, because creating it at the start would take the time of a hash.
  const dummyHash = once(() => argon2.hash(randomText(16), parameters))
  return {
    hash: (password, requester) => inTurn(requester, () => argon2.hash(normalizePassword(password), parameters)),
    verify: (password, hash, requester) =>
      inTurn(requester, async () => {
        const dummy = await dummyHash()
        const matches = await argon2.verify(hash ?? dummy, normalizePassword(password))
        return matches && hash !== undefined
      }),
    isOutdated: (hash) => argon2.needsRehash(hash, parameters),
  }
}
