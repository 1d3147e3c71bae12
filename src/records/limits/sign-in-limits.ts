import { createHash } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { Turns } from '../../platform/turns.ts'
import { countOne, forgetCount, takeOneBack } from './rate-limits-store.ts'

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
  /** The account; where nobody has the name, its canonical form. All names and spellings of one account share its allowance. */
  readonly account: { readonly sub: string } | { readonly nobodys: string }
  readonly network: string
  /** The digest of the browser's cookie, if somebody has signed in to this account from it before. */
  readonly knownBrowser: Buffer | undefined
}

export interface SignInLimits {
  /** Counts an attempt before the password is looked at. @throws LimitExceeded, TooManyWaiting */
  beforeHashing(attempt: Attempt): Promise<void>
  /** Takes the attempt back: the password was right. */
  succeeded(attempt: Attempt): Promise<void>
  /** Counts a new account. @throws LimitExceeded, TooManyWaiting */
  beforeSignUp(network: string): Promise<void>
}

/** How many are allowed in how many seconds, and the name that keys and metrics have for it. */
interface Limit {
  readonly name: string
  readonly points: number
  readonly seconds: number
}

const window = 15 * 60 // seconds
const perAccount: Limit = { name: 'sign-in-account', points: 10, seconds: window }
const perNetwork: Limit = { name: 'sign-in-network', points: 100, seconds: window }
const perBrowser: Limit = { name: 'sign-in-browser', points: 10, seconds: window }
const signUps: Limit = { name: 'sign-up-network', points: 30, seconds: 3600 }

/**
 * Limits on guessing. There is no lock on an account: it would be a way to lock others out. Failures count for an account
 * together with the address they come from, and for the address over all accounts; a browser that has signed in to the account
 * before has its own allowance, so that nobody who shares its address can spend it.
 *
 * @param turns all guesses at one account count in one row: those that wait for it must not hold every connection
 */
export function createSignInLimits(database: Queryable, turns: Turns): SignInLimits {
  const accountKey = ({ account, network }: Attempt) => key(perAccount, ...nameOf(account), networkOf(network))
  const networkKey = (network: string) => key(perNetwork, networkOf(network))
  const browserKey = ({ account }: Attempt, browser: Buffer) =>
    key(perBrowser, ...nameOf(account), browser.toString('hex'))
  const inTurn = <T>(limitKey: string, work: () => Promise<T>) => turns.take(`limit ${limitKey}`, work)

  const consume = async ({ name, points, seconds }: Limit, limitKey: string): Promise<void> => {
    const { counted, endsIn } = await inTurn(limitKey, () => countOne(database, limitKey, seconds))
    if (counted > points) throw new LimitExceeded(Math.max(1, Math.ceil(endsIn / 1000)), name)
  }

  return {
    beforeHashing: async (attempt) => {
      if (attempt.knownBrowser) return consume(perBrowser, browserKey(attempt, attempt.knownBrowser))
      await consume(perAccount, accountKey(attempt))
      await consume(perNetwork, networkKey(attempt.network))
    },
    succeeded: async (attempt) => {
      const { knownBrowser } = attempt
      const own = knownBrowser ? browserKey(attempt, knownBrowser) : accountKey(attempt)
      const network = networkKey(attempt.network)
      await Promise.all([
        inTurn(own, () => forgetCount(database, own)),
        // One point back and no more: who holds one account must not wipe out what they failed at with others.
        knownBrowser ? undefined : inTurn(network, () => takeOneBack(database, network)),
      ])
    },
    beforeSignUp: (network) => consume(signUps, key(signUps, networkOf(network))),
  }
}

/** With its kind: what somebody typed must not pass for another's `sub`. */
function nameOf(account: Attempt['account']): [kind: string, name: string] {
  return 'sub' in account ? ['sub', account.sub] : ['nobodys', account.nobodys]
}

/** With a digest, so that keys have one length and the table names nobody. */
function key({ name }: Limit, ...parts: string[]): string {
  return `${name}:${createHash('sha256').update(JSON.stringify(parts)).digest('base64url')}`
}

/** An IPv6 customer has a whole /64 to send from, so it counts as one address. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  return parsed instanceof ipaddr.IPv6
    ? `${new ipaddr.IPv6([...parsed.parts.slice(0, 4), 0, 0, 0, 0])}/64`
    : parsed.toString()
}
