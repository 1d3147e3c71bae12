import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { randomText } from '../secrets/digest.ts'

/**
 * The names of the session cookie, of the browser cookie, which identifies a browser, of the cookie of a sign-in that lacks the second factor, and of the
 * state cookie, by which applications notice that somebody has signed in or out (OpenID Connect Session Management §3.2).
 */
export interface CookieNames {
  readonly session: string
  readonly browser: string
  readonly signIn: string
  readonly state: string
}

/**
 * The names of the cookies. The `__Host-` prefix (RFC 6265bis §4.1.3.2) makes browsers refuse these cookies from a sibling domain or over
 * plain http. It requires Secure, so it is omitted for an http loopback issuer.
 *
 * A browser sends a cookie to every port of its host (RFC 6265 §8.5). A non-default port of the issuer is therefore part of the name:
 * otherwise two installations on one host would sign people out of each other.
 */
export function cookieNames(issuer: string): CookieNames {
  const { protocol, port } = new URL(issuer)
  const prefix = protocol === 'https:' ? '__Host-' : ''
  const suffix = port === '' ? '' : `_${port}`
  return {
    session: `${prefix}signet_session${suffix}`,
    browser: `${prefix}signet_browser${suffix}`,
    signIn: `${prefix}signet_sign_in${suffix}`,
    state: `${prefix}signet_state${suffix}`,
  }
}

/** The attributes of all our cookies but one. Lax: sent when another site links here, not when it posts or embeds. */
export function cookieAttributes(issuer: string): CookieSerializeOptions {
  return { path: '/', httpOnly: true, sameSite: 'lax', secure: issuer.startsWith('https:') }
}

/**
 * The attributes of the state cookie, which the script of a page that applications embed has to read. Browsers withhold Lax cookies from such a page. Over plain
 * http on loopback there is no other way (`SameSite=None` requires Secure): there, the application must be on the same host.
 */
export function stateCookieAttributes(issuer: string): CookieSerializeOptions {
  const secure = issuer.startsWith('https:')
  return { path: '/', httpOnly: false, sameSite: secure ? 'none' : 'lax', secure }
}

const yearInSeconds = 365 * 86_400

/**
 * The value of the browser cookie; sets a new one if the browser has none. It does not sign anybody in: forms are bound to it, and a browser
 * that has signed in before has its own limit of failed attempts.
 */
export function browserOf(request: FastifyRequest, reply: FastifyReply, issuer: string): string {
  const name = cookieNames(issuer).browser
  const present = readCookie(request, name) ?? newBrowsers.get(request)
  if (present) return present
  const value = randomText(32)
  newBrowsers.set(request, value)
  reply.setCookie(name, value, { ...cookieAttributes(issuer), maxAge: yearInSeconds })
  return value
}

/** The values of requests that came without one: everything on a page must be bound to the same cookie. */
const newBrowsers = new WeakMap<FastifyRequest, string>()

/**
 * Reads one of our cookies. A value that is not in our format counts as absent. So do two cookies of the same name: one of them was set by
 * a sibling domain (cookie tossing), and there is no way to know which (RFC 6265 §8.6).
 */
export function readCookie(request: FastifyRequest, name: string): string | undefined {
  const value = request.cookies[name]
  if (value === undefined || !/^[A-Za-z0-9_-]{43}$/.test(value)) return undefined
  const header = request.headers.cookie ?? ''
  // Seldom: another cookie may end with the name, or a value may contain it.
  const isOnce = header.indexOf(`${name}=`) === header.lastIndexOf(`${name}=`)
  if (isOnce) return value
  const sent = header.split(';').filter((pair) => pair.trimStart().startsWith(`${name}=`))
  return sent.length > 1 ? undefined : value
}
