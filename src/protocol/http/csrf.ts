import type { FastifyReply, FastifyRequest } from 'fastify'
import { browserOf, cookieNames, readCookie } from '../../platform/http/cookies.ts'
import { currentMac, isMacOf, type LiveSecrets, type PurposeSecret } from '../../platform/secrets/purpose-secrets.ts'
import { OAuthError } from '../errors/oauth-error.ts'
import { shortened } from '../errors/refusal.ts'
import { type Parameters, sentValue, typedValues } from './parameters.ts'

const macBytes = 32

/** What the checks need of Signet. */
interface Terms {
  readonly settings: { readonly issuer: string }
  readonly secrets: LiveSecrets
}

/**
 * The CSRF token of a form on the page that this reply carries. It is tied to the browser's cookie, which is set where there is none yet:
 * a form that was made for one browser is no use in another.
 */
export function csrfToken({ settings, secrets }: Terms, request: FastifyRequest, reply: FastifyReply): string {
  return currentMac(secrets.csrf, browserOf(request, reply, settings.issuer)).toString('base64url')
}

/**
 * Ties a form to what its page was about, such as the person who was signed in. Another tab may have signed in somebody else meanwhile, so
 * a form from our own page can be about somebody else.
 *
 * @param secret the one for CSRF
 * @param subject begins with its kind, such as `consent:`, so that it is never the cookie of a browser
 */
export function formSubjectProof(secret: PurposeSecret, subject: string): string {
  return currentMac(secret, subject).toString('base64url')
}

/** Whether a form that was posted is about this subject. */
export function isFormAbout(secret: PurposeSecret, subject: string, presented: string | undefined): boolean {
  return isMacOf(secret, subject, Buffer.from(presented ?? '', 'base64url'))
}

/**
 * The values of a form that was posted from one of our own pages. Browsers say where a POST comes from, in headers that a page
 * cannot forge; only where a browser says nothing does the token decide (OWASP CSRF Prevention, "Verifying Origin", "Fetch
 * Metadata").
 *
 * @throws OAuthError where it came from elsewhere, or cannot be read: which of two values is meant is not guessed
 */
export async function csrfCheckedForm(
  terms: Terms,
  request: FastifyRequest<{ Body: Parameters }>,
): Promise<ReadonlyMap<string, string>> {
  const stranger = await whyForeign(terms, request, sentValue(request.body, 'csrf'))
  if (stranger !== undefined) throw new OAuthError('form_from_elsewhere', { detail: stranger })
  return typedValues(request.body)
}

/** Undefined for a form of our own; else what tells it, for the operator. */
async function whyForeign(
  { settings: { issuer }, secrets }: Terms,
  request: FastifyRequest<{ Body: Parameters }>,
  presented: string | undefined,
): Promise<string | undefined> {
  const { origin, 'sec-fetch-site': fetchSite } = request.headers
  if (origin === issuer || fetchSite === 'same-origin') return undefined
  if (origin !== undefined) return `Origin: ${shortened(origin, 200)}, where the issuer is ${issuer}`
  if (fetchSite !== undefined) return `Sec-Fetch-Site: ${shortened(String(fetchSite), 40)}`
  const { browser: name } = cookieNames(issuer)
  const browser = readCookie(request, name)
  if (browser === undefined)
    return `cookie ${name}: did not come, or came twice; neither Origin nor Sec-Fetch-Site came`
  if (presented === undefined) return 'csrf: is missing, and neither Origin nor Sec-Fetch-Site came'
  const token = Buffer.from(presented, 'base64url')
  if (isMacOf(secrets.csrf, browser, token)) return undefined
  if (token.length === macBytes) await secrets.reload()
  return isMacOf(secrets.csrf, browser, token) ? undefined : `csrf: does not belong to the cookie ${name}`
}
