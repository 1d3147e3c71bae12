import ipaddr from 'ipaddr.js'

/**
 * The ranges that a network counts for, narrowest first. An IPv4 address counts by itself. An IPv6 address counts with its /64, which
 * is the least that a customer gets, and with its /56 and /48, which many have: 256 and 65,536 of these. What is not an address
 * (`unknown`) is one network, whatever it says.
 *
 * @param network the address of a caller
 */
export function rangesOf(network: string): readonly string[] {
  if (!ipaddr.isValid(network)) return ['unknown']
  const address = ipaddr.process(network)
  if (!(address instanceof ipaddr.IPv6)) return [address.toString()]
  return [64, 56, 48].map((bits) => `${firstOf(address, bits)}/${bits}`)
}

/** The first address of a range. */
function firstOf({ parts }: ipaddr.IPv6, bits: number): string {
  const masked = parts.map((part, index) => {
    const kept = Math.min(16, Math.max(0, bits - index * 16))
    return part & (0xffff << (16 - kept)) & 0xffff
  })
  return new ipaddr.IPv6(masked).toString()
}
