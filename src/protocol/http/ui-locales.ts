import type { FastifyRequest } from 'fastify'
import { chooseMessages } from '../../html/messages/choose-messages.ts'
import type { PageContext } from '../../html/messages/messages.ts'
import { sentValue } from './parameters.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The language in the profile of the person who is signed in, a BCP 47 tag. Set once their session has been read. */
    profileLocale: string | undefined
  }
}

/**
 * The language of the page that answers a request: what the application asked for (`ui_locales`, OpenID Connect Core §3.1.2.1), else the
 * language in the person's profile, else the browser's.
 *
 * @param uiLocales BCP 47 tags separated by spaces, where the request that brought the person here is known; else the parameter
 *   `ui_locales` of this one
 */
export function pageContextOf(request: FastifyRequest, uiLocales = uiLocalesOf(request)): PageContext {
  const wanted = [uiLocales, request.profileLocale].filter((locales) => locales !== undefined)
  return chooseMessages(wanted.join(' '), request.headers['accept-language'])
}

function uiLocalesOf(request: FastifyRequest): string | undefined {
  return sentParameter(request, 'ui_locales')
}

/** A parameter of the query or the form, for the language of a page alone: neither has been checked, and a form may not have been read. */
export function sentParameter({ query, body }: FastifyRequest, name: string): string | undefined {
  return sentValue(query, name) ?? sentValue(body, name)
}
