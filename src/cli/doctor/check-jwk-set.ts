import type { PublicJwk } from '../../key-ring/sealed-key.ts'
import { canonicalJwk } from './check-key-pairs.ts'
import { bad, type Finding, good, skipped, warning } from './finding.ts'
import { type HttpResponse, jsonObjectOf } from './http-request.ts'
import { shortened } from './reason.ts'

type PublishedKey = { readonly kid: string; readonly publicJwk: PublicJwk }

/**
 * Compares the JWK Set as clients receive it with the keys in the database.
 *
 * @param published the keys that should be in it; undefined if the database could not be queried
 */
export function judgeJwkSet(answer: HttpResponse, published: readonly PublishedKey[] | undefined): Finding {
  const keys = answer.status === 200 ? keysIn(answer) : undefined
  if (!keys)
    return bad(
      'jwk-set',
      `The response ${answer.status === 200 ? 'is not a JWK Set' : `has status ${answer.status}`}.`,
      'Make the proxy forward /.well-known/jwks.json. Without it, nobody can verify tokens.',
    )
  if (!published)
    return skipped('jwk-set', 'There is a JWK Set, but the database could not be queried to compare the keys.')
  const served = new Set(keys.map(({ kid }) => kid))
  const known = new Map(published.map((key) => [key.kid, canonicalJwk(key.publicJwk)]))
  // Each key separately: if two keys have the same kid, one of them may be foreign.
  const foreign = keys.filter(({ kid, publicJwk }) => known.get(kid) !== canonicalJwk(publicJwk)).map(({ kid }) => kid)
  const missing = [...known.keys()].filter((kid) => !served.has(kid))
  if (foreign.length > 0)
    return bad(
      'jwk-set',
      `It contains keys that the database does not publish: ${listed(foreign)}.`,
      'If a key has just been revoked or retired, a node or a cache is behind: check again in a minute. Otherwise the address belongs to ' +
        'another installation, or somebody has planted a key.',
    )
  if (missing.length > 0)
    return bad(
      'jwk-set',
      `Keys that the database publishes are missing: ${listed(missing)}.`,
      'If a key has just been created, a node or a cache is behind: check again in a minute. During an upgrade, a node of the ' +
        'release before this one may have answered, which does not know all algorithms. Otherwise the address belongs to another installation.',
    )
  return good('jwk-set', `It contains the ${known.size} keys that the database publishes.`)
}

function keysIn(answer: HttpResponse): PublishedKey[] | undefined {
  const keys = jsonObjectOf(answer)?.['keys']
  if (!Array.isArray(keys)) return undefined
  return keys.map((key: unknown) => {
    const jwk = typeof key === 'object' && key !== null ? (key as PublicJwk & { kid?: unknown }) : { kty: '' }
    return { kid: 'kid' in jwk && typeof jwk.kid === 'string' ? jwk.kid : '', publicJwk: jwk }
  })
}

/**
 * Whether proxies and caches keep the JWK Set for exactly as long as Signet says (RFC 9111). The key schedule depends on it.
 *
 * @param maxAge SIGNET_JWKS_MAX_AGE, in seconds
 */
export function judgeCaching({ headers }: Pick<HttpResponse, 'headers'>, maxAge: number): Finding[] {
  const cacheControl = headers['cache-control'] ?? ''
  const seconds = (name: string) =>
    Number(new RegExp(`(?:^|[\\s,])${name}="?(\\d{1,9})`, 'i').exec(cacheControl)?.[1] ?? 0)
  const faults: Finding[] = []
  if (seconds('max-age') > maxAge || seconds('s-maxage') > maxAge || seconds('stale-while-revalidate') > maxAge)
    faults.push(
      bad(
        'jwk-set-caching',
        `Cache-Control is "${shortened(cacheControl)}": longer than SIGNET_JWKS_MAX_AGE (${maxAge} s).`,
        'Make the proxy leave Cache-Control unchanged. Otherwise a new key signs before all verifiers have seen it.',
      ),
    )
  else if (/no-cache|no-store|private/i.test(cacheControl) || seconds('max-age') < maxAge)
    faults.push(
      warning(
        'jwk-set-caching',
        cacheControl === '' ? 'Cache-Control is missing.' : `Cache-Control is "${shortened(cacheControl)}".`,
        'Make the proxy leave Cache-Control unchanged. Otherwise verifiers fetch the JWK Set for every token.',
      ),
    )
  if (Number(headers.age ?? 0) > 2 * maxAge)
    faults.push(
      warning(
        'jwk-set-caching',
        `A cache returned a JWK Set that is ${shortened(String(headers.age))} s old.`,
        'Make the cache obey max-age and stale-while-revalidate. Until then, revoked keys are accepted for longer.',
      ),
    )
  const etag = headers.etag
  if (etag === undefined || etag.startsWith('W/'))
    faults.push(
      warning(
        'jwk-set-caching',
        etag === undefined
          ? 'The ETag is missing.'
          : 'The ETag is weak, probably because a proxy compresses the response.',
        'Turn off compression for /.well-known/jwks.json; the set is small.',
      ),
    )
  if (faults.length > 0) return faults
  const cache =
    headers.age === undefined ? '' : ` It comes from a cache, within the limits (${shortened(headers.age)} s old).`
  return [good('jwk-set-caching', `Cache-Control and ETag arrive as Signet sends them.${cache}`)]
}

/** Fetch §3.2: single-page applications fetch metadata and keys from another origin. */
export function judgeCrossOrigin({ headers }: Pick<HttpResponse, 'headers'>): Finding {
  const allowed = headers['access-control-allow-origin']
  if (allowed === '*') return good('cross-origin', 'Single-page applications may read the JWK Set.')
  return allowed?.includes(',')
    ? bad(
        'cross-origin',
        `Access-Control-Allow-Origin arrives twice ("${shortened(allowed)}"): browsers refuse that.`,
        'Configure the proxy not to add CORS headers; Signet sends those that are needed.',
      )
    : warning(
        'cross-origin',
        `Access-Control-Allow-Origin is ${allowed === undefined ? 'missing' : `"${shortened(allowed)}"`}.`,
        'Make the proxy leave CORS headers unchanged. Otherwise single-page applications on other origins cannot sign users in.',
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
