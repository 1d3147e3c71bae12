import { promises as dns } from 'node:dns'
import { parseTarget } from './public-address.ts'

/** @returns the addresses of a host; at least one */
export type ResolveHost = (hostname: string) => Promise<readonly string[]>

/** Milliseconds for one query, and how often it is sent. */
const patience = { timeout: 1_500, tries: 2 }

/** More are not tried: there is not the time. */
const maxAddresses = 6

/**
 * Asks DNS, without the system's resolver (getaddrinfo). That would run in threads that password hashing, database connections and mail need as well. Somebody
 * who controls a slow DNS server could occupy them. Only the names that the operator chose, and `localhost`, are looked up as the system does it, /etc/hosts included.
 *
 * @param isTrusted whether the operator named this host
 */
export function createResolveHost(isTrusted: (hostname: string) => boolean): ResolveHost {
  return async (hostname) => {
    if (isTrusted(hostname) || hostname === 'localhost' || hostname.endsWith('.localhost')) {
      const found = await dns.lookup(hostname, { all: true })
      return found.map(({ address }) => address).slice(0, maxAddresses)
    }
    // One for each request: after a timeout, a resolver of c-ares avoids the server that did not answer.
    const resolver = new dns.Resolver(patience)
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
    const found = answers.flatMap((answer) =>
      answer.status === 'fulfilled' ? answer.value.slice(0, maxAddresses / 2) : [],
    )
    const failed = answers.find((answer) => answer.status === 'rejected')
    if (found.length === 0) throw failed?.reason ?? new Error('the name has no address')
    return found
  }
}

/** The address that a URL's host is, if it is no name (`URL.hostname`; the URL Standard has already turned octal and hexadecimal numbers into decimal ones). */
export function literalAddress(hostname: string): string | undefined {
  return parseTarget(hostname.replace(/^\[(.*)\]$/, '$1'))
}
