import { isAddressRange, rangeTest } from '../network-address.ts'
import { isGloballyReachable, isMetadataService, parseTarget } from './public-address.ts'

/** An entry of SIGNET_ALLOW_PRIVATE_NETWORKS. Without a port, it opens all of them. */
type Opening =
  | { readonly kind: 'range'; readonly contains: (address: string) => boolean }
  | { readonly kind: 'address'; readonly address: string; readonly port: string | undefined }
  | { readonly kind: 'name'; readonly name: string; readonly port: string | undefined }

/** Which hosts, addresses and ports requests may go to. */
export interface AllowedTargets {
  /** Whether the operator named this host of a URL (`URL.hostname`). */
  isNamed(hostname: string): boolean
  /**
   * What forbids a connection.
   *
   * @param url https
   * @param address one of the addresses that the host of the URL has, as the resolver returned it
   * @returns for operators; undefined if nothing does
   */
  faultOf(url: URL, address: string): string | undefined
}

/**
 * @param entries of SIGNET_ALLOW_PRIVATE_NETWORKS; without any, only port 443 of hosts that the whole internet can reach is allowed
 * @throws TypeError if an entry is malformed
 */
export function createAllowedTargets(entries: readonly string[]): AllowedTargets {
  const openings = entries.map((entry) => {
    const opening = parseOpening(entry)
    if (!opening) throw new TypeError(`Not an address, a range of addresses or a host: ${entry}`)
    return opening
  })
  return {
    isNamed: (hostname) => openings.some((opening) => opening.kind === 'name' && opening.name === hostname),
    faultOf: (url, text) => {
      const address = parseTarget(text)
      if (address === undefined) return 'the resolver returned something that is no address'
      const port = url.port === '' ? '443' : url.port
      const isOpen = (opening: Opening) =>
        opening.kind === 'range' ? opening.contains(address) : opening.port === undefined || opening.port === port
      const naming = openings.filter(
        (opening) =>
          opening.kind === 'range' ||
          (opening.kind === 'address' ? opening.address === address : opening.name === url.hostname),
      )
      // Whoever opens a network, or trusts a name, does not mean the machine's credentials.
      if (isMetadataService(address))
        return naming.some((opening) => opening.kind === 'address' && isOpen(opening))
          ? undefined
          : 'its address is that of a cloud metadata service'
      if (naming.some(isOpen)) return undefined
      if (!isGloballyReachable(address)) return 'its address is not one that the whole internet can reach'
      return port === '443' ? undefined : 'its port is not 443'
    },
  }
}

/** Whether `createAllowedTargets` accepts a text. */
export function isAllowedEntry(text: string): boolean {
  return parseOpening(text) !== undefined
}

/** RFC 1123 §2.1; the underscore is not in host names, but in the names of services of Docker and others. */
const hostName = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/

function parseOpening(text: string): Opening | undefined {
  const single = parseTarget(text)
  if (single !== undefined) return { kind: 'address', address: single, port: undefined }
  if (text.includes('/') || !/[.:]/.test(text)) {
    // With `loopback`, `linklocal` and `uniquelocal`, as in SIGNET_TRUST_PROXY.
    if (isAddressRange(text) && !text.includes('%')) return { kind: 'range', contains: rangeTest([text]) }
    if (text.includes('/')) return undefined
  }
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([1-9]\d{0,4}))?$/.exec(text) ?? []
  if (port !== undefined && Number(port) > 65_535) return undefined
  const address = parseTarget(bracketed ?? plain)
  if (address !== undefined) return { kind: 'address', address, port }
  const name = plain.toLowerCase()
  // As the URL Standard reads hosts (§3.5, "ends in a number"), `127.1` and `0x7f000001` are addresses in disguise.
  return hostName.test(name) && !/(^|\.)(0x[0-9a-f]*|\d+)$/.test(name) ? { kind: 'name', name, port } : undefined
}
