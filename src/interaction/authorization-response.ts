import type { FastifyReply } from 'fastify'
import type { PageContext } from '../html/messages/messages.ts'
import { sendPage } from '../html/send-page.ts'
import { maxAddressLength, withoutParameters, withParameters } from '../platform/http/uri-query.ts'
import { errorUri, OAuthError } from '../protocol/errors/oauth-error.ts'
import { noteRefusal } from '../protocol/errors/refusal.ts'
import type { FrontChannelTokens } from '../tokens/front-channel-tokens.ts'
import type { VerifiedTarget } from './authorization-target.ts'
import { FormPostPage } from './form-post-page.tsx'

/** What the response type of a request returns (RFC 6749 §4.1.2, OpenID Connect Core §3.2.2.5, §3.3.2.5). */
export interface Issued extends FrontChannelTokens {
  readonly code?: string | undefined
}

/** What the client receives: what was issued, or an error with the id of the request in which it occurred (RFC 6749 §4.1.2.1, §4.2.2.1). */
export type Outcome = (
  | { readonly issued: Issued }
  | { readonly error: OAuthError; readonly requestId: string | undefined }
) & {
  /** The parameter `session_state` (OpenID Connect Session Management §2). */
  readonly sessionState?: string | undefined
}

/** The parameters of a response, with `state` unchanged and `iss` (RFC 9207 §2), which identifies the issuer to the client. */
function responseParameters(target: VerifiedTarget, issuer: string, outcome: Outcome): [string, string][] {
  const parameters: [string, string][] =
    'issued' in outcome
      ? issuedParameters(outcome.issued)
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

/** RFC 6749 §4.2.2: `scope`, because the token may be for fewer scopes than the request asked for. Never a refresh token. */
function issuedParameters({ code, idToken, access }: Issued): [string, string][] {
  return [
    ...(code === undefined ? [] : [['code', code] as [string, string]]),
    ...(idToken === undefined ? [] : [['id_token', idToken] as [string, string]]),
    ...(access === undefined
      ? []
      : ([
          ['access_token', access.token],
          ['token_type', 'Bearer'],
          ['expires_in', String(access.expiresIn)],
          ['scope', access.scopes.join(' ')],
        ] as [string, string][])),
  ]
}

/**
 * The address of a response by redirect. The registered URI keeps its own query (RFC 6749 §3.1.2), except parameters that the response sets. If the
 * response should have been a form, it is in the fragment if it can contain tokens.
 */
export function responseUrl(target: VerifiedTarget, issuer: string, outcome: Outcome): string {
  const parameters = responseParameters(target, issuer, outcome)
  const inFragment = target.responseMode === 'fragment' || target.isFrontChannel
  if (!inFragment) return withParameters(target.redirectUri, parameters)
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
 *
 * Tokens that do not fit into the headers of a redirect are not sent: a proxy would drop the response, and nobody could tell why.
 *
 * @param page called only if the response is a form
 */
export function sendResponse(
  reply: FastifyReply,
  target: VerifiedTarget,
  issuer: string,
  outcome: Outcome,
  page: () => PageContext,
): FastifyReply {
  if (target.responseMode !== 'form_post' || new URL(target.redirectUri).origin === issuer) {
    const url = responseUrl(target, issuer, outcome)
    if ('issued' in outcome && url.length > maxAddressLength) {
      const error = new OAuthError('response_too_long', { detail: `the response has ${url.length} characters` })
      noteRefusal(reply.request, error)
      const { sessionState } = outcome
      return sendResponse(reply, target, issuer, { error, requestId: reply.request.id, sessionState }, page)
    }
    return reply.header('cache-control', 'no-store').redirect(url, 303)
  }
  const parameters = responseParameters(target, issuer, outcome)
  return sendPage(reply, FormPostPage({ page: page(), action: addressFor(target, parameters), parameters }))
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
