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
