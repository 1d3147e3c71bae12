import { BlockList, isIP } from 'node:net'

/** The names that SIGNET_TRUST_PROXY knows beside addresses and ranges. */
const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

/** Whether an address is in one of the ranges, which are written as SIGNET_TRUST_PROXY has them. */
export function isWithin(address: string, ranges: readonly string[]): boolean {
  const list = new BlockList()
  for (const range of ranges.flatMap((name) => named[name] ?? [name])) {
    const [network = '', prefix] = range.split('/')
    const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(network, prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family)
  }
  const plain = plainAddress(address)
  return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
}

export function isLoopback(address: string): boolean {
  return isWithin(address, ['loopback'])
}

/** An IPv4 address that came over an IPv6 socket, as the IPv4 address that it is (RFC 4291 §2.5.5.2). */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
