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
 * The parameters of argon2id (RFC 9106 §3.1): 19 MiB, two passes, one lane, which the OWASP Password Storage Cheat Sheet gives as the
 * minimum. A hash with other parameters is replaced at the next sign-in (`isOutdated`).
 */
const argon2Parameters: Argon2Parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/**
 * Fewer slots than libuv has threads (four), so that a wave of sign-ins does not hold up signing and files. At some 40 ms a hash, a full
 * queue takes about a second and a half; on a machine so slow or busy that it takes five, people get an answer while they still wait.
 */
export const hashQueueLimits: FairQueueLimits = {
  ...{ slots: 3, maxWaiting: 100, maxWaitingPerSource: 20 },
  timeoutMs: 5_000,
}

/** Bits of an IPv6 address that count as one source. A /48 is what one customer gets, and has 65,536 networks. */
const sourceBits = 48

/** Whom a password is hashed for. */
export interface Requester {
  /** The caller's address, as `callerOf` gives it; undefined for an operator's command. */
  readonly network: string | undefined
  /** Aborted when nobody waits for the result any more. */
  readonly signal?: AbortSignal
}

export interface PasswordHashing {
  hash(password: string, requester: Requester): Promise<string>
  /**
   * Whether the password is the one. Without a hash (an unknown user) a dummy is checked, so that the time tells nothing.
   */
  verify(password: string, hash: string | undefined, requester: Requester): Promise<boolean>
  /** Whether a hash was made with other parameters than today's. */
  isOutdated(hash: string): boolean
}

/** The password was not hashed: too many are waiting, from this network or from all, or this one has waited too long. */
export class HashQueueFull extends Error {
  /** @param reason why, for the operator */
  constructor(reason: string) {
    super(reason)
    this.name = 'HashQueueFull'
  }
}

/**
 * Passwords through argon2id, a few at a time, taken from the networks in turn. `hash` and `verify` throw HashQueueFull.
 *
 * @param queue where they wait
 */
export function createPasswordHashing(
  cost: Argon2Parameters = argon2Parameters,
  queue: FairQueue = createFairQueue(hashQueueLimits),
): PasswordHashing {
  const parameters = { type: argon2.argon2id, ...cost }
  const inTurn = async <T>({ network, signal }: Requester, work: () => Promise<T>): Promise<T> => {
    // What an operator does is not a flood: each command is a source of its own, and the limit for one source does not apply.
    const source = network === undefined ? `operator ${randomText(8)}` : networkOfAddress(network, sourceBits)
    try {
      return await queue.run(source, work, signal)
    } catch (error) {
      throw error instanceof QueueFull ? new HashQueueFull(error.message) : error
    }
  }
  // Made when first needed: at the start it would cost the time of a hash.
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
