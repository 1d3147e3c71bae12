import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { formsOf, type Visit } from '../../support/browser.ts'
import { passPages } from '../../support/journey.ts'
import type { SuiteClient } from './clients.ts'
import type { Play } from './play.ts'

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
  /** The address to which the response was sent. Unless it is for the query, it has no parameters of the response. */
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
    response_type: variant.responseType,
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
  return { pages, response: responseAt(end, request) }
}

/**
 * Reads the response where the request wants it: in a form, in the query, or in the fragment for all types but `code` (OAuth 2.0 Multiple Response Type
 * Encoding Practices §5). Without a response type it is in the query.
 *
 * @returns undefined for a page of the provider
 */
export function responseAt(end: Visit, request: AuthorizationRequest): AuthorizationResponse | undefined {
  if (end.location === undefined) return posted(end)
  assert.notEqual(request['response_mode'], 'form_post', 'the response is a redirect, and not a form')
  const address = new URL(end.location)
  if ((request['response_type'] ?? 'code') === 'code') {
    assert.equal(address.hash, '', 'the response has a fragment')
    return { address, parameters: address.searchParams }
  }
  assertNothingInQuery(address)
  return { address, parameters: new URLSearchParams(address.hash.slice(1)) }
}

/** OAuth 2.0 Form Post Response Mode §2: a page whose form posts the response. Without JavaScript, the person presses its button. */
function posted(page: Visit): AuthorizationResponse | undefined {
  const form = formsOf(page.text).find(({ attributes }) => attributes.includes('id="form-post"'))
  if (!form) return undefined
  assert.equal(page.status, 200)
  assert.match(form.attributes, /method="post"/)
  // A form without it is sent as application/x-www-form-urlencoded, without parameters of that type.
  assert.doesNotMatch(form.attributes, /enctype=/)
  assert.match(form.html, /<button\b[^>]*type="submit"/)
  const address = new URL(form.action)
  assertNothingInQuery(address)
  return { address, parameters: new URLSearchParams(form.inputs) }
}

/** RejectAuthCodeInUrlQuery, RejectErrorInUrlQuery */
function assertNothingInQuery({ searchParams }: URL): void {
  for (const name of ['code', 'error', 'id_token', 'access_token'])
    assert.ok(!searchParams.has(name), `${name} in the query`)
}

/** Whether the person was asked to sign in. For some modules, a picture of that page is uploaded. */
export function askedToSignIn({ pages }: Answer): boolean {
  return pages.some(({ text }) => text.includes('id="password"'))
}
