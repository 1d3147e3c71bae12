import type { FastifyReply, FastifyRequest } from 'fastify'
import { ErrorPage } from '../../html/error-page.tsx'
import { fillText, type PageContext } from '../../html/messages/messages.ts'
import { sendPage } from '../../html/send-page.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { parseParameters } from '../http/parameters.ts'
import { pageContextOf } from '../http/ui-locales.ts'
import type { ErrorName } from './error-registry.ts'
import { errorBody, OAuthError } from './oauth-error.ts'
import { noteRefusal } from './refusal.ts'

type Kind = (typeof forPeople)[number] | (typeof forDevelopers)[number]

const forPeople = ['expired', 'notFound', 'refused', 'closed', 'brokenLink', 'busy', 'server'] as const
/** Perhaps only a developer can do anything about these, so the page also shows the error itself. */
const forDevelopers = ['unknownClient', 'refusedClient', 'unreadableClient', 'request'] as const

/** Errors that users can run into although no program is at fault. Each kind has its own text, in the reader's language. */
const kinds: Partial<Record<ErrorName, Kind>> = {
  sign_in_expired: 'expired',
  address_unknown: 'notFound',
  method_not_allowed: 'notFound',
  form_from_elsewhere: 'refused',
  sign_up_closed: 'closed',
  continue_unreadable: 'brokenLink',
  overloaded: 'busy',
  client_unknown: 'unknownClient',
  client_document_host_refused: 'refusedClient',
  client_document_unavailable: 'unreadableClient',
}

/**
 * Sends an error page in the reader's language. Below the text is what a developer needs, in English: the request's id, the error, and a
 * link to its explanation.
 *
 * @param returnTo the link back to the application; without it the page links to the start page, so that no error page is a dead end
 */
export function sendRefusalPage(
  request: FastifyRequest,
  reply: FastifyReply,
  page: PageContext,
  error: OAuthError,
  returnTo?: ReturnTo,
): FastifyReply {
  return sendPage(reply, refusalPage(request.id, page, error, returnTo), error.status)
}

interface ReturnTo {
  readonly href: string
  readonly clientName: string
}

/** The page that `sendRefusalPage` sends. */
function refusalPage(requestId: string, page: PageContext, error: OAuthError, returnTo?: ReturnTo) {
  const { errors } = page.messages
  const kind = kinds[error.entry] ?? (error.status >= 500 ? 'server' : 'request')
  const texts = {
    expired: [errors.expiredTitle, errors.expired],
    notFound: [errors.notFoundTitle, errors.notFound],
    refused: [errors.refusedTitle, errors.refused],
    closed: [errors.closedTitle, errors.closed],
    brokenLink: [errors.brokenLinkTitle, errors.brokenLink],
    unknownClient: [errors.unknownClientTitle, errors.unknownClient],
    refusedClient: [errors.refusedClientTitle, errors.refusedClient],
    unreadableClient: [errors.unreadableClientTitle, errors.unreadableClient],
    request: [errors.requestTitle, errors.request],
    busy: [errors.busyTitle, errors.busy],
    server: [errors.serverTitle, errors.server],
  } as const
  const [title, description] = texts[kind]
  return ErrorPage({
    page,
    status: error.status,
    title,
    description,
    requestId,
    explanation: (forDevelopers as readonly Kind[]).includes(kind) ? error.message : undefined,
    code: kind === 'notFound' ? undefined : error.code,
    codeHref: `/errors?request_id=${requestId}#${error.entry}`,
    nextLink: returnTo
      ? { href: returnTo.href, label: fillText(errors.backTo, { client: returnTo.clientName }) }
      : { href: '/', label: errors.home },
  })
}

/** Sends an error where both browsers and programs may call: a browser gets a page, a program gets JSON. */
export function sendRefusal(
  issuer: string,
  request: FastifyRequest,
  reply: FastifyReply,
  error: OAuthError,
): FastifyReply {
  noteRefusal(request, error)
  if (request.headers.accept?.includes('text/html'))
    return sendRefusalPage(request, reply.headers(error.headers), pageContextOf(request), error)
  return sendRefusalJson(issuer, request, reply, error)
}

/** Sends an error to a program (RFC 6749 §5.2). */
export function sendRefusalJson(
  issuer: string,
  request: FastifyRequest,
  reply: FastifyReply,
  error: OAuthError,
): FastifyReply {
  return reply
    .status(error.status)
    .headers({ 'cache-control': 'no-store', ...error.headers })
    .send(errorBody(issuer, error, request.id))
}

/** Whether a URL, as in `request.url`, is an endpoint for programs, or below one. */
export type IsForPrograms = (url: string) => boolean

/** The decoded path of a URL. It may be absolute (RFC 9112 §3.2.2). The router has refused malformed escapes. */
export function requestedPath(url: string): string {
  const [path = ''] = url.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/)
  return decodeURIComponent(path)
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const

/** Responds to a request that matches no route, or to which its route has no answer: 405 if the path has routes, but only for other methods (RFC 9110 §15.5.6), otherwise 404. */
export function sendNotFound(
  app: App,
  issuer: string,
  isForPrograms: IsForPrograms,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const path = requestedPath(request.url)
  // If no route matches, Fastify parses the query with its own parser.
  request.query = parseParameters(request.url.split('?').slice(1).join('?'))
  // The last segment may be the value of a parameter. Fastify compares parameters by their position, whatever their names are.
  const addresses = [path, path.replace(/[^/]+$/, ':parameter')]
  const allowed: string[] = methods.filter((method) => addresses.some((url) => app.hasRoute({ method, url })))
  const error =
    allowed.length > 0 && !allowed.includes(request.method)
      ? new OAuthError('method_not_allowed', { param: allowed.join(' or '), headers: { allow: allowed.join(', ') } })
      : new OAuthError('address_unknown')
  if (!isForPrograms(request.url)) return sendRefusal(issuer, request, reply, error)
  noteRefusal(request, error)
  return sendRefusalJson(issuer, request, reply, error)
}
