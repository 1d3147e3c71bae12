/**
 * Adds parameters to the query of a URI. The rest of the query is kept as written (RFC 6749 §3.1.2). A parameter of the same name is
 * replaced, because parameters must not occur twice (§3.1).
 *
 * @param uri an absolute URI without a fragment
 */
export function withParameters(uri: string, parameters: readonly (readonly [name: string, value: string])[]): string {
  const own = withoutParameters(
    uri,
    parameters.map(([name]) => name),
  )
  const added = new URLSearchParams(parameters.map(([name, value]) => [name, value])).toString()
  if (!own.includes('?')) return `${own}?${added}`
  return /[?&]$/.test(own) ? `${own}${added}` : `${own}&${added}`
}

/** Removes parameters from the query of a URI. A URI that has none of them is returned exactly as it is. */
export function withoutParameters(uri: string, names: readonly string[]): string {
  const start = uri.indexOf('?')
  if (start === -1) return uri
  const pairs = uri.slice(start + 1).split('&')
  const kept = pairs.filter((pair) => {
    const [name] = new URLSearchParams(pair).keys()
    return name === undefined || !names.includes(name)
  })
  if (kept.length === pairs.length) return uri
  return kept.length === 0 ? uri.slice(0, start) : `${uri.slice(0, start)}?${kept.join('&')}`
}

/**
 * Maximum octets, after encoding, of a value that is returned in the query of a redirect. Proxies such as nginx accept response headers of
 * at most 8 KB. A URI of 2,000 octets, this value, and an error with its description leave a kilobyte for the other headers.
 */
export const maxReturnedLength = 4096

/**
 * Maximum octets of the address that a redirect leads to, for the same reason: a kilobyte is left for the other headers. Only responses with tokens could
 * be longer.
 */
export const maxAddressLength = 7168

/** Whether a value is too long to be returned in the query of a redirect. */
export function isTooLongToReturn(value: string): boolean {
  // A unit of UTF-16 takes at most nine octets, as %E2%82%AC.
  if (value.length * 9 <= maxReturnedLength) return false
  return new URLSearchParams({ '': value }).toString().length - 1 > maxReturnedLength
}
