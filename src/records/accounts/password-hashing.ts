import argon2 from 'argon2'
import pLimit from 'p-limit'
import { once } from '../../platform/once.ts'
import { randomText } from '../../platform/secrets/digest.ts'
import { normalizePassword } from './normalize-password.ts'

export interface Argon2Parameters {
  /** KiB. */
  readonly memoryCost: number
  /** Passes. */
  readonly timeCost: number
  /** Lanes. */
  readonly parallelism: number
}

/** OWASP Password Storage: argon2id with 19 MiB, two passes, one lane. */
const owasp: Argon2Parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Hashing at a time: fewer than libuv's four threads, so that a wave of sign-ins does not hold up signing and files. */
const slots = 3
/** Waiting at the most. At some 40 ms a hash the last one waits about a second and a half; who comes then is told to come again. */
const mostWaiting = 100

export interface PasswordHashing {
  hash(password: string): Promise<string>
  /**
   * Whether the password is the one. Without a hash (an unknown user) a dummy is checked, so that the time tells nothing.
   */
  verify(password: string, hash: string | undefined): Promise<boolean>
  /** Whether a hash was made with other parameters than today's. */
  isOutdated(hash: string): boolean
}

/** More sign-ins are waiting than can be served soon. */
export class HashQueueFull extends Error {
  constructor() {
    super('Too many passwords are waiting to be checked.')
    this.name = 'HashQueueFull'
  }
}

/** Passwords through argon2id, a few at a time. All functions throw HashQueueFull when too many are waiting. */
export function createPasswordHashing(cost: Argon2Parameters = owasp): PasswordHashing {
  const parameters = { type: argon2.argon2id, ...cost }
  const limit = pLimit(slots)
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    if (limit.pendingCount >= mostWaiting) throw new HashQueueFull()
    return limit(work)
  }
  // Made when first needed: at the start it would cost the time of a hash.
  const dummyHash = once(() => argon2.hash(randomText(16), parameters))
  return {
    hash: async (password) => inTurn(() => argon2.hash(normalizePassword(password), parameters)),
    verify: async (password, hash) =>
      inTurn(async () => {
        const dummy = await dummyHash()
        const matches = await argon2.verify(hash ?? dummy, normalizePassword(password))
        return matches && hash !== undefined
      }),
    isOutdated: (hash) => argon2.needsRehash(hash, parameters),
  }
}
