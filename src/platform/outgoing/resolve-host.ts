import { promises as dns } from 'node:dns'
import { setTimeout as pause } from 'node:timers/promises'
import { parseTarget } from './public-address.ts'

/** @returns the addresses of a host; at least one */
export type ResolveHost = (hostname: string) => Promise<readonly string[]>

/** Milliseconds for the first query, and how often one is sent. The second has twice the time. */
const patience = { timeout: 1_000, tries: 2 }

/** Milliseconds that IPv6 addresses are waited for once there are others. Some DNS servers never answer the question for them. */
const waitForIpv6 = 300

/** Of each family. More are not tried: there is not the time. */
const maxAddresses = 3

/**
 * Asks DNS, without the system's resolver (getaddrinfo). That would run in threads that password hashing, database connections and mail need as well. Somebody
 * who controls a slow DNS server could occupy them. Only the names that the operator chose, and `localhost`, are looked up as the system does it, /etc/hosts included.
 *
 * @param isTrusted whether the operator named this host
 * @param servers for tests; default: those of the system
 */
export function createResolveHost(isTrusted: (hostname: string) => boolean, servers?: readonly string[]): ResolveHost {
  return async (hostname) => {
    if (isTrusted(hostname) || hostname === 'localhost' || hostname.endsWith('.localhost')) {
      const found = await dns.lookup(hostname, { all: true })
      return found.map(({ address }) => address).slice(0, 2 * maxAddresses)
    }
    // One for each request, because `cancel` ends all queries of a resolver.
    const resolver = new dns.Resolver(patience)
    if (servers) resolver.setServers(servers)
    try {
      const asking6 = resolver.resolve6(hostname).catch(asError)
      const ipv4 = await resolver.resolve4(hostname).catch(asError)
      if (ipv4 instanceof Error) {
        const ipv6 = await asking6
        if (ipv6 instanceof Error) throw ipv4
        return ipv6.slice(0, maxAddresses)
      }
      const ipv6 = await Promise.race([asking6, pause(waitForIpv6, [])])
      return [...ipv4.slice(0, maxAddresses), ...(ipv6 instanceof Error ? [] : ipv6.slice(0, maxAddresses))]
    } finally {
      resolver.cancel()
    }
  }
}

function asError(error: Error): Error {
  return error
}

/** The address that a URL's host is, if it is no name (`URL.hostname`; the URL Standard has already turned octal and hexadecimal numbers into decimal ones). */
export function literalAddress(hostname: string): string | undefined {
  return parseTarget(hostname.replace(/^\[(.*)\]$/, '$1'))
}
