import { isBlockedPort } from '../../platform/blocked-ports.ts'
import { isLoopbackHost } from '../../platform/network-address.ts'
import { isReservedScheme, isReversedDomain } from '../../platform/uri-schemes.ts'

/** Characters. Longer than any real one, short enough for a column, a log line and a browser. */
const longest = 2000

/** What a redirect URI is for. */
export interface RedirectUriUse {
  /** Whether the client holds no secret: only an app on a person's device has a scheme of its own. */
  readonly isPublic: boolean
  /** Whether an operator registers the client. What a client says of itself is checked by nobody. */
  readonly byOperator: boolean
  /** The parameters that a response adds to the query. */
  readonly adds: readonly string[]
}

/**
 * Why a URI cannot be registered as a redirect URI; undefined for a good one. Browsers, servers and we must agree on where it
 * leads, so everything that two parsers read in two ways is refused, rather than put in order: what is registered is compared
 * character by character (RFC 9700 §2.1).
 *
 * @returns the rest of a sentence that begins with the URI
 */
export function redirectUriFault(uri: string, { isPublic, byOperator, adds }: RedirectUriUse): string | undefined {
  const general = uriFault(uri) ?? queryFault(uri, adds)
  if (general) return general
  const { scheme, host, path } = partsOf(uri)
  if (scheme === 'https') return hostFault(uri, host) ?? pathFault(path)
  // RFC 8252 §7.3 and §8.3: plain http reaches nobody else only on loopback.
  if (scheme === 'http')
    return (
      hostFault(uri, host) ??
      (isLoopbackHost(new URL(uri).hostname) ? pathFault(path) : 'must be https, or http on loopback')
    )
  if (isReservedScheme(scheme)) return 'has a scheme that browsers or operating systems act on themselves'
  // RFC 8252 §7.1: a domain name of the app's own, reversed.
  if (!byOperator && !isReversedDomain(scheme))
    return 'must be https, http on loopback, or have a private-use scheme that is a reversed domain name, such as com.example.app'
  return isPublic ? pathFault(path) : 'has a private-use scheme, which is for public clients only'
}

/**
 * Whether a redirect URI has a private-use scheme without a period, such as `vscode:`. RFC 8252 §7.1 asks for a domain name, because nothing
 * else keeps two apps from choosing one scheme. Some editors have no other, so operators may register them.
 *
 * @param uri one that `redirectUriFault` has nothing against
 */
export function isClaimable(uri: string): boolean {
  const { scheme } = partsOf(uri)
  return scheme !== 'https' && scheme !== 'http' && !scheme.includes('.')
}

/** Why a URI cannot be what a client shows to people (its home page, its logo, its terms): https, and no trick. */
export function shownUriFault(uri: string): string | undefined {
  const { scheme, host } = partsOf(uri)
  return uriFault(uri) ?? (scheme === 'https' ? hostFault(uri, host) : 'must be https')
}

/** What RFC 3986 does not allow anywhere, or has no place here. */
function uriFault(uri: string): string | undefined {
  if (uri.length > longest) return `is longer than ${longest} characters`
  // RFC 3986 §2. No backslash, which a browser reads as a slash; no space, control or non-ASCII character, which it rewrites.
  if (!/^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/.test(uri))
    return 'has characters that a URI cannot have (RFC 3986 section 2)'
  // RFC 6749 §3.1.2.
  if (uri.includes('#')) return 'must not have a fragment'
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(uri)) return 'is not an absolute URI'
  const { scheme, authority } = partsOf(uri)
  if (scheme !== scheme.toLowerCase()) return 'must have its scheme in lower case'
  if (authority?.includes('@')) return 'must not have a user name'
  return URL.canParse(uri) ? undefined : 'is not a URI'
}

/** RFC 6749 §3.1.2 has the query of a redirect URI kept; a response that adds a parameter of the same name would have it twice (§3.1). */
function queryFault(uri: string, adds: readonly string[]): string | undefined {
  const [, query = ''] = /\?(.*)$/.exec(uri) ?? []
  const name = [...new URLSearchParams(query).keys()].find((key) => adds.includes(key))
  return name === undefined ? undefined : `must not have ${name} in its query, which a response adds`
}

/** A host must be written the way it will be read: then no look-alike (`0x7f.1`, `127.1`, `%65vil`, `EXAMPLE`) gets in. */
function hostFault(uri: string, host: string | undefined): string | undefined {
  if (!host) return 'has no host'
  if (host.includes('*')) return 'must not have a wildcard in its host'
  if (host.endsWith('.')) return 'must not have a trailing dot in its host'
  if (host !== new URL(uri).hostname) return 'must have its host in lower case and in its usual form'
  if (!/^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/.test(host)) return 'has no well-formed host'
  const { port } = new URL(uri)
  if (port !== '' && isBlockedPort(Number(port))) return `has the port ${port}, to which browsers do not connect`
  return undefined
}

/** A browser resolves dot-segments, also encoded ones, before it goes there (WHATWG URL §4.4): the text would name another place. */
function pathFault(path: string): string | undefined {
  return path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))
    ? 'must not have dot-segments in its path'
    : undefined
}

/** RFC 3986 Appendix B, with host and port apart. `host` is undefined where authority or port is not well formed. */
function partsOf(uri: string): {
  scheme: string
  authority: string | undefined
  host: string | undefined
  path: string
} {
  const [, scheme = '', authority, path = ''] = /^([^:/?#]+):(?:\/\/([^/?#]*))?([^?#]*)/.exec(uri) ?? []
  const host = authority === undefined ? undefined : /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(authority)?.[1]
  return { scheme, authority, host, path }
}
