import { networkOfAddress } from '../../platform/network-address.ts'

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
