import type { FastifyReply, FastifyRequest } from 'fastify'
import { ErrorPage } from '../../html/error-page.tsx'
import { fillText, type PageContext } from '../../html/messages/messages.ts'
import { sendPage } from '../../html/send-page.ts'
import type { ErrorName } from './error-registry.ts'
import type { OAuthError } from './oauth-error.ts'

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
      onward: onward
        ? { href: onward.href, label: fillText(errors.backTo, { client: onward.clientName }) }
        : { href: '/', label: errors.home },
    }),
    error.status,
  )
}
