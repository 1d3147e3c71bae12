import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { randomText } from '../secrets/digest.ts'

/** The session cookie, and the one that tells browsers apart. */
export interface CookieNames {
  readonly session: string
  readonly browser: string
}

/**
 * The `__Host-` prefix (RFC 6265bis §4.1.3.2) makes browsers refuse these cookies from a neighbouring host or over plain http.
 * It needs Secure, so a plain-http loopback issuer goes without.
 *
 * A browser sends a cookie to every port of its host (RFC 6265 §8.5). A port of the issuer's own is therefore part of the name: two
 * installations on one host would otherwise sign people out of each other.
 */
export function cookieNames(issuer: string): CookieNames {
  const { protocol, port } = new URL(issuer)
  const prefix = protocol === 'https:' ? '__Host-' : ''
  const suffix = port === '' ? '' : `_${port}`
  return { session: `${prefix}signet_session${suffix}`, browser: `${prefix}signet_browser${suffix}` }
}

/** The attributes all our cookies share. Lax: sent when another site links here, not when it posts or embeds. */
export function cookieAttributes(issuer: string): CookieSerializeOptions {
  return { path: '/', httpOnly: true, sameSite: 'lax', secure: issuer.startsWith('https:') }
}

const yearInSeconds = 365 * 86_400

/**
 * The value that tells this browser from others, made and set where it has none yet. It signs nobody in: forms are tied to
 * it, and a browser that has signed in before has its own allowance of failures.
 */
export function browserOf(request: FastifyRequest, reply: FastifyReply, issuer: string): string {
  const name = cookieNames(issuer).browser
  const present = readCookie(request, name)
  if (present) return present
  const value = randomText(32)
  reply.setCookie(name, value, { ...cookieAttributes(issuer), maxAge: yearInSeconds })
  return value
}

/**
 * A cookie of ours, if it has the form we give them; anything else is taken as absent. So are two of one name: one of them was
 * planted by a neighbour (cookie tossing), and nothing tells which (RFC 6265 §8.6).
 */
export function readCookie(request: FastifyRequest, name: string): string | undefined {
  const value = request.cookies[name]
  const sent = (request.headers.cookie ?? '').split(';').filter((pair) => pair.trimStart().startsWith(`${name}=`))
  if (sent.length > 1) return undefined
  return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined
}
