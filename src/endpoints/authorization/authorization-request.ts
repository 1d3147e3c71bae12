import { OAuthError } from '../../platform/http/oauth-error.ts'
import { describeFault, type Parameters } from '../../platform/http/parameters.ts'
import { type Prompt, promptValues, responseModes } from '../../platform/oidc-values.ts'
import { isPublic } from '../../records/clients/client.ts'
import { requestedResources, requestedScopes } from '../../tokens/scopes.ts'
import { readResponseMode, type VerifiedTarget } from './authorization-target.ts'

/** An authorization request whose every parameter has been checked. */
export interface AuthorizationRequest {
  readonly target: VerifiedTarget
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  readonly codeChallenge: string | undefined
  readonly nonce: string | undefined
  readonly prompt: ReadonlySet<Prompt>
  /** Seconds. */
  readonly maxAge: number | undefined
  readonly loginHint: string | undefined
  readonly idTokenHint: string | undefined
  readonly uiLocales: string | undefined
}

/** Octets of all parameters together: they travel in URLs, sealed, through sign-in and consent. */
const mostOctets = 4096

/**
 * Checks the parameters of an authorization request whose target has been verified, so that its errors can go there.
 *
 * @param issuer which may always be named as a resource
 * @throws OAuthError for the redirect URI (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6)
 */
export function readAuthorizationRequest(
  parameters: Parameters,
  target: VerifiedTarget,
  issuer: string,
): AuthorizationRequest {
  const { client } = target
  const { values } = parameters
  const fault = parameters.faults[0]
  if (fault) throw new OAuthError('invalid_request', describeFault(fault))
  refuseUnsupported(values)
  if (isTooLong(parameters))
    throw new OAuthError('invalid_request', `The parameters take more than ${mostOctets} octets together.`)

  const responseType = values.get('response_type')
  if (responseType === undefined) throw new OAuthError('invalid_request', 'The response_type is missing.')
  if (responseType !== 'code') throw new OAuthError('unsupported_response_type', 'The only response_type is code.')
  if (!client.grant_types.includes('authorization_code'))
    throw new OAuthError('unauthorized_client', 'This client is not registered for the authorization code flow.')
  const responseMode = values.get('response_mode')
  if (responseMode !== undefined && readResponseMode(responseMode, target.redirectUri) === undefined)
    throw new OAuthError(
      'invalid_request',
      `The response_mode is none of ${responseModes.join(', ')}, or not one for this URI.`,
    )

  return {
    target,
    scopes: requestedScopes(client, values.get('scope')),
    resources: requestedResources(client, parameters.resource, issuer),
    codeChallenge: readCodeChallenge(values, isPublic(client) || client.require_pkce),
    nonce: values.get('nonce'),
    prompt: readPrompt(values.get('prompt')),
    maxAge: readMaxAge(values.get('max_age')) ?? client.default_max_age,
    loginHint: values.get('login_hint'),
    idTokenHint: values.get('id_token_hint'),
    uiLocales: values.get('ui_locales'),
  }
}

/** OpenID Connect Core §3.1.2.6: what is not supported is refused, for ignoring it would drop what the client relies on. */
function refuseUnsupported(values: ReadonlyMap<string, string>): void {
  if (values.has('request')) throw new OAuthError('request_not_supported', 'Request objects are not supported.')
  if (values.has('request_uri'))
    throw new OAuthError('request_uri_not_supported', 'The parameter request_uri is not supported.')
  if (values.has('registration'))
    throw new OAuthError('registration_not_supported', 'The parameter registration is not supported.')
}

/** RFC 7636 §4.3, with S256 alone: `plain` protects against nobody who can read the request (RFC 9700 §2.1.1). */
function readCodeChallenge(values: ReadonlyMap<string, string>, required: boolean): string | undefined {
  const challenge = values.get('code_challenge')
  const method = values.get('code_challenge_method')
  if (challenge === undefined) {
    if (required || method !== undefined)
      throw new OAuthError('invalid_request', 'The code_challenge is missing: this client must use PKCE with S256.')
    return undefined
  }
  // RFC 7636 §4.3: a request without a method asks for plain.
  if (method !== 'S256') throw new OAuthError('invalid_request', 'The code_challenge_method must be S256.')
  if (!/^[A-Za-z0-9_-]{43}$/.test(challenge))
    throw new OAuthError('invalid_request', 'The code_challenge is not a SHA-256 hash in base64url.')
  return challenge
}

function readPrompt(text: string | undefined): ReadonlySet<Prompt> {
  const words = text === undefined ? [] : text.split(' ').filter((word) => word !== '')
  const known = words.filter((word): word is Prompt => (promptValues as readonly string[]).includes(word))
  if (known.length < words.length)
    throw new OAuthError('invalid_request', `The prompt has a value that is none of ${promptValues.join(', ')}.`)
  const prompt = new Set(known)
  // OpenID Connect Core §3.1.2.1.
  if (prompt.has('none') && prompt.size > 1) throw new OAuthError('invalid_request', 'The prompt none stands alone.')
  return prompt
}

function readMaxAge(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new OAuthError('invalid_request', 'The max_age is not a number of seconds.')
  return Number(text)
}

/** Whether the parameters are more than can travel sealed. */
export function isTooLong({ values, resource }: Parameters): boolean {
  let octets = 0
  for (const [name, value] of values) octets += Buffer.byteLength(name) + Buffer.byteLength(value)
  for (const value of resource) octets += Buffer.byteLength(value)
  return octets > mostOctets
}
