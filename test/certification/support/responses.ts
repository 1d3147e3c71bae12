import assert from 'node:assert/strict'
import { contentsOf, type ResponseType } from '../../../src/protocol/oidc-values.ts'
import type { Visit } from '../../support/browser.ts'
import type { Answer, AuthorizationRequest, AuthorizationResponse } from './authorization.ts'
import { assertUnguessable } from './entropy.ts'
import { type Play, warnUnless } from './play.ts'

/** What came from the authorization endpoint, unverified but for the code. */
export interface Issued {
  readonly code: string | undefined
  readonly accessToken: string | undefined
  readonly idToken: string | undefined
}

/**
 * Checks a successful response (onAuthorizationCallbackResponse, EnsureMinimumAuthorizationCode…), which has exactly what its type promises (OAuth 2.0 Multiple
 * Response Type Encoding Practices §3, §5).
 */
export function issuedIn(play: Play, request: AuthorizationRequest, answer: Answer): Issued {
  const { parameters } = responseFrom(play, request, answer)
  assert.equal(parameters.get('error'), null, `${parameters.get('error')}: ${parameters.get('error_description')}`)
  assert.equal(parameters.get('state'), request['state'] ?? null, 'state')
  const promised = contentsOf(request['response_type'] as ResponseType)
  const [code, accessToken, idToken] = ['code', 'access_token', 'id_token'].map((name) => parameters.get(name))
  assert.equal(code != null, promised.code, 'code')
  assert.equal(accessToken != null, promised.accessToken, 'access_token')
  assert.equal(idToken != null, promised.idToken, 'id_token')
  // OpenID Connect Core §3.2.2.5, §3.3.2.5
  if (promised.accessToken) assert.equal(parameters.get('token_type')?.toLowerCase(), 'bearer', 'token_type')
  else for (const name of ['token_type', 'expires_in']) assert.ok(!parameters.has(name), `${name} without a token`)
  if (parameters.has('expires_in')) assert.match(parameters.get('expires_in') ?? '', /^[1-9]\d*$/, 'expires_in')
  // RFC 6749 §4.2.2
  assert.ok(!parameters.has('refresh_token'), 'a refresh token from the authorization endpoint')
  if (code != null) assertUnguessable(code, 'the code')
  return { code: code ?? undefined, accessToken: accessToken ?? undefined, idToken: idToken ?? undefined }
}

/** Checks an error response (performGenericAuthorizationEndpointErrorResponseValidation) and that its code is one of these. */
export function errorFrom(
  play: Play,
  request: AuthorizationRequest,
  answer: Answer,
  allowed: readonly string[],
): URLSearchParams {
  const { parameters, address } = responseFrom(play, request, answer)
  const error = parameters.get('error') ?? ''
  assert.ok(allowed.includes(error), `error is "${error}", and should be one of ${allowed.join(', ')}`)
  assert.equal(parameters.get('state'), request['state'] ?? null, 'state')
  for (const name of ['code', 'access_token', 'id_token']) assert.ok(!parameters.has(name), `an error with ${name}`)
  const known = ['error', 'error_description', 'error_uri', 'state', 'session_state', 'iss']
  const own = [...new URL(request['redirect_uri'] ?? address.href).searchParams.keys()]
  for (const name of parameters.keys())
    warnUnless(play, [...known, ...own].includes(name), `${name} in an error response`)
  // RFC 6749 §4.1.2.1
  assert.match(parameters.get('error_description') ?? '', /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/, 'error_description')
  assert.match(parameters.get('error_uri') ?? '', /^[\x21\x23-\x5b\x5d-\x7e]*$/, 'error_uri')
  return parameters
}

/** Checks that a page of the provider tells the person what is wrong, and that nothing was sent to the client. */
export function errorPageFrom({ response, pages }: Answer): Visit {
  assert.equal(response, undefined, `redirected to ${response?.address}`)
  const page = pages.at(-1)
  assert.ok(page && page.status >= 400 && page.status < 500, `the page has the status ${page?.status}`)
  assert.match(page.headers.get('content-type') ?? '', /^text\/html\b/)
  return page
}

/** What every response has to be like: sent to the redirect URI with its own parameters, and from this issuer. */
function responseFrom(play: Play, request: AuthorizationRequest, { response, pages }: Answer): AuthorizationResponse {
  assert.ok(response, `no response, but a page: ${pages.at(-1)?.status}\n${pages.at(-1)?.text}`)
  const redirectUri = new URL(request['redirect_uri'] ?? response.address.href)
  assert.equal(response.address.origin + response.address.pathname, redirectUri.origin + redirectUri.pathname)
  for (const [name, value] of redirectUri.searchParams)
    assert.equal(response.address.searchParams.get(name), value, `${name} of the redirect URI`)
  // RFC 9207 §2
  if (response.parameters.has('iss')) assert.equal(response.parameters.get('iss'), play.provider.issuer, 'iss')
  return response
}
