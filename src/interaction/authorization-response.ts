import type { FastifyReply } from 'fastify'
import type { PageContext } from '../html/messages/messages.ts'
import { sendPage } from '../html/send-page.ts'
import { withoutParameters, withParameters } from '../platform/http/uri-query.ts'
import { errorUri, OAuthError } from '../protocol/errors/oauth-error.ts'
import type { VerifiedTarget } from './authorization-target.ts'
import { FormPostPage } from './form-post-page.tsx'

/** What goes back to the client: a code, or an error with the request on which it came up (RFC 6749 §4.1.2, §4.1.2.1). */
export type Outcome = { readonly code: string } | { readonly error: OAuthError; readonly requestId: string | undefined }

/** The parameters of a response, with `state` as it came and `iss` (RFC 9207 §2), which tells the client who answers. */
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
  parameters.push(['iss', issuer])
  return parameters
}

/** The address of a response by redirect. The registered URI's own query stays as it is (RFC 6749 §3.1.2), but for what the response has. */
export function responseUrl(target: VerifiedTarget, issuer: string, outcome: Outcome): string {
  const parameters = responseParameters(target, issuer, outcome)
  if (target.responseMode !== 'fragment') return withParameters(target.redirectUri, parameters)
  return `${addressFor(target, parameters)}#${new URLSearchParams(parameters)}`
}

/**
 * The redirect URI without what the response brings. Such a query cannot be registered any more; where one was, the client must not
 * see two values, whichever of query, fragment and form it reads.
 */
function addressFor({ redirectUri }: VerifiedTarget, parameters: readonly [string, string][]): string {
  return withoutParameters(
    redirectUri,
    parameters.map(([name]) => name),
  )
}

/** Answers at the redirect URI, in the mode that was asked for (OAuth 2.0 Form Post Response Mode §2). */
export function sendResponse(
  reply: FastifyReply,
  target: VerifiedTarget,
  issuer: string,
  outcome: Outcome,
  page: PageContext,
): FastifyReply {
  if (target.responseMode !== 'form_post')
    return reply.header('cache-control', 'no-store').redirect(responseUrl(target, issuer, outcome), 303)
  const parameters = responseParameters(target, issuer, outcome)
  return sendPage(reply, FormPostPage({ page, action: addressFor(target, parameters), parameters }))
}

/** How the person leaves without signing in: back to the application, which is told so (RFC 6749 §4.1.2.1). */
export function cancelHref(target: VerifiedTarget, issuer: string): string | undefined {
  if (target.responseMode === 'form_post') return undefined
  return responseUrl(target, issuer, { error: new OAuthError('sign_in_cancelled'), requestId: undefined })
}
