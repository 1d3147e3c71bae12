import { BlockList, isIP } from 'node:net'

/** The names that SIGNET_TRUST_PROXY accepts in addition to addresses and ranges. */
const namedRanges: ReadonlyMap<string, readonly string[]> = new Map([
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['linklocal', ['169.254.0.0/16', 'fe80::/10']],
  ['uniquelocal', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
])

/**
 * Parses an IP address. IPv4 must be four decimal numbers without leading zeros: programs disagree on `127.1`, `0x7f.1` and octal
 * (RFC 6943 §3.1.1). IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2) become IPv4. The zone of an IPv6 address is dropped.
 *
 * @returns IPv4 in decimal, IPv6 in the form of RFC 5952 §4; undefined if the text is not an address
 */
export function parseAddress(text: string): string | undefined {
  const version = isIP(text)
  if (version !== 6) return version === 4 ? text : undefined
  // The URL Standard's serializer writes IPv6 as RFC 5952 does.
  const address = new URL(`http://[${text.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address) ?? []
  return high && low ? dotted(high, low) : address
}

/**
 * The canonical form of an address in limits, events and refusals: the result of `parseAddress`, except that an IPv4 address that was
 * translated to `64:ff9b::/96` (RFC 6052 §2.1) becomes IPv4 again. Otherwise all of IPv4 would share a single /64.
 *
 * @returns undefined if the text is not an address
 */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text)
  const [isTranslated, high = '0', low = '0'] = /^64:ff9b::(?:(?:([0-9a-f]+):)?([0-9a-f]+))?$/.exec(address ?? '') ?? []
  return isTranslated ? dotted(high, low) : address
}

/**
 * Creates a test for whether an address is in any of the ranges.
 *
 * @param ranges as in SIGNET_TRUST_PROXY: addresses, CIDR ranges, `loopback`, `linklocal`, `uniquelocal`
 * @returns the test; it takes the result of `parseAddress`
 * @throws TypeError if a range is not valid
 */
export function rangeTest(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const text of ranges.flatMap((name) => namedRanges.get(name) ?? [name])) {
    const range = parseRange(text)
    if (!range) throw new TypeError(`Not an address or a range of addresses: ${text}`)
    list.addSubnet(range.network, range.bits, familyOf(range.network))
  }
  return (address) => list.check(address, familyOf(address))
}

/** Whether a text is an address in one of the ranges, which are written as in SIGNET_TRUST_PROXY. */
export function isWithin(text: string, ranges: readonly string[]): boolean {
  const address = parseAddress(text)
  return address !== undefined && rangeTest(ranges)(address)
}

export function isLoopback(text: string): boolean {
  return isWithin(text, ['loopback'])
}

/** Whether `rangeTest` accepts a text. */
export function isAddressRange(text: string): boolean {
  return namedRanges.has(text) || parseRange(text) !== undefined
}

/**
 * The network that an address is counted under.
 *
 * @param address a canonical address, or `unknown`
 * @param bits the length of an IPv6 network's prefix; each IPv4 address is counted separately
 */
export function networkOfAddress(address: string, bits: number): string {
  if (isIP(address) !== 6) return address
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''))
  const groups = [...head, ...new Array(8 - head.length - tail.length).fill('0'), ...tail]
  const masked = groups.map((group, index) => {
    const kept = Math.min(16, Math.max(0, bits - 16 * index))
    return (Number.parseInt(group, 16) & (0xffff << (16 - kept)) & 0xffff).toString(16)
  })
  return `${parseAddress(masked.join(':'))}/${bits}`
}

function parseRange(text: string): { readonly network: string; readonly bits: number } | undefined {
  const [, base = '', prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const network = parseAddress(base)
  if (!network) return undefined
  const longest = familyOf(network) === 'ipv4' ? 32 : 128
  // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
  const bits = prefix === undefined ? longest : Number(prefix) - (longest === 32 && base.includes(':') ? 96 : 0)
  // Not `/0`: if every address is a trusted proxy, any client can claim any address.
  return bits >= 1 && bits <= longest ? { network, bits } : undefined
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4'
}

/** The last two groups of an IPv6 address, as IPv4. */
function dotted(high: string, low: string): string {
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [first >> 8, first & 255, second >> 8, second & 255].join('.')
}

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether a URL's host (as `URL.hostname` gives it) can only be this machine. */
export function isLoopbackHost(hostname: string): boolean {
  return loopbackHosts.has(hostname) || hostname.endsWith('.localhost') || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/** Whether the host of a URL has a name. Passkeys belong to a domain name, and an IP address is none (Web Authentication Level 3 §5.1.3 step 8). */
export function hasHostName(url: string): boolean {
  const { hostname } = new URL(url)
  return isIP(hostname.replace(/^\[|\]$/g, '')) === 0
}
