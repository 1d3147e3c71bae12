/** Seconds. */
const withoutHeaders = 300
const longest = 86_400

/**
 * How long a response may be kept, in seconds (RFC 9111 §4.2, as a private cache). A document without a usable header is kept for five minutes, and none longer than a day.
 *
 * @param header the value of a header, by its name in lower case
 */
export function freshnessOf(header: (name: string) => string | undefined): number {
  const directives = (header('cache-control') ?? '').toLowerCase()
  if (/(?:^|[\s,])no-(?:cache|store)(?:$|[\s,=])/.test(directives)) return 0
  const age = Number(/^\d{1,10}$/.exec(header('age') ?? '')?.[0] ?? 0)
  const maxAge = /(?:^|[\s,])max-age\s*=\s*"?(\d{1,10})/.exec(directives)?.[1]
  const left = maxAge === undefined ? untilExpiry(header) : Number(maxAge) - age
  return left === undefined ? withoutHeaders : Math.min(Math.max(left, 0), longest)
}

/** RFC 9111 §5.3: an invalid date, `0` above all, is in the past. */
function untilExpiry(header: (name: string) => string | undefined): number | undefined {
  const expires = header('expires')
  if (expires === undefined) return undefined
  const sent = Date.parse(header('date') ?? '')
  const until = Date.parse(expires)
  if (Number.isNaN(until)) return 0
  return Math.floor((until - (Number.isNaN(sent) ? Date.now() : sent)) / 1000)
}
