import type { PublicJwk } from '../../key-ring/sealed-key.ts'
import { type Answer, objectIn } from './ask.ts'
import { canonicalJwk } from './check-key-pairs.ts'
import { bad, type Finding, good, skipped, warning } from './finding.ts'
import { shortened } from './reason.ts'

type PublishedKey = { readonly kid: string; readonly publicJwk: PublicJwk }

/**
 * The JWK Set as the world gets it, held against the keys in the database.
 *
 * @param published the keys that should be in it; undefined where the database could not be asked
 */
export function judgeJwkSet(answer: Answer, published: readonly PublishedKey[] | undefined): Finding {
  const keys = answer.status === 200 ? keysIn(answer) : undefined
  if (!keys)
    return bad(
      'jwk-set',
      `It is answered with ${answer.status === 200 ? 'something else than a JWK Set' : `status ${answer.status}`}.`,
      'Let the proxy pass /.well-known/jwks.json on; without it nobody can check a token.',
    )
  if (!published)
    return skipped('jwk-set', 'It answers; the database could not be asked whether its keys are the right ones.')
  const served = new Set(keys.map(({ kid }) => kid))
  const known = new Map(published.map((key) => [key.kid, canonicalJwk(key.publicJwk)]))
  // One by one: of two keys with one kid, one may be somebody else's.
  const foreign = keys.filter(({ kid, publicJwk }) => known.get(kid) !== canonicalJwk(publicJwk)).map(({ kid }) => kid)
  const missing = [...known.keys()].filter((kid) => !served.has(kid))
  if (foreign.length > 0)
    return bad(
      'jwk-set',
      `It holds keys that the database does not publish: ${listed(foreign)}.`,
      'Where a key was revoked or retired just now, a node or a cache is behind: look again in a minute. Else the address leads to ' +
        'another installation, or somebody has put a key of his own before the world.',
    )
  if (missing.length > 0)
    return bad(
      'jwk-set',
      `Keys that the database publishes are missing in it: ${listed(missing)}.`,
      'Where a key was made just now, a node or a cache is behind: look again in a minute. Else the address leads to another installation.',
    )
  return good('jwk-set', `It holds the ${known.size} keys that the database publishes.`)
}

function keysIn(answer: Answer): PublishedKey[] | undefined {
  const keys = objectIn(answer)?.['keys']
  if (!Array.isArray(keys)) return undefined
  return keys.map((key: unknown) => {
    const jwk = typeof key === 'object' && key !== null ? (key as PublicJwk & { kid?: unknown }) : { kty: '' }
    return { kid: 'kid' in jwk && typeof jwk.kid === 'string' ? jwk.kid : '', publicJwk: jwk }
  })
}

/**
 * Whether what stands between Signet and the world keeps the set for no longer, and no shorter, than Signet says (RFC 9111). The
 * schedule of the keys counts on it.
 *
 * @param maxAge SIGNET_JWKS_MAX_AGE, in seconds
 */
export function judgeCaching({ headers }: Pick<Answer, 'headers'>, maxAge: number): Finding[] {
  const cacheControl = headers['cache-control'] ?? ''
  const seconds = (name: string) =>
    Number(new RegExp(`(?:^|[\\s,])${name}="?(\\d{1,9})`, 'i').exec(cacheControl)?.[1] ?? 0)
  const faults: Finding[] = []
  if (seconds('max-age') > maxAge || seconds('s-maxage') > maxAge || seconds('stale-while-revalidate') > maxAge)
    faults.push(
      bad(
        'jwk-set-caching',
        `Cache-Control is "${shortened(cacheControl)}": longer than SIGNET_JWKS_MAX_AGE (${maxAge} s).`,
        'Let the proxy leave Cache-Control alone: a new key would sign before everybody has seen it.',
      ),
    )
  else if (/no-cache|no-store|private/i.test(cacheControl) || seconds('max-age') < maxAge)
    faults.push(
      warning(
        'jwk-set-caching',
        cacheControl === '' ? 'Cache-Control is missing.' : `Cache-Control is "${shortened(cacheControl)}".`,
        'Let the proxy leave Cache-Control alone: verifiers would fetch the set for every token.',
      ),
    )
  if (Number(headers.age ?? 0) > 2 * maxAge)
    faults.push(
      warning(
        'jwk-set-caching',
        `A cache answers with a set that is ${shortened(String(headers.age))} s old.`,
        'Let the cache obey max-age and stale-while-revalidate: a revoked key would be believed for as long as it does not.',
      ),
    )
  const etag = headers.etag
  if (etag === undefined || etag.startsWith('W/'))
    faults.push(
      warning(
        'jwk-set-caching',
        etag === undefined
          ? 'The ETag is missing.'
          : 'The ETag has become a weak one, as a proxy does that compresses.',
        'Switch compression off for /.well-known/jwks.json; the set is small.',
      ),
    )
  if (faults.length > 0) return faults
  const cache =
    headers.age === undefined ? '' : ` A cache answers, within its limits (${shortened(headers.age)} s old).`
  return [good('jwk-set-caching', `Cache-Control and ETag arrive as Signet sends them.${cache}`)]
}

/** Fetch §3.2: single-page applications fetch metadata and keys from another origin. */
export function judgeCrossOrigin({ headers }: Pick<Answer, 'headers'>): Finding {
  const allowed = headers['access-control-allow-origin']
  if (allowed === '*') return good('cross-origin', 'Single-page applications may read the JWK Set.')
  return allowed?.includes(',')
    ? bad(
        'cross-origin',
        `Access-Control-Allow-Origin arrives twice ("${shortened(allowed)}"): browsers refuse that.`,
        'Let the proxy add no CORS headers of its own; Signet sends those that are needed.',
      )
    : warning(
        'cross-origin',
        `Access-Control-Allow-Origin is ${allowed === undefined ? 'missing' : `"${shortened(allowed)}"`}.`,
        'Let the proxy leave CORS headers alone: single-page applications of other origins could not sign people in.',
      )
}

function listed(kids: readonly string[]): string {
  return shortened(
    kids
      .slice(0, 5)
      .map((kid) => kid.slice(0, 64))
      .join(', '),
  )
}
