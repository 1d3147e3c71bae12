import argon2 from 'argon2'
import { createFairQueue, type FairQueue, type FairQueueLimits, QueueFull } from '../../platform/fair-queue.ts'
import { networkOfAddress } from '../../platform/network-address.ts'
import { randomText } from '../../platform/secrets/digest.ts'
import { dummyOf, kindOf, type PasswordHash, readPasswordHash } from './password-formats.ts'
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

/**
 * The limits of one of several processes on a machine. Together they hash about as many passwords at a time as one process would, in as much memory,
 * but each can hash one. A full queue takes as long as that of one process.
 *
 * @param workers the processes
 */
export function hashQueueShare(workers: number): FairQueueLimits {
  const { slots, maxWaiting, maxWaitingPerSource, timeoutMs } = hashQueueLimits
  const own = Math.max(1, Math.round(slots / workers))
  const share = (limit: number) => Math.ceil((limit * own) / slots)
  return { slots: own, maxWaiting: share(maxWaiting), maxWaitingPerSource: share(maxWaitingPerSource), timeoutMs }
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
   *
   * @param dummyKind the kind of the dummy (password-kinds.ts); undefined: our own
   */
  verify(
    password: string,
    hash: string | undefined,
    requester: Requester,
    dummyKind?: string | undefined,
  ): Promise<boolean>
  /** Whether a hash was made by another system, or with other parameters than the current ones. */
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
  const ownKind = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}`
  const dummies = new Map<string, PasswordHash>()
  const dummyFor = (kind: string): PasswordHash => {
    const dummy = dummies.get(kind) ?? dummyOf(kind)
    if (!dummy) return dummyFor(ownKind)
    dummies.set(kind, dummy)
    return dummy
  }
  return {
    hash: (password, requester) => inTurn(requester, () => argon2.hash(normalizePassword(password), parameters)),
    verify: (password, hash, requester, dummyKind) =>
      inTurn(requester, async () => {
        const read = hash === undefined ? undefined : readPasswordHash(hash)
        // A hash that takes too long cannot have been imported. Nobody gets in with one that was written to the database.
        const own = read === undefined || 'fault' in read ? undefined : read
        const matches = await isMatch(own ?? dummyFor(dummyKind ?? ownKind), password)
        return matches && own !== undefined
      }),
    isOutdated: (hash) => kindOf(hash) !== ownKind,
  }
}

/**
 * We normalise passwords before we hash them (NFKC). Most other systems hash what the browser sent, a few normalise as we do. So a password that
 * normalisation changes is tried in both forms. Only people who type such a password cost a second hash, whether or not they exist.
 */
async function isMatch(hash: PasswordHash, password: string): Promise<boolean> {
  const normalized = normalizePassword(password)
  return (await hash.matches(normalized)) || (normalized !== password && (await hash.matches(password)))
}
