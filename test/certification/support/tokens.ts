import assert from 'node:assert/strict'
import type { Reply } from '../../support/idp.ts'
import type { AuthorizationRequest } from './authorization.ts'
import { type Credentials, credentialsOf, type SuiteClient } from './clients.ts'
import { type IdToken, readIdToken } from './id-tokens.ts'
import { type Play, warn } from './play.ts'

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly idToken: IdToken
}

/** POST to the token endpoint. */
export async function postToken(
  play: Play,
  { headers, form }: Credentials,
  parameters: Readonly<Record<string, string>>,
): Promise<Reply> {
  const response = await fetch(play.provider.metadata.token_endpoint, {
    method: 'POST',
    headers: { accept: 'application/json', ...headers },
    body: new URLSearchParams({ ...parameters, ...form }),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

export function codeRequest(client: SuiteClient, code: string, redirectUri = client.redirectUri) {
  return { grant_type: 'authorization_code', code, redirect_uri: redirectUri }
}

/** Redeems a code and checks what comes back (requestAuthorizationCode, PerformStandardIdTokenChecks). */
export async function redeem(
  play: Play,
  client: SuiteClient,
  request: AuthorizationRequest,
  code: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Tokens> {
  const parameters = { ...codeRequest(client, code, request['redirect_uri']), ...more }
  const reply = await postToken(play, await credentialsOf(play, client), parameters)
  return tokensFrom(play, client, reply, request, code)
}

export async function tokensFrom(
  play: Play,
  client: SuiteClient,
  { status, headers, body }: Reply,
  request: AuthorizationRequest,
  code?: string,
): Promise<Tokens> {
  assert.equal(status, 200, JSON.stringify(body))
  assert.match(headers.get('content-type') ?? '', /^application\/json\b/)
  assert.equal(typeof body.access_token, 'string')
  assert.equal(String(body.token_type).toLowerCase(), 'bearer')
  if ('expires_in' in body) assert.equal(typeof body.expires_in, 'number', 'expires_in')
  else warn(play, 'expires_in is missing')
  const accompanied = { by: 'token endpoint', accessToken: body.access_token, code } as const
  const idToken = await readIdToken(play, client, body.id_token, request, accompanied)
  return { accessToken: body.access_token, refreshToken: body.refresh_token, idToken }
}

/** Checks an error of the token endpoint (RFC 6749 §5.2). */
export function assertTokenError({ status, headers, body }: Reply, allowed: readonly string[]): void {
  assert.ok(allowed.includes(body.error), `error is ${JSON.stringify(body)}, and should be ${allowed.join(' or ')}`)
  assert.ok(status === 400 || (status === 401 && body.error === 'invalid_client'), `the status is ${status}`)
  assert.match(headers.get('content-type') ?? '', /^application\/json\b/)
  assert.match(body.error_description ?? '', /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/, 'error_description')
  assert.match(body.error_uri ?? '', /^[\x21\x23-\x5b\x5d-\x7e]*$/, 'error_uri')
}
