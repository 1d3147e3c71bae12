import { isJsonObject, parseJsonObject } from './strict-json.ts'
import { importVerificationKey, type VerificationKey } from './verification-key.ts'

/** What is used of `fetch`, so that another can be given: one with a proxy, a CA of one's own, or a test's. */
export type Fetch = (
  url: string,
  init: { headers: Record<string, string>; redirect: 'error'; signal: AbortSignal },
) => Promise<Response>

export type JwkSetRequest = {
  uri: string
  fetch: Fetch
  /** In milliseconds, for the whole of the reply. */
  timeout: number
  /** What this verifier is called, for the issuer to see who has fetched a new key. */
  name: string
}

export type FetchedJwkSet = { keys: JwkSet; etag: string | undefined; freshness: Freshness }

/** Some three hundred RSA keys; the largest sets in use have a dozen. */
const longestSet = 256 * 1024

/**
 * Fetches a JWK Set.
 *
 * @param previous the set at hand, which a 304 confirms
 * @param revalidate asks the shared caches on the way for the issuer's own word, for a `kid` that is not in `previous`
 * @throws {Error} for anything but a whole, usable set in time; its message is for the operator
 */
export async function requestJwkSet(
  request: JwkSetRequest,
  previous: FetchedJwkSet | undefined,
  revalidate: boolean,
): Promise<FetchedJwkSet> {
  const headers: Record<string, string> = {
    accept: 'application/jwk-set+json, application/json',
    'signet-verifier': request.name,
  }
  if (previous?.etag !== undefined) headers['if-none-match'] = previous.etag
  if (revalidate) headers['cache-control'] = 'no-cache'

  return withinTime(request.timeout, async (signal) => {
    // A redirect would let whoever can set one on the issuer's host choose the keys.
    const response = await request.fetch(request.uri, { headers, redirect: 'error', signal })
    const freshness = readFreshness(response.headers)
    if (response.status === 304 && previous?.etag !== undefined) return { ...previous, freshness }
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`the answer has status ${response.status}`)
    }
    const keys = parseJwkSet(await readBody(response))
    return { keys, etag: response.headers.get('etag') ?? undefined, freshness }
  })
}

/** Ends the work at the timeout, even where a `fetch` that was handed in takes no notice of the signal. */
async function withinTime<Result>(timeout: number, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const abort = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`there was no whole answer within ${timeout} ms`))
      abort.abort()
    }, timeout)
  })
  try {
    return await Promise.race([work(abort.signal), late])
  } finally {
    clearTimeout(timer)
  }
}

async function readBody(response: Response): Promise<Buffer> {
  const reader = response.body?.getReader()
  if (reader === undefined) throw new Error('the answer is empty')
  const chunks: Uint8Array[] = []
  let length = 0
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    length += read.value.length
    if (length > longestSet) {
      await reader.cancel()
      throw new Error(`the answer is longer than ${longestSet} bytes`)
    }
    chunks.push(read.value)
  }
  return Buffer.concat(chunks)
}

/** The usable keys of a JWK Set by `kid`, each parsed once. */
export type JwkSet = ReadonlyMap<string, VerificationKey>

/**
 * Reads a JWK Set (RFC 7517 §5). Keys that cannot check our tokens are passed over, as §5 demands, so that the issuer can add
 * kinds of which this version knows nothing. A `kid` that stands for two usable keys stands for none.
 *
 * @param json the JSON document
 * @throws {Error} where it is no JWK Set or has no usable key: nothing that could take the place of a good set
 */
export function parseJwkSet(json: Buffer): JwkSet {
  const members = parseJsonObject(json)['keys']
  if (!Array.isArray(members)) throw new Error('it is not a JWK Set')
  const keys = new Map<string, VerificationKey>()
  const ambiguous = new Set<string>()
  for (const jwk of members) {
    const kid: unknown = isJsonObject(jwk) ? jwk['kid'] : undefined
    const key = importVerificationKey(jwk)
    if (typeof kid !== 'string' || key === undefined) continue
    if (keys.has(kid)) ambiguous.add(kid)
    keys.set(kid, key)
  }
  for (const kid of ambiguous) keys.delete(kid)
  if (keys.size === 0) throw new Error(`it has no usable key among ${members.length}`)
  return keys
}

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
