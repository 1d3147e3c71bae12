import { isReservedScheme } from '../platform/uri-schemes.ts'

/**
 * An address from a client's metadata, if a page may link to it or load it: https only. Preact escapes text but prints
 * `href="javascript:…"` as it is, so every such address must pass this check.
 *
 * @returns the address as the browser will read it, or undefined
 */
export function httpsOnly(uri: string | undefined): string | undefined {
  const url = parsed(uri)
  // Credentials in an address make `https://bank.example@evil.example/` look like the bank's.
  return url?.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : undefined
}

/** Stands for our own origin, which `//evil.example`, `/\\evil.example` and similar addresses leave. */
const here = 'https://here.invalid'

/**
 * Checks an address that a page leads to: one of our own paths, or a verified redirect URI. During development that may be plain http on
 * loopback (RFC 8252 §7.3), for a native application a private-use scheme (§7.1), but never a scheme that the browser or the system
 * handles itself.
 *
 * @returns the address unchanged (redirect URIs are compared as strings), or undefined
 */
export function safeHref(uri: string | undefined): string | undefined {
  if (uri?.startsWith('/')) return URL.canParse(uri, here) && new URL(uri, here).origin === here ? uri : undefined
  const url = parsed(uri)
  return url && (isWeb(url) || !isReservedScheme(url.protocol.slice(0, -1))) ? uri : undefined
}

/** The address of one of our own pages. Values that are undefined are left out. */
export function ownHref(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}

/**
 * The host a person is sent to, as the browser will read it; undefined if the address has none. After a private-use scheme, what looks
 * like a host is chosen by the application: `app://bank.example/` leads to the app.
 */
export function hostOf(uri: string): string | undefined {
  const url = parsed(uri)
  return url && isWeb(url) ? url.host : undefined
}

function isWeb({ protocol }: URL): boolean {
  return protocol === 'https:' || protocol === 'http:'
}

function parsed(uri: string | undefined): URL | undefined {
  return uri !== undefined && URL.canParse(uri) ? new URL(uri) : undefined
}
