import { createHash } from 'node:crypto'
import { networkOfAddress } from '../../platform/network-address.ts'
import type { Counter, Pace } from './sign-in-limits-store.ts'

/** How many are allowed in how many seconds, and the name that keys and metrics have for it. */
export interface Limit {
  readonly name: string
  readonly points: number
  readonly seconds: number
}

const window = 15 * 60 // seconds
export const perName: Limit = { name: 'sign-in-name', points: 10, seconds: window }
export const perNetwork: Limit = { name: 'sign-in-network', points: 100, seconds: window }
export const signUps: Limit = { name: 'sign-up-network', points: 30, seconds: 3600 }
/** The second so that a known browser that was stolen is not good for two thousand guesses a day. */
export const perBrowser: readonly Limit[] = [
  { name: 'sign-in-browser', points: 20, seconds: window },
  { name: 'sign-in-browser-day', points: 100, seconds: 86_400 },
]
/**
 * NIST SP 800-63B-4 §3.2.2: at most 100 failures in a row for an account, and waits that grow, from 30 seconds on, so that nobody is
 * locked out. Fifteen minutes at most: that is 96 guesses a day, and no longer than anybody may have to wait.
 */
export const pace: Pace = { free: 100, firstWait: 30, longestWait: window }

/** Bits of an IPv6 prefix: the least that a customer gets, and what many have, which are 256 and 65,536 of these. */
const prefixes = [64, 56, 48]

/**
 * The ranges that a network counts for, narrowest first. An IPv4 address counts by itself, and so does `unknown`: all callers whose address
 * could not be read are one network.
 *
 * @param network a canonical address, or `unknown`
 */
export function rangesOf(network: string): readonly string[] {
  return [...new Set(prefixes.map((bits) => networkOfAddress(network, bits)))]
}

export interface NamedCounter extends Counter {
  /** As the metrics name it. */
  readonly limit: string
}

export function counterOf({ name, points, seconds }: Limit, ...parts: string[]): NamedCounter {
  return { limit: name, key: keyOf(name, ...parts), most: points, seconds }
}

/** One for each range. Each is allowed twice as much as the one within it. */
export function countersOf(limit: Limit, ranges: readonly string[]): NamedCounter[] {
  return ranges.map((range, index) => counterOf({ ...limit, points: limit.points * 2 ** index }, range))
}

export const widest = (ranges: readonly string[]) => ranges.at(-1) as string

/** With a digest, so that keys have one length and the table names nobody. */
export function keyOf(limit: string, ...parts: string[]): string {
  return `${limit}:${createHash('sha256').update(JSON.stringify(parts)).digest('base64url')}`
}
