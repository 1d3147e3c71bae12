import { isBlockedPort } from '../../platform/blocked-ports.ts'
import { isLoopbackHost } from '../../platform/network-address.ts'
import { isReservedScheme, isReversedDomain } from '../../platform/uri-schemes.ts'

/** Characters. Longer than any real redirect URI, and short enough for a column, a log line and a browser. */
const maxLength = 2000

/** What a redirect URI is for. */
export interface RedirectUriUse {
  /** Whether the client has no secret: only an app on a person's device has a private-use scheme. */
  readonly isPublic: boolean
  /** Whether an operator registers the client. What a client registers itself is not verified by anybody. */
  readonly byOperator: boolean
  /** The query parameters that a response adds. */
  readonly adds: readonly string[]
}

/**
 * Why a URI cannot be registered as a redirect URI; undefined if it can. Browsers, servers and Signet must agree on where it leads. So everything
 * that two parsers could read differently is refused and not normalized, because registered URIs are compared character by character (RFC 9700
 * §2.1).
 *
 * @returns the end of a sentence that starts with the URI
 */
export function redirectUriFault(uri: string, { isPublic, byOperator, adds }: RedirectUriUse): string | undefined {
  const general = uriFault(uri) ?? queryFault(uri, adds)
  if (general) return general
  const { scheme, host, path } = partsOf(uri)
  if (scheme === 'https') return hostFault(uri, host) ?? pathFault(path)
  // RFC 8252 §7.3 and §8.3: plain http is safe only on loopback, where nobody else receives it.
  if (scheme === 'http')
    return (
      hostFault(uri, host) ??
      (isLoopbackHost(new URL(uri).hostname) ? pathFault(path) : 'must be https, or http on loopback')
    )
  if (isReservedScheme(scheme)) return 'has a scheme that browsers or operating systems handle themselves'
  // RFC 8252 §7.1: a reversed domain name that the app's developer controls.
  if (!byOperator && !isReversedDomain(scheme))
    return 'must be https, http on loopback, or have a private-use scheme that is a reversed domain name, such as com.example.app'
  return isPublic ? pathFault(path) : 'has a private-use scheme, which is for public clients only'
}

/**
 * Whether a redirect URI has a private-use scheme without a period, such as `vscode:`. RFC 8252 §7.1 requires a domain name, because nothing else
 * prevents two apps from choosing the same scheme. Some editors have no other scheme, so operators may register them.
 *
 * @param uri a URI for which `redirectUriFault` returns undefined
 */
export function isClaimable(uri: string): boolean {
  const { scheme } = partsOf(uri)
  return scheme !== 'https' && scheme !== 'http' && !scheme.includes('.')
}

/** Why a URI cannot be shown to people (the home page, logo or terms of a client). It must be an https URI in normal form. */
export function shownUriFault(uri: string): string | undefined {
  const { scheme, host } = partsOf(uri)
  return uriFault(uri) ?? (scheme === 'https' ? hostFault(uri, host) : 'must be https')
}

/**
 * Why a sign-in cannot be started at a URI (OpenID Connect Core §4). It must be https, and must not have the parameters that Signet adds: the
 * application would receive them twice.
 *
 * @param adds the names of these parameters
 */
export function initiateLoginUriFault(uri: string, adds: readonly string[]): string | undefined {
  return shownUriFault(uri) ?? queryFault(uri, adds, 'a sign-in that is started elsewhere')
}

/**
 * Why a web client that gets tokens from the authorization endpoint cannot have a redirect URI (OpenID Connect Registration §2, `application_type`).
 *
 * @param uri a URI for which `redirectUriFault` returns undefined
 * @param allowsLoopback whether applications on this machine are meant, as during development
 */
export function implicitRedirectUriFault(uri: string, allowsLoopback: boolean): string | undefined {
  const { protocol, hostname } = new URL(uri)
  const why = 'because the grant type is implicit and application_type is web'
  if (protocol !== 'https:') return `must be https, ${why}`
  return isLoopbackHost(hostname) && !allowsLoopback ? `must not be on loopback, ${why}` : undefined
}

/**
 * Why a page at a URI cannot be loaded to sign a person out of an application (OpenID Connect Front-Channel Logout §2). It must be where the application
 * itself is, and must not have the parameters that Signet adds.
 */
export function frontChannelLogoutUriFault(uri: string, redirectUris: readonly string[]): string | undefined {
  const fault = uriFault(uri) ?? queryFault(uri, ['iss', 'sid'], 'a logout')
  if (fault) return fault
  const { scheme, host, path } = partsOf(uri)
  if (scheme !== 'https' && scheme !== 'http') return 'must be https, or http on loopback'
  // In a page of ours, `https:app.example` without slashes would be a path of ours.
  const unusual = hostFault(uri, host) ?? pathFault(path)
  if (unusual) return unusual
  const { origin } = new URL(uri)
  return redirectUris.some((one) => new URL(one).origin === origin)
    ? undefined
    : 'must have the scheme, host and port of one of the redirect_uris'
}

/** Why Signet cannot fetch a document from a URI, as far as the URI itself says. Where it leads is checked when it is fetched (platform/outgoing). */
export function fetchedUriFault(uri: string): string | undefined {
  return shownUriFault(uri)
}

/**
 * The same for a `request_uri`. Its fragment can be a digest of the content (OpenID Connect Core §6.2), which only tells different versions apart:
 * it is registered with the URI, and left out of the request.
 */
export function requestUriFault(uri: string): string | undefined {
  const [, address = '', fragment] = /^([^#]*)(#.*)?$/s.exec(uri) ?? []
  if (fragment !== undefined && !/^#[A-Za-z0-9_-]{1,128}$/.test(fragment)) return 'has a fragment that is not base64url'
  return fetchedUriFault(address)
}

/** What is not allowed in any URI (RFC 3986), or in any URI of a client. */
function uriFault(uri: string): string | undefined {
  if (uri.length > maxLength) return `is longer than ${maxLength} characters`
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

/** RFC 6749 §3.1.2: the query of a redirect URI is kept. A parameter that the response adds would then appear twice (§3.1). */
function queryFault(uri: string, adds: readonly string[], what = 'a response'): string | undefined {
  const [, query = ''] = /\?(.*)$/.exec(uri) ?? []
  const name = [...new URLSearchParams(query).keys()].find((key) => adds.includes(key))
  return name === undefined ? undefined : `must not have ${name} in its query, because ${what} adds it`
}

/** A host must be in the form that parsers normalize it to, which excludes other spellings (`0x7f.1`, `127.1`, `%65vil`, `EXAMPLE`). */
function hostFault(uri: string, host: string | undefined): string | undefined {
  if (!host) return 'has no host'
  if (host.includes('*')) return 'must not have a wildcard in its host'
  if (host.endsWith('.')) return 'must not have a trailing dot in its host'
  if (host !== new URL(uri).hostname) return 'must have its host in lower case and in its usual form'
  if (!/^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/.test(host)) return 'has a malformed host'
  const { port } = new URL(uri)
  if (port !== '' && isBlockedPort(Number(port))) return `has the port ${port}, which browsers block`
  return undefined
}

/** A browser resolves dot-segments, even encoded ones, before it requests the URI (WHATWG URL §4.4), so the URI would lead elsewhere. */
function pathFault(path: string): string | undefined {
  return path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))
    ? 'must not have dot-segments in its path'
    : undefined
}

/** Splits a URI (RFC 3986 Appendix B), and the host from the port. `host` is undefined if authority or port is malformed. */
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
