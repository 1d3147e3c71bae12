import { isReservedScheme } from '../platform/uri-schemes.ts'

/**
 * An address from a client's metadata, if a page may link to it or load it: https only. Preact escapes text, but prints
 * `href="javascript:…"` as it is; every such address goes through here.
 *
 * @returns the address as the browser will read it, or undefined
 */
export function httpsOnly(uri: string | undefined): string | undefined {
  const url = parsed(uri)
  // Credentials in an address make `https://bank.example@evil.example/` read as the bank's.
  return url?.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : undefined
}

/** Stands for our own origin: `//evil.example`, `/\\evil.example` and their like leave it, a path does not. */
const here = 'https://here.invalid'

/**
 * An address that leads on from a page: one of our own paths, or a redirect URI that was verified. A developer's may be plain http on
 * loopback (RFC 8252 §7.3), a native application's a scheme of its own (§7.1), but never one that a browser or a system acts on itself.
 *
 * @returns the address unchanged (redirect URIs are compared as strings), or undefined
 */
export function onwardOnly(uri: string | undefined): string | undefined {
  if (uri?.startsWith('/')) return URL.canParse(uri, here) && new URL(uri, here).origin === here ? uri : undefined
  const url = parsed(uri)
  return url && (isWeb(url) || !isReservedScheme(url.protocol.slice(0, -1))) ? uri : undefined
}

/**
 * The host a person is sent to, as the browser will read it; undefined where the address has none. What stands in its place behind an
 * application's own scheme is the application's choice, and no host: `app://bank.example/` leads to the app.
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
