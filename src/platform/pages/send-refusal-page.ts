import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorName } from '../http/error-registry.ts'
import type { OAuthError } from '../http/oauth-error.ts'
import { ErrorPage } from './error-page.tsx'
import { chooseMessages } from './messages/choose-messages.ts'
import { fillText } from './messages/fill.ts'
import { renderPage } from './render-page.ts'

type Kind = 'expired' | 'notFound' | 'refused' | 'request' | 'server'

/** The errors that people meet who made no mistake in a program: they get words of their own, in their language. */
const kinds: Partial<Record<ErrorName, Kind>> = {
  sign_in_expired: 'expired',
  address_unknown: 'notFound',
  method_not_allowed: 'notFound',
  form_from_elsewhere: 'refused',
  sign_up_closed: 'refused',
  continue_unreadable: 'refused',
}

/**
 * Answers with an error page in the reader's language, with the request's id and a link to what a developer can mend.
 *
 * @param onward back to the application; the start page otherwise: no error page is a dead end
 */
export function sendRefusalPage(
  request: FastifyRequest,
  reply: FastifyReply,
  error: OAuthError,
  onward?: { readonly href: string; readonly clientName: string },
): FastifyReply {
  const page = chooseMessages(undefined, request.headers['accept-language'])
  const { errors } = page.messages
  const kind = error.status >= 500 ? 'server' : (kinds[error.entry] ?? 'request')
  const texts = {
    expired: [errors.expiredTitle, errors.expired],
    notFound: [errors.notFoundTitle, errors.notFound],
    refused: [errors.refusedTitle, errors.refused],
    // What a developer has to mend.
    request: [errors.requestTitle, error.message],
    server: [errors.serverTitle, errors.server],
  } as const
  const [title, description] = texts[kind]
  return reply
    .status(error.status)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(
      renderPage(
        ErrorPage({
          page,
          status: error.status,
          title,
          description,
          requestId: request.id,
          code: kind === 'notFound' ? undefined : error.code,
          codeHref: `/errors?request_id=${request.id}#${error.entry}`,
          onward: onward
            ? { href: onward.href, label: fillText(errors.backTo, { client: onward.clientName }) }
            : { href: '/', label: errors.home },
        }),
      ),
    )
}
