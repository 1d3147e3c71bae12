const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether a URL's host (as `URL.hostname` gives it) can only be this machine. */
export function isLoopbackHost(hostname: string): boolean {
  return loopbackHosts.has(hostname) || hostname.endsWith('.localhost') || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/**
 * Reads an issuer identifier (OpenID Connect Discovery §3, RFC 8414 §2: https, no query, no fragment). Signet's has no path
 * either, and is compared exactly, so it must be written in its canonical form: returns undefined for anything else.
 */
export function parseIssuer(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.origin !== text || url.port === '0') return undefined
  // URL parsers take these; they are two spellings of one host, and no host.
  if (url.hostname.endsWith('.') || url.hostname.includes('*')) return undefined
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))) return text
  return undefined
}
