import { type Freshness, readFreshness } from './freshness.ts'
import { type JwkSet, parseJwkSet } from './jwk-set.ts'

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
