import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** An IP address. IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2) are IPv4. */
export type Address = ipaddr.IPv4 | ipaddr.IPv6

/** The names that SIGNET_TRUST_PROXY accepts besides addresses and ranges. */
const namedRanges: ReadonlyMap<string, readonly string[]> = new Map([
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['linklocal', ['169.254.0.0/16', 'fe80::/10']],
  ['uniquelocal', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
])

/** RFC 6052 §2.1: the IPv6 addresses that translators give to IPv4 hosts. */
const translated = ipaddr.IPv6.parse('64:ff9b::')

/**
 * Reads an address and nothing else. IPv4 is four decimal numbers without leading zeros: ipaddr.js alone would also accept `127.1`,
 * `0x7f.1` and octal, which programs read differently (RFC 6943 §3.1.1). The zone of an IPv6 address is dropped.
 *
 * @returns undefined if the text is not an address
 */
export function parseAddress(text: string): Address | undefined {
  const version = isIP(text)
  if (version === 0) return undefined
  if (version === 4) return ipaddr.IPv4.parse(text)
  // In hexadecimal, because ipaddr.js reads `::1.2.3.4` as `::ffff:1.2.3.4`.
  const inHex = text.replace(/%.*$/, '').replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...octets) => {
    const [a, b, c, d] = octets.map(Number) as [number, number, number, number]
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  })
  const address = ipaddr.IPv6.parse(inHex)
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

/**
 * The one text of an address: IPv4 in decimal, IPv6 as RFC 5952 §4 has it. An IPv4 host whose address was translated to `64:ff9b::/96`
 * gets its IPv4 address back; otherwise all of IPv4 would share a single /64.
 */
export function textOfAddress(address: Address): string {
  if (address.kind() === 'ipv6' && (address as ipaddr.IPv6).match(translated, 96))
    return new ipaddr.IPv4(address.toByteArray().slice(12)).toString()
  return address.toString()
}

/** The canonical text of an address in any of its spellings; undefined if the text is not an address. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text)
  return address && textOfAddress(address)
}

/**
 * A test for addresses in any of some ranges.
 *
 * @param ranges as SIGNET_TRUST_PROXY has them: addresses, CIDR ranges, `loopback`, `linklocal`, `uniquelocal`
 * @throws TypeError if one of them is none of these
 */
export function rangeTest(ranges: readonly string[]): (address: Address) => boolean {
  const parsed = ranges
    .flatMap((name) => namedRanges.get(name) ?? [name])
    .map((text) => {
      const range = parseRange(text)
      if (!range) throw new TypeError(`Not an address or a range of addresses: ${text}`)
      return range
    })
  return (address) =>
    parsed.some(({ network, bits }) => network.kind() === address.kind() && address.match(network as never, bits))
}

/** Whether a text is an address in one of the ranges, which are written as SIGNET_TRUST_PROXY has them. */
export function isWithin(text: string, ranges: readonly string[]): boolean {
  const address = parseAddress(text)
  return address !== undefined && rangeTest(ranges)(address)
}

export function isLoopback(text: string): boolean {
  return isWithin(text, ['loopback'])
}

/**
 * The network that an address counts for.
 *
 * @param text a canonical address, or `unknown`
 * @param bits the length of an IPv6 network's prefix; an IPv4 address counts by itself
 */
export function networkOfAddress(text: string, bits: number): string {
  const address = parseAddress(text)
  if (address?.kind() !== 'ipv6') return text
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/${bits}`).toString()}/${bits}`
}

/** Whether a text is something that `rangeTest` accepts. */
export function isAddressRange(text: string): boolean {
  return namedRanges.has(text) || parseRange(text) !== undefined
}

function parseRange(text: string): { readonly network: Address; readonly bits: number } | undefined {
  const [, base = '', prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const network = parseAddress(base)
  if (!network) return undefined
  const longest = network.kind() === 'ipv4' ? 32 : 128
  // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
  const bits = prefix === undefined ? longest : Number(prefix) - (longest === 32 && base.includes(':') ? 96 : 0)
  // Not `/0`: whoever trusts everybody as a proxy believes what every client claims.
  return bits >= 1 && bits <= longest ? { network, bits } : undefined
}
