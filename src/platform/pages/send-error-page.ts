import type { FastifyReply, FastifyRequest } from 'fastify'
import { ErrorPage } from './error-page.tsx'
import { chooseMessages } from './messages/choose-messages.ts'
import { fillText } from './messages/fill.ts'
import { renderPage } from './render-page.ts'

export type ErrorPageKind = 'expired' | 'notFound' | 'refused' | 'request' | 'server'

interface Details {
  /** In place of the kind's own words: what a developer has to mend. */
  readonly description?: string | undefined
  /** The RFC's error code. */
  readonly code?: string | undefined
  /** Back to the application; the start page otherwise: no error page is a dead end. */
  readonly onward?: { readonly href: string; readonly clientName: string } | undefined
}

/** Answers with an error page in the reader's language, with the request's id on it. */
export function sendErrorPage(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  kind: ErrorPageKind,
  details: Details = {},
): FastifyReply {
  const page = chooseMessages(undefined, request.headers['accept-language'])
  const { errors } = page.messages
  const texts = {
    expired: [errors.expiredTitle, errors.expired],
    notFound: [errors.notFoundTitle, errors.notFound],
    refused: [errors.refusedTitle, errors.refused],
    request: [errors.requestTitle, errors.request],
    server: [errors.serverTitle, errors.server],
  } as const
  const [title, description] = texts[kind]
  const { onward } = details
  return reply
    .status(status)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(
      renderPage(
        ErrorPage({
          page,
          status,
          title,
          description: details.description ?? description,
          requestId: request.id,
          code: details.code,
          onward: onward
            ? { href: onward.href, label: fillText(errors.backTo, { client: onward.clientName }) }
            : { href: '/', label: errors.home },
        }),
      ),
    )
}
