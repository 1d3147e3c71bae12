import { createHash } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import type { Database } from '../../platform/database/pool.ts'

/** Too many tries; how many seconds until the next one counts. */
export class LimitExceeded extends Error {
  readonly retryAfter: number
  /** Which limit it was. */
  readonly limit: string
  constructor(retryAfter: number, limit: string) {
    super('Too many attempts.')
    this.name = 'LimitExceeded'
    this.retryAfter = retryAfter
    this.limit = limit
  }
}

/** One password, tried at one account. */
export interface Attempt {
  /** The account; where nobody has the name, what was typed. All names and spellings of one account share its allowance. */
  readonly account: { readonly sub: string } | { readonly nobodys: string }
  readonly network: string
  /** The digest of the browser's cookie, if somebody has signed in to this account from it before. */
  readonly knownBrowser: Buffer | undefined
}

export interface SignInLimits {
  /** Counts an attempt before the password is looked at. @throws LimitExceeded */
  beforeHashing(attempt: Attempt): Promise<void>
  /** Takes the attempt back: the password was right. */
  succeeded(attempt: Attempt): Promise<void>
  /** Counts a new account. @throws LimitExceeded */
  beforeSignUp(network: string): Promise<void>
}

const window = 15 * 60 // seconds

/**
 * Limits on guessing. There is no lock on an account: it would be a way to lock others out. Failures count for an account
 * together with the address they come from, and for the address over all accounts; a browser that has signed in to the account
 * before has its own allowance, so that nobody who shares its address can spend it.
 */
export function createSignInLimits(database: Database): SignInLimits {
  const limiter = (keyPrefix: string, points: number, duration: number) =>
    new RateLimiterPostgres({
      storeClient: database,
      storeType: 'pool',
      tableName: 'rate_limits',
      tableCreated: true,
      // Our cleaner does it (records/cleanup), in small batches: the library's own deletes everything in one statement, and swallows
      // its failure.
      clearExpiredByTimeout: false,
      keyPrefix,
      points,
      duration,
    })
  const perAccount = limiter('sign-in-account', 10, window)
  const perNetwork = limiter('sign-in-network', 100, window)
  const perBrowser = limiter('sign-in-browser', 10, window)
  const signUps = limiter('sign-up-network', 30, 3600)

  const accountKey = ({ account, network }: Attempt) => key(...nameOf(account), networkOf(network))
  const browserKey = ({ account }: Attempt, browser: Buffer) => key(...nameOf(account), browser.toString('hex'))

  return {
    beforeHashing: async (attempt) => {
      if (attempt.knownBrowser) return consume(perBrowser, browserKey(attempt, attempt.knownBrowser))
      await consume(perAccount, accountKey(attempt))
      await consume(perNetwork, key(networkOf(attempt.network)))
    },
    succeeded: async (attempt) => {
      if (attempt.knownBrowser) {
        await perBrowser.delete(browserKey(attempt, attempt.knownBrowser))
        return
      }
      await Promise.all([
        perAccount.delete(accountKey(attempt)),
        // One point back and no more: who holds one account must not wipe out what they failed at with others.
        perNetwork.reward(key(networkOf(attempt.network)), 1),
      ])
    },
    beforeSignUp: (network) => consume(signUps, key(networkOf(network))),
  }
}

async function consume(limiter: RateLimiterPostgres, limitKey: string): Promise<void> {
  try {
    await limiter.consume(limitKey)
  } catch (error) {
    if (error instanceof RateLimiterRes) {
      throw new LimitExceeded(Math.max(1, Math.ceil(error.msBeforeNext / 1000)), limiter.keyPrefix)
    }
    throw error
  }
}

/** With its kind: what somebody typed must not pass for another's `sub`. */
function nameOf(account: Attempt['account']): [kind: string, name: string] {
  return 'sub' in account ? ['sub', account.sub] : ['nobodys', folded(account.nobodys)]
}

/**
 * In lower case as PostgreSQL has it: letter by letter, one for one. JavaScript makes two letters of `İ` and two kinds of `Σ`; if names
 * were kept apart here that would be one account there, counting would tell which of them exist.
 */
function folded(name: string): string {
  return Array.from(name, (letter) => String.fromCodePoint(letter.toLowerCase().codePointAt(0) ?? 0)).join('')
}

/** A digest, so that keys have one length and the table names nobody. */
function key(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}

/** An IPv6 customer has a whole /64 to send from, so it counts as one address. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  return parsed instanceof ipaddr.IPv6
    ? `${new ipaddr.IPv6([...parsed.parts.slice(0, 4), 0, 0, 0, 0])}/64`
    : parsed.toString()
}
