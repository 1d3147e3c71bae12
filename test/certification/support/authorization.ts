import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { formsOf, type Visit } from '../../support/browser.ts'
import { passPages } from '../../support/journey.ts'
import type { SuiteClient } from './clients.ts'
import { assertUnguessable } from './entropy.ts'
import { type Play, warnUnless } from './play.ts'

/** An authorization request; a parameter that is empty is not sent. */
export type AuthorizationRequest = Readonly<Record<string, string>>

/** What a browser has seen after an authorization request. */
export interface Answer {
  /** The pages on the way, and the one at which it ended if there was no response. */
  readonly pages: readonly Visit[]
  /** The response at the redirect URI. */
  readonly response: AuthorizationResponse | undefined
}

export interface AuthorizationResponse {
  /** The address to which the response was sent. With form_post it has no parameters of the response. */
  readonly address: URL
  readonly parameters: URLSearchParams
}

export const randomState = (length = 10): string => randomBytes(length).toString('hex').slice(0, length)

/** The request of most modules (CreateAuthorizationRequestSteps). */
export function authorizationRequest(
  { variant }: Play,
  client: SuiteClient,
  more: AuthorizationRequest = {},
): AuthorizationRequest {
  const all = {
    client_id: client.client_id,
    redirect_uri: client.redirectUri,
    scope: 'openid',
    state: randomState(),
    nonce: randomState(),
    response_type: 'code',
    ...(variant.responseMode === 'form_post' ? { response_mode: 'form_post' } : {}),
    ...more,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
}

/** Takes the browser to the authorization endpoint, signs in and consents if it is asked to, and reads where it ends. */
export async function authorize(
  play: Play,
  request: AuthorizationRequest,
  method: 'GET' | 'POST' = 'GET',
): Promise<Answer> {
  const { authorization_endpoint } = play.provider.metadata
  const first =
    method === 'GET'
      ? await play.browser.get(`${authorization_endpoint}?${new URLSearchParams(request)}`)
      : // The form is on a page of the suite.
        await play.browser.post(authorization_endpoint, request, { origin: play.suite.server.origin })
  const pages: Visit[] = []
  const end = await passPages(play.browser, first, play.suite.person, (page) => pages.push(page))
  if (end.location === undefined && pages.at(-1) !== end) pages.push(end)
  return { pages, response: end.location === undefined ? posted(end) : redirected(end.location) }
}

function redirected(location: string): AuthorizationResponse {
  const address = new URL(location)
  // The response of the code flow is in the query.
  assert.equal(address.hash, '', 'the response has a fragment')
  return { address, parameters: address.searchParams }
}

/** OAuth 2.0 Form Post Response Mode §2: a page whose form posts the response. Without JavaScript, the person presses its button. */
function posted(page: Visit): AuthorizationResponse | undefined {
  const form = formsOf(page.text).find(({ attributes }) => attributes.includes('id="form-post"'))
  if (!form) return undefined
  assert.equal(page.status, 200)
  assert.match(form.attributes, /method="post"/)
  assert.match(form.html, /<button\b[^>]*type="submit"/)
  const address = new URL(form.action)
  for (const name of ['code', 'error']) assert.ok(!address.searchParams.has(name), `${name} in the query`)
  return { address, parameters: new URLSearchParams(form.inputs) }
}

/** Whether the person was asked to sign in. For some modules, a picture of that page is uploaded. */
export function askedToSignIn({ pages }: Answer): boolean {
  return pages.some(({ text }) => text.includes('id="password"'))
}

/** Checks a successful response and returns its code (onAuthorizationCallbackResponse, EnsureMinimumAuthorizationCode…). */
export function codeFrom(play: Play, request: AuthorizationRequest, answer: Answer): string {
  const { parameters } = responseFrom(play, request, answer)
  assert.equal(parameters.get('error'), null, `${parameters.get('error')}: ${parameters.get('error_description')}`)
  assert.equal(parameters.get('state'), request['state'] ?? null, 'state')
  const code = parameters.get('code') ?? ''
  assertUnguessable(code, 'the code')
  return code
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
  assert.ok(!parameters.has('code'), 'an error with a code')
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
