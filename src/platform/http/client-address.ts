import type { IncomingMessage } from 'node:http'
import { canonicalAddress, parseAddress } from '../network-address.ts'

/** Replaces the address of a client that disconnected before the address could be read. All such clients count as one network. */
export const unknownAddress = 'unknown'

/** Maximum number of proxies that are followed back to the client. */
const maxHops = 20

/** Maximum characters of one member of X-Forwarded-For, including spaces. The longest address with zone and port has about 75. */
const maxMemberLength = 100

/**
 * The address that a request came from, in its canonical form: that of the connection or, if it belongs to a trusted proxy, the one that
 * the proxy reports in X-Forwarded-For, and so on from right to left.
 *
 * The search ends at the first address that is not trusted. It also ends at a member that is not an address: `unknown`, an obfuscated
 * identifier, or an empty one. RFC 7239 §6.2 and §6.3 define these for proxies that cannot or do not want to name the client. Identifiers
 * differ from request to request, so they cannot be counted. Members further left were not seen by a trusted proxy, so they are not
 * trusted. The result is then the address of the last proxy that could be read, and all its clients count as one network.
 *
 * @param message the headers and the connection of the request
 * @param isTrusted whether an address belongs to a trusted proxy
 * @returns the canonical text, or `unknown` if the connection no longer had an address
 */
export function clientAddress(
  {
    socket,
    headers,
  }: Pick<IncomingMessage, 'headers'> & { readonly socket: { readonly remoteAddress?: string | undefined } },
  isTrusted: (address: string) => boolean,
): string {
  let address = parseAddress(socket.remoteAddress ?? '')
  if (!address) return unknownAddress
  // Node joins repeated headers in the order of arrival.
  const chain = String(headers['x-forwarded-for'] ?? '')
  let end = chain.length
  for (let hop = 0; hop < maxHops && end > 0 && isTrusted(address); hop++) {
    const comma = chain.lastIndexOf(',', end - 1)
    const reported = parseMember(chain.slice(comma + 1, end))
    if (!reported) break
    address = reported
    end = comma
  }
  return canonicalAddress(address) ?? unknownAddress
}

/**
 * Parses one member of X-Forwarded-For: an address, with a port if the proxy adds one (Azure Application Gateway, IIS), IPv6 with or without
 * brackets, optionally in the quotes that RFC 7239 §6 requires in `Forwarded`.
 */
function parseMember(member: string): string | undefined {
  if (member.length > maxMemberLength) return undefined
  const unquoted = member.trim().replace(/^"(.*)"$/, '$1')
  const [, bracketed, dotted] = /^(?:\[(.*)\]|([\d.]+))(?::\d{1,5})?$/.exec(unquoted) ?? []
  return parseAddress(bracketed ?? dotted ?? unquoted)
}
