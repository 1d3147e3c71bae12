import type { FastifyRequest } from 'fastify'
import type { Settings } from '../../platform/config/settings.ts'
import { isLoopbackHost } from '../../platform/network-address.ts'
import { digest, equalInConstantTime } from '../../platform/secrets/digest.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'

type ScrapeRequest = Pick<FastifyRequest, 'socket' | 'headers'>

/**
 * Who may read the metrics: whoever bears the operator's token, if there is one; otherwise this machine, if the issuer is on loopback.
 *
 * @returns a check of a request, which returns the refusal; undefined where the request is allowed
 */
export function scrapeCheck({
  issuer,
  metricsToken,
}: Pick<Settings, 'issuer' | 'metricsToken'>): (request: ScrapeRequest) => OAuthError | undefined {
  if (metricsToken !== undefined) {
    const expected = digest(metricsToken)
    return ({ headers }) => tokenFault(headers, expected)
  }
  const isLocal = isLoopbackHost(new URL(issuer).hostname)
  return (request) => nearnessFault(request, isLocal)
}

/**
 * Whether a request shows the operator's token.
 *
 * @param expected the digest of the token
 * @returns the refusal; undefined where it does
 */
function tokenFault({ authorization }: ScrapeRequest['headers'], expected: Buffer): OAuthError | undefined {
  // RFC 9110 §11.1: the scheme is known by its name without regard to case.
  const presented = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  // RFC 6750 §3.1: who has sent no credentials is told how to, and no error.
  if (presented === undefined)
    return new OAuthError('access_token_missing', { headers: { 'www-authenticate': 'Bearer realm="Signet metrics"' } })
  if (equalInConstantTime(digest(presented), expected)) return undefined
  return new OAuthError('access_token_refused', {
    param: 'metrics require the token from SIGNET_METRICS_TOKEN.',
    headers: { 'www-authenticate': 'Bearer realm="Signet metrics", error="invalid_token"' },
  })
}

/**
 * Whether a request comes from this very machine: the peer is on loopback, no proxy has said that it passes on somebody else's, and
 * it was addressed to loopback (a web page whose name was pointed at 127.0.0.1 sends its own name as Host).
 *
 * The peer is the socket's: what `SIGNET_TRUST_PROXY` makes of X-Forwarded-For is no proof of nearness.
 *
 * @param isLocal whether the issuer itself is on loopback: where it is not, a forwarder that says nothing of itself may stand on this machine
 * @returns the refusal, which is that of an address where nothing is; undefined where it does
 */
function nearnessFault({ socket, headers }: ScrapeRequest, isLocal: boolean): OAuthError | undefined {
  const peer = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  const host = `http://${headers.host}`
  const isNear =
    isLocal &&
    (peer === '::1' || /^127(\.\d{1,3}){3}$/.test(peer)) &&
    !Object.keys(headers).some((name) => /^(?:forwarded|via|x-real-ip|x-forwarded-.*)$/.test(name)) &&
    URL.canParse(host) &&
    isLoopbackHost(new URL(host).hostname)
  return isNear ? undefined : new OAuthError('address_unknown')
}
