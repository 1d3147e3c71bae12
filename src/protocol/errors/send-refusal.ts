import type { FastifyReply, FastifyRequest } from 'fastify'
import { ErrorPage } from '../../html/error-page.tsx'
import { fillText, type PageContext } from '../../html/messages/messages.ts'
import { sendPage } from '../../html/send-page.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { parseParameters } from '../http/parameters.ts'
import { pageContextOf } from '../http/ui-locales.ts'
import type { ErrorName } from './error-registry.ts'
import { errorAnswer, OAuthError } from './oauth-error.ts'
import { noteRefusal } from './refusal.ts'

type Kind = 'expired' | 'notFound' | 'refused' | 'closed' | 'brokenLink' | 'request' | 'server'

/** Errors that people run into without a fault in any program. Each kind has its own words, in the reader's language. */
const kinds: Partial<Record<ErrorName, Kind>> = {
  sign_in_expired: 'expired',
  address_unknown: 'notFound',
  method_not_allowed: 'notFound',
  form_from_elsewhere: 'refused',
  sign_up_closed: 'closed',
  continue_unreadable: 'brokenLink',
}

/**
 * Answers with an error page in the reader's language. What a developer needs stands below, in English: the request's id, the error, and a
 * link to its explanation.
 *
 * @param onward back to the application; otherwise the page leads to the start page, so that no error page is a dead end
 */
export function sendRefusalPage(
  request: FastifyRequest,
  reply: FastifyReply,
  page: PageContext,
  error: OAuthError,
  onward?: { readonly href: string; readonly clientName: string },
): FastifyReply {
  const { errors } = page.messages
  const kind = error.status >= 500 ? 'server' : (kinds[error.entry] ?? 'request')
  const texts = {
    expired: [errors.expiredTitle, errors.expired],
    notFound: [errors.notFoundTitle, errors.notFound],
    refused: [errors.refusedTitle, errors.refused],
    closed: [errors.closedTitle, errors.closed],
    brokenLink: [errors.brokenLinkTitle, errors.brokenLink],
    request: [errors.requestTitle, errors.request],
    server: [errors.serverTitle, errors.server],
  } as const
  const [title, description] = texts[kind]
  return sendPage(
    reply,
    ErrorPage({
      page,
      status: error.status,
      title,
      description,
      requestId: request.id,
      // Where nobody but a developer can do anything, the error itself is told as well.
      explanation: kind === 'request' ? error.message : undefined,
      code: kind === 'notFound' ? undefined : error.code,
      codeHref: `/errors?request_id=${request.id}#${error.entry}`,
      nextLink: onward
        ? { href: onward.href, label: fillText(errors.backTo, { client: onward.clientName }) }
        : { href: '/', label: errors.home },
    }),
    error.status,
  )
}

/** Refuses where people and programs come by: a browser is shown a page, a program gets JSON. */
export function sendRefusal(
  issuer: string,
  request: FastifyRequest,
  reply: FastifyReply,
  error: OAuthError,
): FastifyReply {
  noteRefusal(request, error)
  reply.headers(error.headers)
  if (request.headers.accept?.includes('text/html'))
    return sendRefusalPage(request, reply, pageContextOf(request), error)
  return reply
    .status(error.status)
    .header('cache-control', 'no-store')
    .send(errorAnswer(issuer, error, request.id))
}

const methods = ['GET', 'HEAD', 'POST'] as const

/**
 * Answers what no route takes: a path that other methods are for (RFC 9110 §15.5.6), or none at all.
 */
export function sendNotFound(app: App, issuer: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = '', ...query] = request.url.split('?')
  // Fastify parses the query with a parser of its own if no route matches.
  request.query = parseParameters(query.join('?'))
  const allowed = methods.filter((method) => app.hasRoute({ method, url: path }))
  const error =
    allowed.length > 0
      ? new OAuthError('method_not_allowed', { about: allowed.join(' and '), headers: { allow: allowed.join(', ') } })
      : new OAuthError('address_unknown')
  return sendRefusal(issuer, request, reply, error)
}
