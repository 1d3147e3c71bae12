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
 * An address that leads on from a page: one of our own paths, or a redirect URI that was verified. A developer's may be
 * plain http on loopback (RFC 8252 §7.3), a native application's a scheme of its own, which has a period in it (§7.1). The
 * list says what is allowed, so what nobody has thought of is not: `javascript:`, `data:`, `file:` have no period.
 *
 * @returns the address unchanged (redirect URIs are compared as strings), or undefined
 */
export function onwardOnly(uri: string | undefined): string | undefined {
  if (uri?.startsWith('/')) return URL.canParse(uri, here) && new URL(uri, here).origin === here ? uri : undefined
  const url = parsed(uri)
  return url && (/^https?:$/.test(url.protocol) || url.protocol.includes('.')) ? uri : undefined
}

/** The host a person is sent to, as the browser will read it; undefined where the address has none. */
export function hostOf(uri: string): string | undefined {
  return parsed(uri)?.host || undefined
}

function parsed(uri: string | undefined): URL | undefined {
  return uri !== undefined && URL.canParse(uri) ? new URL(uri) : undefined
}
