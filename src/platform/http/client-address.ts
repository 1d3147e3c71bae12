import type { IncomingMessage } from 'node:http'
import { canonicalAddress, parseAddress } from '../network-address.ts'

/** Stands for the address of a client that hung up before it could be read. All of them count as one network. */
export const unknownAddress = 'unknown'

/** How many proxies in a row are followed back to the client. */
const maxHops = 20

/** Characters of one member of X-Forwarded-For, spaces included. The longest address with zone and port has some 75. */
const maxMemberLength = 100

/**
 * The address that a request came from, in its canonical form: the connection's, or, where that belongs to a trusted proxy, the one that
 * the proxy reports in X-Forwarded-For, and so on from right to left.
 *
 * The walk ends at the first address that is not trusted. It also ends at a member that is not an address: `unknown`, an obfuscated
 * identifier, nothing at all. RFC 7239 §6.2 and §6.3 have these for proxies that cannot or will not name the client, and identifiers
 * differ from request to request, so they cannot be counted. What stands further left was not seen by any proxy that is trusted, so it is
 * not believed. The caller is then the last proxy that could be read: its clients count as one network, and no others with them.
 *
 * @param message its headers and its connection
 * @param isTrusted whether an address belongs to a proxy that is believed
 * @returns the canonical text, or `unknown` if the connection had no address left
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
  // Node joins repeated headers in the order in which they came.
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
 * Reads one member of X-Forwarded-For: an address, with a port if the proxy adds one (Azure Application Gateway, IIS), IPv6 in brackets or
 * bare, and with the quotes that RFC 7239 §6 requires in `Forwarded`.
 */
function parseMember(member: string): string | undefined {
  if (member.length > maxMemberLength) return undefined
  const unquoted = member.trim().replace(/^"(.*)"$/, '$1')
  const [, bracketed, dotted] = /^(?:\[(.*)\]|([\d.]+))(?::\d{1,5})?$/.exec(unquoted) ?? []
  return parseAddress(bracketed ?? dotted ?? unquoted)
}
