import type { FastifyRequest } from 'fastify'
import { equalInConstantTime } from '../secrets/digest.ts'
import { mac, newestMac, type PurposeSecret } from '../secrets/purposes.ts'
import { cookieNames, readCookie } from './cookies.ts'

/** The token a form carries: tied to the browser's cookie, so that a form made for one browser is no use in another. */
export function csrfToken(secret: PurposeSecret, browser: string): string {
  return newestMac(secret, browser).toString('base64url')
}

/**
 * Whether a form was posted from one of our own pages. Browsers say where a POST comes from, in headers that a page cannot
 * forge; only where a browser says nothing does the token decide (OWASP CSRF Prevention, "Verifying Origin", "Fetch Metadata").
 *
 * @param presented the form's `csrf` value
 */
export function isOwnForm(request: FastifyRequest, issuer: string, secret: PurposeSecret, presented: unknown): boolean {
  const { origin, 'sec-fetch-site': fetchSite } = request.headers
  if (origin === issuer || fetchSite === 'same-origin') return true
  if (origin !== undefined || fetchSite !== undefined) return false
  const browser = readCookie(request, cookieNames(issuer).browser)
  if (browser === undefined || typeof presented !== 'string') return false
  const token = Buffer.from(presented, 'base64url')
  return [...secret.versions.keys()].some((version) => {
    const expected = mac(secret, version, browser)
    return expected !== undefined && equalInConstantTime(expected, token)
  })
}
