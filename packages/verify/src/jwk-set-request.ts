import { isJsonObject, parseJsonObject } from './strict-json.ts'
import { importVerificationKey, type VerificationKey } from './verification-key.ts'

/** The part of `fetch` that is used, so that you can pass another one: with a proxy, with a private CA, or for tests. */
export type Fetch = (
  url: string,
  init: { headers: Record<string, string>; redirect: 'error'; signal: AbortSignal },
) => Promise<Response>

export type JwkSetRequest = {
  uri: string
  fetch: Fetch
  /** In milliseconds, for the complete response. */
  timeout: number
  /** The name of this verifier. With it the issuer sees which verifiers have fetched a new key. */
  name: string
}

export type FetchedJwkSet = { keys: JwkSet; etag: string | undefined; freshness: Freshness }

/** In bytes: about three hundred RSA keys. The largest sets in use have a dozen. */
const maxSetLength = 256 * 1024

/**
 * Fetches a JWK Set.
 *
 * @param previous the cached set, which a 304 confirms
 * @param revalidate makes shared caches revalidate with the issuer, for a `kid` that is not in `previous`
 * @throws {Error} unless a complete, usable set arrives in time; its message is for the operator
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
    // If redirects were followed, anyone who can create one on the issuer's host could choose the keys.
    const response = await request.fetch(request.uri, { headers, redirect: 'error', signal })
    const freshness = readFreshness(response.headers)
    if (response.status === 304 && previous?.etag !== undefined) return { ...previous, freshness }
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`the response has status ${response.status}`)
    }
    const keys = parseJwkSet(await readBody(response))
    return { keys, etag: response.headers.get('etag') ?? undefined, freshness }
  })
}

/** Ends the work at the timeout, even if a custom `fetch` ignores the signal. */
async function withinTime<Result>(timeout: number, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const abort = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`there was no complete response within ${timeout} ms`))
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
  if (reader === undefined) throw new Error('the response is empty')
  const chunks: Uint8Array[] = []
  let length = 0
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    length += read.value.length
    if (length > maxSetLength) {
      await reader.cancel()
      throw new Error(`the response is longer than ${maxSetLength} bytes`)
    }
    chunks.push(read.value)
  }
  return Buffer.concat(chunks)
}

/** The usable keys of a JWK Set by `kid`, each parsed once. */
export type JwkSet = ReadonlyMap<string, VerificationKey>

/**
 * Parses a JWK Set (RFC 7517 §5). Keys that cannot verify our tokens are skipped, as §5 requires, so that the issuer can add types of keys
 * that this version does not know. If two usable keys have the same `kid`, neither is used.
 *
 * @param json the JSON document
 * @throws {Error} if it is not a JWK Set or has no usable key, so that it never replaces a good set
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

/** How long a fetched JWK Set is used, in milliseconds from when it was fetched. */
export type Freshness = {
  /** Used without a request. */
  fresh: number
  /** After that: still used while a newer one is fetched (RFC 5861 §3). */
  staleWhileRevalidate: number
}

const minFreshness = 10_000
const maxFreshness = 24 * 3_600_000
const defaultFreshness = 300_000

/**
 * Reads the freshness from a response (RFC 9111 §4.2), within bounds: with `no-cache` or `max-age=0` the set would be fetched for every
 * token, and with a year a revoked key would be accepted for a year.
 *
 * @param headers those of the response; `Age` is subtracted, because a set from a shared cache has used up a part of its time there
 */
export function readFreshness(headers: Headers): Freshness {
  const cacheControl = headers.get('cache-control') ?? ''
  const age = /^\d+$/.test(headers.get('age') ?? '') ? Number(headers.get('age')) : 0
  const maxAge = /(?:^|[\s,])no-(?:cache|store)(?:$|[\s,=])/i.test(cacheControl) ? 0 : seconds(cacheControl, 'max-age')
  return {
    fresh:
      maxAge === undefined ? defaultFreshness : Math.min(Math.max((maxAge - age) * 1000, minFreshness), maxFreshness),
    staleWhileRevalidate: Math.min((seconds(cacheControl, 'stale-while-revalidate') ?? 0) * 1000, maxFreshness),
  }
}

function seconds(cacheControl: string, directive: string): number | undefined {
  const match = new RegExp(`(?:^|[\\s,])${directive}="?(\\d+)`, 'i').exec(cacheControl)
  return match ? Number(match[1]) : undefined
}
