import type { FastifyRequest } from 'fastify'
import type { Brand } from '../../html/brand.ts'
import { chooseMessages } from '../../html/messages/choose-messages.ts'
import type { PageContext } from '../../html/messages/messages.ts'
import { sentValue } from './parameters.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** How the installation presents itself on pages. */
    brand: Brand
  }
  interface FastifyRequest {
    /** The language in the profile of the signed-in person, a BCP 47 tag. Set when their session has been read. */
    profileLocale: string | undefined
  }
}

/**
 * What a page needs to know about the request and the installation. The language is the one that the application requested (`ui_locales`,
 * OpenID Connect Core §3.1.2.1), otherwise the one in the person's profile, otherwise the browser's.
 *
 * @param uiLocales BCP 47 tags separated by spaces, from the request that led the person here; default: the parameter `ui_locales` of this
 *   request
 */
export function pageContextOf(request: FastifyRequest, uiLocales = uiLocalesOf(request)): PageContext {
  const wanted = [uiLocales, request.profileLocale].filter((locales) => locales !== undefined)
  return { ...chooseMessages(wanted.join(' '), request.headers['accept-language']), brand: request.server.brand }
}

function uiLocalesOf(request: FastifyRequest): string | undefined {
  return sentParameter(request, 'ui_locales')
}

/** A parameter of the query or the form. Use it only for the language of a page: neither has been checked, and a form may not have been read. */
export function sentParameter({ query, body }: FastifyRequest, name: string): string | undefined {
  return sentValue(query, name) ?? sentValue(body, name)
}
