import { type Parameters, sentValue } from '../protocol/http/parameters.ts'
import { type ResponseMode, responseModes } from '../protocol/oidc-values.ts'

/**
 * The response mode of a request: the one it names, otherwise the default of its response type. A mode that cannot be used is ignored;
 * the request is then refused, and the error is sent in the default mode.
 *
 * @param parameters of the request; faults in them are ignored, because the error has to be sent somewhere
 */
export function responseModeFor(parameters: Parameters, redirectUri: string): ResponseMode {
  const sent = (name: string) => sentValue(parameters, name)
  const isFrontChannel = givesTokens(sent('response_type'))
  const named = readResponseMode(sent('response_mode'), redirectUri)
  if (named === undefined || (named === 'query' && isFrontChannel)) return isFrontChannel ? 'fragment' : 'query'
  return named
}

/** Undefined if there is none, or one that is not supported. Browsers cannot post a form to a private-use URI scheme. */
export function readResponseMode(text: string | undefined, redirectUri: string): ResponseMode | undefined {
  const mode = responseModes.find((known) => known === text)
  return mode === 'form_post' && !/^https?:/.test(redirectUri) ? undefined : mode
}

/**
 * Whether a response type returns tokens from the authorization endpoint. None of these is supported, but a client that asks for one
 * expects errors in the fragment, and `query` is not allowed (OAuth 2.0 Multiple Response Type Encoding Practices §3, §5; OpenID
 * Connect Core §3.2.2.6, §3.3.2.6).
 */
function givesTokens(responseType: string | undefined): boolean {
  const words = responseType?.split(' ') ?? []
  return words.includes('token') || words.includes('id_token')
}
