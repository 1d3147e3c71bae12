import type { FastifyReply } from 'fastify'
import type { PageContext } from '../html/messages/messages.ts'
import { sendPage } from '../html/send-page.ts'
import { withoutParameters, withParameters } from '../platform/http/uri-query.ts'
import { errorUri, OAuthError } from '../protocol/errors/oauth-error.ts'
import type { VerifiedTarget } from './authorization-target.ts'
import { FormPostPage } from './form-post-page.tsx'

/** What the client receives: a code, or an error with the id of the request in which it occurred (RFC 6749 §4.1.2, §4.1.2.1). */
export type Outcome = (
  | { readonly code: string }
  | { readonly error: OAuthError; readonly requestId: string | undefined }
) & {
  /** The parameter `session_state` (OpenID Connect Session Management §2). */
  readonly sessionState?: string | undefined
}

/** The parameters of a response, with `state` unchanged and `iss` (RFC 9207 §2), which identifies the issuer to the client. */
function responseParameters(target: VerifiedTarget, issuer: string, outcome: Outcome): [string, string][] {
  const parameters: [string, string][] =
    'code' in outcome
      ? [['code', outcome.code]]
      : [
          ['error', outcome.error.code],
          ['error_description', outcome.error.message],
          ['error_uri', errorUri(issuer, outcome.error.entry, outcome.requestId)],
        ]
  if (target.state !== undefined) parameters.push(['state', target.state])
  if (outcome.sessionState !== undefined) parameters.push(['session_state', outcome.sessionState])
  parameters.push(['iss', issuer])
  return parameters
}

/** The address of a response by redirect. The registered URI keeps its own query (RFC 6749 §3.1.2), except parameters that the response sets. */
export function responseUrl(target: VerifiedTarget, issuer: string, outcome: Outcome): string {
  const parameters = responseParameters(target, issuer, outcome)
  if (target.responseMode !== 'fragment') return withParameters(target.redirectUri, parameters)
  return `${addressFor(target, parameters)}#${new URLSearchParams(parameters)}`
}

/**
 * The redirect URI without the parameters that the response sets. Such a query can no longer be registered. For older registrations,
 * the client must not see two values, whether it reads the query, the fragment or the form.
 */
function addressFor({ redirectUri }: VerifiedTarget, parameters: readonly [string, string][]): string {
  return withoutParameters(
    redirectUri,
    parameters.map(([name]) => name),
  )
}

/**
 * Sends the response to the redirect URI, in the requested mode (OAuth 2.0 Form Post Response Mode §2).
 *
 * A form that leads to our own origin is never sent. It would be from one of our own pages, as the CSRF checks of our forms see it, and submit itself: a link with
 * `prompt=none` could sign people out, for example.
 */
export function sendResponse(
  reply: FastifyReply,
  target: VerifiedTarget,
  issuer: string,
  outcome: Outcome,
  page: PageContext,
): FastifyReply {
  if (target.responseMode !== 'form_post' || new URL(target.redirectUri).origin === issuer)
    return reply.header('cache-control', 'no-store').redirect(responseUrl(target, issuer, outcome), 303)
  const parameters = responseParameters(target, issuer, outcome)
  return sendPage(reply, FormPostPage({ page, action: addressFor(target, parameters), parameters }))
}

/**
 * The link to leave without signing in: back to the application, with an error (RFC 6749 §4.1.2.1). Undefined for form_post.
 *
 * @param error `acr_not_reached` if the person is signed in, but not as strongly as the application wants
 */
export function cancelHref(
  target: VerifiedTarget,
  issuer: string,
  error: 'sign_in_cancelled' | 'acr_not_reached' = 'sign_in_cancelled',
): string | undefined {
  if (target.responseMode === 'form_post') return undefined
  return responseUrl(target, issuer, { error: new OAuthError(error), requestId: undefined })
}
