import type { Settings } from '../platform/config/settings.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { shortened } from '../protocol/errors/refusal.ts'
import { type Parameters, soundParameters } from '../protocol/http/parameters.ts'
import { contentsOf, type Prompt, promptValues, type ResponseType } from '../protocol/oidc-values.ts'
import { type Client, isPublic } from '../records/clients/client.ts'
import { noClaims, type RequestedClaims } from '../records/grants/claims-of-request.ts'
import type { PushedRequestReference } from '../tokens/authorization-codes-store.ts'
import { requestedClaims } from '../tokens/requested-claims.ts'
import { requestedResources, requestedScopes } from '../tokens/requested-scopes.ts'
import type { VerifiedTarget } from './authorization-target.ts'
import { readClaimedSubs, readClaimsParameter } from './claims-parameter.ts'
import { type RequestedAcr, readRequestedAcr } from './requested-acr.ts'
import { readResponseMode } from './response-mode.ts'
import { checkFrontChannel, readResponseType } from './response-type.ts'

/** An authorization request after all its parameters have been checked. */
export interface AuthorizationRequest {
  readonly target: VerifiedTarget
  readonly responseType: ResponseType
  /** Without `offline_access` if the response has no code: it is ignored then (OpenID Connect Core §11). */
  readonly scopes: readonly string[]
  /** Requested scopes that the client may not have. They are for a note to the operator only. */
  readonly droppedScopes: readonly string[]
  readonly resources: readonly string[]
  /** Claims about the person that the request names one by one (OpenID Connect Core §5.5), of which the client may have all. */
  readonly claims: RequestedClaims
  /** Other claims that the request names. They are for a note to the operator only. */
  readonly droppedClaims: readonly string[]
  readonly codeChallenge: string | undefined
  readonly nonce: string | undefined
  readonly prompt: ReadonlySet<Prompt>
  /** Seconds. */
  readonly maxAge: number | undefined
  readonly acr: RequestedAcr
  /** The people one of whom the response must be about, by the claim `sub` in `claims`; undefined: anybody. */
  readonly claimedSubs: readonly string[] | undefined
  readonly loginHint: string | undefined
  readonly idTokenHint: string | undefined
  readonly uiLocales: string | undefined
  /** Undefined if it was not pushed. */
  readonly pushedRequest: PushedRequestReference | undefined
}

/** How the parameters of a request arrived. */
export interface Arrival {
  /** Whether they were in a request object that the client had signed (RFC 9101). */
  readonly isSigned: boolean
  /** Whether the client pushed them (RFC 9126): `now`, or before. */
  readonly pushed: 'now' | PushedRequestReference | undefined
}

/** Octets of all parameters together, in JSON: sealed, they are carried in URLs through sign-in and consent. */
const maxOctets = 4096

/**
 * Checks the parameters of an authorization request. Its target is already verified, so errors can be sent there.
 *
 * @param arrival the client's registration may demand another way (RFC 9101 §10.5, RFC 9126 §6)
 * @param settings the issuer is always allowed as a resource; whether it can have passkeys decides on what `acr` can be reached
 * @throws OAuthError for the redirect URI (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6)
 */
export function readAuthorizationRequest(
  parameters: Parameters,
  target: VerifiedTarget,
  arrival: Arrival,
  { issuer, legacyResponseTypes }: Pick<Settings, 'issuer' | 'legacyResponseTypes'>,
): AuthorizationRequest {
  const { client } = target
  const { pushed, isSigned } = arrival
  if (client.require_pushed_authorization_requests && pushed === undefined)
    throw new OAuthError('request_not_pushed', { detail: `client ${client.client_id}` })
  if (client.require_signed_request_object && !isSigned)
    throw new OAuthError('request_object_missing', { detail: `client ${client.client_id}` })
  const { values, resource } = soundParameters(parameters)
  // OpenID Connect Core §3.1.2.6. Ignoring it would drop what the client relies on.
  if (values.has('registration')) throw new OAuthError('registration_unsupported')
  // A pushed request is carried by its id.
  if (pushed === undefined && isTooLong(parameters))
    throw new OAuthError('request_too_long', { param: String(maxOctets) })

  const responseType = readResponseType(values.get('response_type'), client, legacyResponseTypes)
  const contents = contentsOf(responseType)
  const responseMode = values.get('response_mode')
  if (responseMode !== undefined && readResponseMode(responseMode, target.redirectUri) === undefined)
    throw new OAuthError('response_mode_unsupported', { detail: `response_mode ${shortened(responseMode, 80)}` })

  const { scopes: asked, dropped } = requestedScopes(client, values.get('scope'))
  const scopes = contents.code ? asked : asked.filter((scope) => scope !== 'offline_access')
  const resources = requestedResources(client, resource, issuer)
  if (responseType !== 'code') checkFrontChannel(values, client, { contents, scopes, resources, issuer })
  const claims = readClaimsParameter(values.get('claims'))
  // OpenID Connect Core §5.5 belongs to its requests, which have the scope openid (§3.1.2.1).
  const isOpenid = scopes.includes('openid')
  // OpenID Connect Core §5.5: without an access token, nothing is asked at userinfo.
  const hasUserinfo = contents.code || contents.accessToken
  const names = { userinfo: hasUserinfo ? [...claims.userinfo.keys()] : [], idToken: [...claims.idToken.keys()] }
  const { claims: allowed, dropped: droppedClaims } = requestedClaims(client, isOpenid ? names : noClaims)
  return {
    target,
    responseType,
    scopes,
    droppedScopes: dropped,
    resources,
    claims: allowed,
    droppedClaims,
    // Without a code, there is nothing that PKCE could protect.
    codeChallenge: contents.code ? readCodeChallenge(values, client, scopes) : undefined,
    nonce: values.get('nonce'),
    prompt: readPrompt(values.get('prompt')),
    maxAge: readMaxAge(values.get('max_age')) ?? client.default_max_age,
    acr: readRequestedAcr(values, claims, client, { issuer }),
    claimedSubs: isOpenid ? readClaimedSubs(claims) : undefined,
    loginHint: values.get('login_hint'),
    idTokenHint: values.get('id_token_hint'),
    uiLocales: values.get('ui_locales'),
    pushedRequest: pushed === 'now' ? undefined : pushed,
  }
}

/** The PKCE challenge (RFC 7636 §4.3), only with S256: `plain` gives no protection against anyone who can read the request (RFC 9700 §2.1.1). */
function readCodeChallenge(
  values: ReadonlyMap<string, string>,
  client: Client,
  scopes: readonly string[],
): string | undefined {
  const challenge = values.get('code_challenge')
  const method = values.get('code_challenge_method')
  if (challenge === undefined) {
    if (isPublic(client) || client.require_pkce === true || method !== undefined)
      throw new OAuthError('code_challenge_missing')
    // RFC 9700 §2.1.1: a confidential client may rely on the nonce. Without openid there is no ID token that could return it.
    if (client.require_pkce === 'auto' && !(values.has('nonce') && scopes.includes('openid')))
      throw new OAuthError('code_challenge_or_nonce_missing')
    return undefined
  }
  // RFC 7636 §4.3: a request without a method asks for plain.
  if (method !== 'S256')
    throw new OAuthError('code_challenge_method_unsupported', {
      detail: `code_challenge_method ${method === undefined ? 'is missing' : shortened(method, 80)}`,
    })
  if (!/^[A-Za-z0-9_-]{43}$/.test(challenge))
    throw new OAuthError('code_challenge_malformed', { detail: `code_challenge has ${challenge.length} characters` })
  return challenge
}

function readPrompt(text: string | undefined): ReadonlySet<Prompt> {
  const words = text === undefined ? [] : text.split(' ').filter((word) => word !== '')
  const known = words.filter((word): word is Prompt => (promptValues as readonly string[]).includes(word))
  if (known.length < words.length)
    throw new OAuthError('prompt_unknown', { detail: `prompt ${shortened(text ?? '', 80)}` })
  const prompt = new Set(known)
  // OpenID Connect Core §3.1.2.1.
  if (prompt.has('none') && prompt.size > 1) throw new OAuthError('prompt_none_not_alone', { detail: `prompt ${text}` })
  return prompt
}

function readMaxAge(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new OAuthError('max_age_malformed', { detail: `max_age ${shortened(text, 80)}` })
  return Number(text)
}

/**
 * Whether the parameters are too long to be carried sealed in a URL.
 *
 * @throws OAuthError if a parameter has a fault
 */
export function isTooLong(parameters: Parameters): boolean {
  return octetsOf(parameters) > maxOctets
}

/**
 * The length of all parameters together, in JSON.
 *
 * @throws OAuthError if a parameter has a fault
 */
export function octetsOf(parameters: Parameters): number {
  const { values, resource } = soundParameters(parameters)
  let octets = 0
  for (const [name, value] of values) octets += Buffer.byteLength(name) + octetsInJson(value)
  for (const value of resource) octets += octetsInJson(value)
  return octets
}

/** Quotes and backslashes take two octets. */
function octetsInJson(text: string): number {
  return Buffer.byteLength(text) + (text.match(/["\\]/g)?.length ?? 0)
}
