import { createPublicKey } from 'node:crypto'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import { createVerifier as createFastJwtVerifier } from 'fast-jwt'
import buildGetJwks from 'get-jwks'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import jwt from 'jsonwebtoken'
import jwksRsa from 'jwks-rsa'
import * as oauth from 'oauth4webapi'
import type { Test } from 'tap'
import { createVerifier } from '#verify'

/** A service that checks access tokens with a library, as users of that library write it. */
export interface Verifier {
  readonly name: string
  /** How it caches the keys. */
  readonly keeping: string
  /** Rejects if the token is refused. */
  readonly check: (token: string) => Promise<unknown>
}

interface Options {
  readonly issuer: string
  readonly audience: readonly string[]
  /** The address at which a cache serves the set. */
  readonly cache: string
  /** Milliseconds for which each verifier caches the set, or a key of it: the setting SIGNET_VERIFIER_CACHE. */
  readonly keeps: number
}

const algorithms: ('ES256' | 'RS256')[] = ['ES256', 'RS256']

/**
 * All of them fetch the set over HTTP, and none fetches it again for an unknown kid, so they can only know a key because it was announced.
 */
export async function startVerifiers(t: Test, options: Options): Promise<readonly Verifier[]> {
  return [
    jose(options),
    jwksRsaWithJsonwebtoken(options),
    fastJwtWithGetJwks(options),
    openidClient(options),
    await expressBearer(t, options),
    ours(options),
  ]
}

function jose({ issuer, audience, keeps }: Options): Verifier {
  const set = createRemoteJWKSet(new URL('/.well-known/jwks.json', issuer), {
    cacheMaxAge: keeps,
    cooldownDuration: Number.POSITIVE_INFINITY,
  })
  const rules = { issuer, audience: [...audience], typ: 'at+jwt', algorithms }
  return { name: 'jose', keeping: 'the set, cacheMaxAge', check: (token) => jwtVerify(token, set, rules) }
}

/** It caches keys one by one, and fetches any other key immediately: hence the cache in between. */
function jwksRsaWithJsonwebtoken({ issuer, audience, cache, keeps }: Options): Verifier {
  const client = jwksRsa({ jwksUri: `${cache}/.well-known/jwks.json`, cache: true, cacheMaxAge: keeps })
  const [first = '', ...others] = audience
  const rules = { issuer, audience: [first, ...others] as [string, ...string[]], algorithms }
  return {
    name: 'jsonwebtoken, jwks-rsa',
    keeping: 'keys, cacheMaxAge, behind a cache',
    check: (token) =>
      new Promise((resolve, reject) => {
        const key: jwt.GetPublicKeyOrSecret = ({ kid }, done) => {
          client.getSigningKey(kid).then((found) => done(null, found.getPublicKey()), done)
        }
        jwt.verify(token, key, rules, (error, claims) => (error ? reject(error) : resolve(claims)))
      }),
  }
}

/**
 * The same. When a key has expired from its cache and is no longer in the set, get-jwks 11 continues with the old copy for as long as the
 * key is requested: a revoked key would be trusted forever. Hence the `delete`. Its own `getPublicKey` takes milliseconds for each token.
 */
function fastJwtWithGetJwks({ issuer, audience, cache, keeps }: Options): Verifier {
  const jwks = buildGetJwks({ ttl: keeps })
  const check = createFastJwtVerifier({
    key: async ({ header: { kid = '', alg = '' } }: { header: Record<string, string> }) => {
      const found = jwks.getJwk({ domain: cache, kid, alg })
      jwks.staleCache.delete(jwks.generateCacheKey(alg, kid, `${cache}/`))
      return createPublicKey({ key: await found, format: 'jwk' }).export({ format: 'pem', type: 'spki' })
    },
    algorithms,
    allowedIss: issuer,
    allowedAud: [...audience],
    checkTyp: 'at+jwt',
  })
  return { name: 'fast-jwt, get-jwks', keeping: 'keys, ttl, behind a cache', check: async (token) => check(token) }
}

/**
 * openid-client checks access tokens with oauth4webapi, by the same author. Both cache a set for five minutes per server object, which
 * cannot be configured: so the object is replaced, as in functions that are restarted every few requests.
 */
function openidClient({ issuer, audience, keeps }: Options): Verifier {
  let server: oauth.AuthorizationServer | undefined
  let madeAt = 0
  const isFor = (token: string) => {
    const { aud } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { aud: string }
    return audience.find((one) => one === aud) ?? audience[0] ?? ''
  }
  return {
    name: 'openid-client (oauth4webapi)',
    keeping: 'the set, replaced',
    check: (token) => {
      if (!server || performance.now() - madeAt >= keeps) {
        server = { issuer, jwks_uri: `${issuer}/.well-known/jwks.json` }
        madeAt = performance.now()
      }
      const request = new Request('https://api.example/', { headers: { authorization: `Bearer ${token}` } })
      return oauth.validateJwtAccessToken(server, request, isFor(token), {
        [oauth.allowInsecureRequests]: true,
        signingAlgorithms: algorithms,
      })
    },
  }
}

async function expressBearer(t: Test, { issuer, audience, keeps }: Options): Promise<Verifier> {
  const app = express()
  const options = { cacheMaxAge: keeps, cooldownDuration: Number.POSITIVE_INFINITY, strict: true }
  app.use(auth({ issuer, jwksUri: `${issuer}/.well-known/jwks.json`, audience: [...audience], ...options }))
  app.get('/', (_request, response) => {
    response.status(204).end()
  })
  app.use(((error: Error & { status?: number }, _request, response, _next) => {
    response.status(error.status ?? 500).send(error.message)
  }) as express.ErrorRequestHandler)
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as { port: number }
  return {
    name: 'express-oauth2-jwt-bearer',
    keeping: 'the set, cacheMaxAge',
    check: async (token) => {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { authorization: `Bearer ${token}` } })
      const text = await answer.text()
      if (answer.status !== 204) throw new Error(`${answer.status} ${text}`)
    },
  }
}

/** It caches a set for at least ten seconds. Here time passes faster for it, so that its ten seconds end when the others' time does. */
function ours({ issuer, audience, keeps }: Options): Verifier {
  const clock = { wallTime: () => Date.now(), monotonicTime: () => (performance.now() * 10_000) / keeps }
  const verifier = createVerifier({ issuer, audience, cooldown: 3600, clock })
  return { name: 'signet-verify', keeping: 'the set, max-age', check: (token) => verifier.verify(token) }
}
