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
  const isFrontChannel = asksForTokens(parameters)
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
 * Whether a request asks for tokens from the authorization endpoint, in whatever condition its `response_type` is. A client that does so expects even
 * the error that this is not supported in the fragment, and `query` is not allowed (OAuth 2.0 Multiple Response Type Encoding Practices §3, §5; OpenID
 * Connect Core §3.2.2.6, §3.3.2.6).
 */
export function asksForTokens(parameters: Parameters): boolean {
  const words = sentValue(parameters, 'response_type')?.split(' ') ?? []
  return words.includes('token') || words.includes('id_token')
}
