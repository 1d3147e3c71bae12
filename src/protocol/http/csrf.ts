import type { FastifyReply, FastifyRequest } from 'fastify'
import { browserOf, cookieNames, readCookie } from '../../platform/http/cookies.ts'
import { currentMac, isMacOf, type LiveSecrets, type PurposeSecret } from '../../platform/secrets/purpose-secrets.ts'
import { OAuthError } from '../errors/oauth-error.ts'
import { shortened } from '../errors/refusal.ts'
import { type Parameters, sentValue, typedValues } from './parameters.ts'

const macBytes = 32

/** The parts of Signet that the checks use. */
export interface CsrfContext {
  readonly settings: { readonly issuer: string }
  readonly secrets: LiveSecrets
}

/**
 * The CSRF token of a form on the page in this reply. It is tied to the browser's cookie, which is set if there is none yet. A form that was
 * made for one browser is not accepted from another.
 */
export function csrfToken({ settings, secrets }: CsrfContext, request: FastifyRequest, reply: FastifyReply): string {
  return currentMac(secrets.csrf, browserOf(request, reply, settings.issuer)).toString('base64url')
}

/**
 * Ties a form to the subject of its page, such as the person who was signed in. Another tab may have signed in somebody else since, so
 * a form from our own page can have been shown to another person.
 *
 * @param secret the secret for CSRF
 * @param subject starts with its kind, such as `consent:`, so that it never equals the cookie of a browser
 */
export function formSubjectProof(secret: PurposeSecret, subject: string): string {
  return currentMac(secret, subject).toString('base64url')
}

/** Whether the proof in a submitted form belongs to this subject. */
export function isFormAbout(secret: PurposeSecret, subject: string, presented: string | undefined): boolean {
  return isMacOf(secret, subject, Buffer.from(presented ?? '', 'base64url'))
}

/**
 * The values of a form that was submitted from one of our own pages. Browsers report where a POST comes from in headers that a page
 * cannot forge. The token decides only if a browser sends neither header (OWASP CSRF Prevention, "Verifying Origin", "Fetch
 * Metadata").
 *
 * @throws OAuthError if the form came from another site or cannot be read. If a value was sent twice, neither is chosen
 */
export async function csrfCheckedForm(
  context: CsrfContext,
  request: FastifyRequest<{ Body: Parameters }>,
): Promise<ReadonlyMap<string, string>> {
  await refuseForeignForm(context, request, sentValue(request.body, 'csrf'))
  return typedValues(request.body)
}

/**
 * The check of `csrfCheckedForm`, for a form that something else reads.
 *
 * @param presented the token that the form has
 * @throws OAuthError if the form came from another site
 */
export async function refuseForeignForm(
  context: CsrfContext,
  request: FastifyRequest,
  presented: string | undefined,
): Promise<void> {
  const reason = await foreignReason(context, request, presented)
  if (reason !== undefined) throw new OAuthError('form_from_elsewhere', { detail: reason })
}

/** Why a form is not from our own pages, for the operator; undefined if it is. */
async function foreignReason(
  { settings: { issuer }, secrets }: CsrfContext,
  request: FastifyRequest,
  presented: string | undefined,
): Promise<string | undefined> {
  const { origin, 'sec-fetch-site': fetchSite } = request.headers
  if (origin === issuer || fetchSite === 'same-origin') return undefined
  if (origin !== undefined) return `Origin: ${shortened(origin, 200)}, but the issuer is ${issuer}`
  if (fetchSite !== undefined) return `Sec-Fetch-Site: ${shortened(String(fetchSite), 40)}`
  const { browser: name } = cookieNames(issuer)
  const browser = readCookie(request, name)
  if (browser === undefined) return `cookie ${name}: missing or sent twice; neither Origin nor Sec-Fetch-Site was sent`
  if (presented === undefined) return 'csrf: missing; neither Origin nor Sec-Fetch-Site was sent'
  const token = Buffer.from(presented, 'base64url')
  if (isMacOf(secrets.csrf, browser, token)) return undefined
  if (token.length === macBytes) await secrets.reload()
  return isMacOf(secrets.csrf, browser, token) ? undefined : `csrf: does not match the cookie ${name}`
}
