import { parseJsonObject } from '#verify/strict-json'
import { type Parameters, sentValue } from '../protocol/http/parameters.ts'
import { type ResponseMode, responseModes } from '../protocol/oidc-values.ts'

/**
 * How a request is answered: in the mode that it names, else in the default of its response type. A mode that cannot be used counts as
 * not named; the request is then refused, and the refusal goes by the default.
 *
 * @param parameters of the request. Their faults do not matter: a refusal has to go somewhere
 */
export function responseModeFor(parameters: Parameters, redirectUri: string): ResponseMode {
  const sent = (name: string) => sentValue(parameters, name)
  const isFrontChannel = givesTokens(sent('response_type'))
  const named = readResponseMode(sent('response_mode') ?? modeInRequestObject(sent('request')), redirectUri)
  if (named === undefined || (named === 'query' && isFrontChannel)) return isFrontChannel ? 'fragment' : 'query'
  return named
}

/** Undefined where there is none, or one that is not offered. No browser can post a form to an app's own URI scheme. */
export function readResponseMode(text: string | undefined, redirectUri: string): ResponseMode | undefined {
  const mode = responseModes.find((known) => known === text)
  return mode === 'form_post' && !/^https?:/.test(redirectUri) ? undefined : mode
}

/**
 * Whether a response type returns tokens from the authorization endpoint. None of these is offered, but a client that asks for one looks for
 * its errors in the fragment, and `query` is not allowed (OAuth 2.0 Multiple Response Type Encoding Practices §3, §5; OpenID
 * Connect Core §3.2.2.6, §3.3.2.6).
 */
function givesTokens(responseType: string | undefined): boolean {
  const words = responseType?.split(' ') ?? []
  return words.includes('token') || words.includes('id_token')
}

/** Characters. A request that is longer in all is refused. */
const longestObject = 16_384

/**
 * The `response_mode` in a request object (OpenID Connect Core §6.1). Request objects are not supported, and this one is verified by
 * nobody. But the client that sent it waits for the refusal in the mode that it names there, and a mode decides nothing else: where
 * the answer goes comes from the query and the registration alone.
 */
function modeInRequestObject(object: string | undefined): string | undefined {
  if (object === undefined || object.length > longestObject) return undefined
  const [, payload, ...others] = object.split('.', 4)
  // RFC 7515 §7.1: three parts. One of five is encrypted.
  if (payload === undefined || others.length !== 1) return undefined
  try {
    const mode = parseJsonObject(Buffer.from(payload, 'base64url'))['response_mode']
    return typeof mode === 'string' ? mode : undefined
  } catch {
    return undefined
  }
}
