/** How long a fetched JWK Set serves, in milliseconds from the moment it was fetched. */
export type Freshness = {
  /** Used without a question. */
  fresh: number
  /** After that: used at once while a newer one is fetched (RFC 5861 §3). */
  staleWhileRevalidate: number
}

const shortest = 10_000
const longest = 24 * 3_600_000
const withoutHeader = 300_000

/**
 * Reads the freshness from a response (RFC 9111 §4.2), within bounds: a set that said `no-cache` or `max-age=0` would be fetched
 * again with every token, and a year would keep a revoked key for a year.
 *
 * @param headers those of the response; `Age` counts, for a set from a shared cache has used up a part of its time there
 */
export function readFreshness(headers: Headers): Freshness {
  const cacheControl = headers.get('cache-control') ?? ''
  const age = /^\d+$/.test(headers.get('age') ?? '') ? Number(headers.get('age')) : 0
  const maxAge = /(?:^|[\s,])no-(?:cache|store)(?:$|[\s,=])/i.test(cacheControl) ? 0 : seconds(cacheControl, 'max-age')
  return {
    fresh: maxAge === undefined ? withoutHeader : Math.min(Math.max((maxAge - age) * 1000, shortest), longest),
    staleWhileRevalidate: Math.min((seconds(cacheControl, 'stale-while-revalidate') ?? 0) * 1000, longest),
  }
}

function seconds(cacheControl: string, directive: string): number | undefined {
  const match = new RegExp(`(?:^|[\\s,])${directive}="?(\\d+)`, 'i').exec(cacheControl)
  return match ? Number(match[1]) : undefined
}
