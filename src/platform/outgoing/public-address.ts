import { parseAddress, rangeTest } from '../network-address.ts'

/**
 * The IPv4 addresses that do not belong to one host on the internet: the IANA IPv4 Special-Purpose Address Registry (RFC 6890), with those of its entries that are
 * called globally reachable but are answered by whatever device is nearest (192.0.0.9 and 192.0.0.10, AS112, AMT), and multicast.
 */
const special4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16'],
  ...['192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
]

/** RFC 4291 §2.4, RFC 3587: everything else is special, or has not been allocated. */
const global6 = ['2000::/3']

/**
 * The special ranges within `2000::/3`, from the IANA IPv6 Special-Purpose Address Registry: protocol assignments with Teredo, benchmarking and ORCHID; documentation;
 * 6to4, which can stand for any IPv4 address; AS112.
 */
const special6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']

const isSpecial4 = rangeTest(special4)
const isGlobal6 = rangeTest(global6)
const isSpecial6 = rangeTest(special6)
const isTranslated = rangeTest(['64:ff9b::/96'])

/**
 * Addresses at which clouds give credentials and settings to the machines that run in them: link-local ones of most clouds, Amazon ECS and EKS, Amazon over
 * IPv6, Google over IPv6, Alibaba, Azure, Oracle.
 */
const metadataServices: ReadonlySet<string> = new Set([
  ...['169.254.169.254', '169.254.170.2', '169.254.170.23', 'fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254'],
  ...['100.100.100.200', '168.63.129.16', '192.0.0.192'],
])

/**
 * Whether an address belongs to one host that the whole internet can reach.
 *
 * @param address the result of `parseAddress`, so IPv4-mapped addresses are IPv4
 */
export function isGloballyReachable(address: string): boolean {
  if (!address.includes(':')) return !isSpecial4(address)
  // RFC 6052 §3.1: whoever translates it connects to the IPv4 address within.
  if (isTranslated(address)) return embeddedAddresses(address).every((inner) => !isSpecial4(inner))
  return isGlobal6(address) && !isSpecial6(address)
}

/**
 * Whether it is the address of a cloud's metadata service, also if it is written within an IPv6 address.
 *
 * @param address the result of `parseAddress`
 */
export function isMetadataService(address: string): boolean {
  return metadataServices.has(address) || embeddedAddresses(address).some((inner) => metadataServices.has(inner))
}

/** Where an IPv6 address can contain an IPv4 address: the prefix, and the indexes of the four bytes. */
const embeddings = [
  // RFC 4291 §2.5.5.1 (deprecated), RFC 2765 §2.1 (SIIT), RFC 6052 §2.1.
  ...['::/96', '::ffff:0:0:0/96', '64:ff9b::/96'].map((range) => ({ range, at: [12, 13, 14, 15] })),
  // RFC 8215: each network chooses the length of its prefix, and RFC 6052 §2.2 the place of the address.
  ...[
    [6, 7, 9, 10],
    [7, 9, 10, 11],
    [9, 10, 11, 12],
    [12, 13, 14, 15],
  ].map((at) => ({ range: '64:ff9b:1::/48', at })),
  // RFC 3056 §2.
  { range: '2002::/16', at: [2, 3, 4, 5] },
].map(({ range, at }) => ({ isIn: rangeTest([range]), at }))

/** The IPv4 addresses that an IPv6 address may stand for. */
function embeddedAddresses(address: string): string[] {
  if (!address.includes(':')) return []
  const bytes = bytesOf(address)
  return embeddings.filter(({ isIn }) => isIn(address)).map(({ at }) => at.map((index) => bytes[index]).join('.'))
}

/** The 16 bytes of an IPv6 address as `parseAddress` writes it. */
function bytesOf(address: string): number[] {
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''))
  const groups = [...head, ...new Array(8 - head.length - tail.length).fill('0'), ...tail]
  return groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff])
}

/** `parseAddress`, except that a zone is refused: it names an interface of this machine, and what it means is different on each. */
export function parseTarget(text: string): string | undefined {
  return text.includes('%') ? undefined : parseAddress(text)
}
