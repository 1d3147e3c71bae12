/**
 * An address with parameters added to its query. The rest of the query stays as it is written (RFC 6749 §3.1.2); a parameter of the same
 * name gives way, because no parameter may come twice (§3.1).
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

/** An address without these parameters in its query; unchanged, to the letter, where it has none of them. */
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
 * Octets of a value that comes back in an address, as it is encoded there. Proxies take a response header of 8 KB, nginx for one. An address of 2,000
 * octets, this, and an error with its description leave a kilobyte of that to the other headers.
 */
export const longestReturned = 4096

/** Whether a value is too long to come back in an address. */
export function isTooLongToReturn(value: string): boolean {
  return new URLSearchParams({ '': value }).toString().length - 1 > longestReturned
}
