import type { FastifyRequest } from 'fastify'
import type { Settings } from '../../platform/config/settings.ts'
import { isLoopbackHost } from '../../platform/network-address.ts'
import { digest, equalInConstantTime } from '../../platform/secrets/digest.ts'
import { bearerChallenge } from '../../protocol/bearer-challenge.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'

type ScrapeRequest = Pick<FastifyRequest, 'socket' | 'headers'>

/**
 * Makes the check of who may read the metrics. If the operator has set a token, requests must have it. Otherwise only this machine may read
 * them, and only if the issuer is on loopback.
 *
 * @returns a function that checks a request and returns the error; undefined if the request is allowed
 */
export function scrapeCheck({
  issuer,
  metricsToken,
}: Pick<Settings, 'issuer' | 'metricsToken'>): (request: ScrapeRequest) => OAuthError | undefined {
  if (metricsToken !== undefined) {
    const expected = digest(metricsToken)
    return ({ headers }) => tokenFault(headers, expected)
  }
  const issuerIsLocal = isLoopbackHost(new URL(issuer).hostname)
  return (request) => localRequestFault(request, issuerIsLocal)
}

/**
 * Checks that a request has the operator's token.
 *
 * @param expected the digest of the token
 * @returns the error; undefined if it has
 */
function tokenFault({ authorization }: ScrapeRequest['headers'], expected: Buffer): OAuthError | undefined {
  // RFC 9110 §11.1: the name of the scheme is case-insensitive.
  const presented = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (presented === undefined)
    return new OAuthError('access_token_missing', { headers: bearerChallenge(undefined, 'Signet metrics') })
  if (equalInConstantTime(digest(presented), expected)) return undefined
  return new OAuthError('access_token_refused', {
    param: 'metrics require the token from SIGNET_METRICS_TOKEN.',
    headers: bearerChallenge('invalid_token', 'Signet metrics'),
  })
}

/**
 * Checks that a request comes from this machine: the peer is on loopback, no header shows that a proxy forwarded it, and Host is a
 * loopback name (a web page whose domain was pointed at 127.0.0.1 sends its own domain as Host).
 *
 * The peer is that of the socket. The address from X-Forwarded-For (`SIGNET_TRUST_PROXY`) does not prove that a request is local.
 *
 * @param issuerIsLocal whether the issuer is on loopback. If it is not, a proxy on this machine may forward requests without adding headers
 * @returns the error, which is that of an unknown path; undefined if the request is local
 */
function localRequestFault({ socket, headers }: ScrapeRequest, issuerIsLocal: boolean): OAuthError | undefined {
  const peer = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  const host = `http://${headers.host}`
  const isAllowed =
    issuerIsLocal &&
    (peer === '::1' || /^127(\.\d{1,3}){3}$/.test(peer)) &&
    !Object.keys(headers).some((name) => /^(?:forwarded|via|x-real-ip|x-forwarded-.*)$/.test(name)) &&
    URL.canParse(host) &&
    isLoopbackHost(new URL(host).hostname)
  return isAllowed ? undefined : new OAuthError('address_unknown')
}
