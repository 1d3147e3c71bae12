import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { contentsOf, type ResponseType } from '../../../src/protocol/oidc-values.ts'
import type { GrantType } from '../../../src/records/clients/client.ts'
import { basic } from '../../support/idp.ts'
import type { ClientKeys } from './client-keys.ts'
import { type Play, warnUnless } from './play.ts'
import { staticClient } from './static-clients.ts'
import type { Suite } from './suite.ts'
import type { Role, SuiteClient } from './suite-client.ts'

export type { SuiteClient }

/** The client of a module: it registers itself, or the operator has created it. */
export async function newClient(
  play: Play,
  more: Readonly<Record<string, unknown>> = {},
  role: Role = 'first',
): Promise<SuiteClient> {
  return play.variant.registration === 'dynamic_client' ? register(play, more, role) : staticClient(play, more, role)
}

/** The same with keys that the provider fetches. The suite may put others at their address later. */
export async function newClientWithJwksUri(
  play: Play,
  more: Readonly<Record<string, unknown>> = {},
): Promise<SuiteClient & { readonly rotateKeys: () => SuiteClient }> {
  const [before, after] = play.suite.keys.fetched
  // The modules must not find what the provider fetched for another one.
  const path = `/${randomUUID()}/client1_jwks`
  const serve = (keys: ClientKeys) =>
    play.suite.server.serve(path, { type: 'application/json', body: JSON.stringify(keys.jwks) })
  const client = {
    ...(await register(play, { jwks: undefined, jwks_uri: serve(before), ...more }, 'first')),
    keys: before,
  }
  return {
    ...client,
    rotateKeys: () => {
      serve(after)
      return { ...client, keys: after }
    },
  }
}

/** What the suite's registration requests have in common (OIDCCCreateDynamicClientRegistrationRequest). There is no `scope`. */
export function registrationRequest({ suite, variant }: Play, role: Role = 'first'): Record<string, unknown> {
  return {
    client_name: `signet certification ${randomUUID()}`,
    grant_types: grantTypesFor(variant.responseType),
    jwks: suite.keys[role].jwks,
    token_endpoint_auth_method: variant.authentication,
    response_types: [variant.responseType],
    redirect_uris: [redirectUriOf(suite)],
    contacts: ['certification@example.com'],
  }
}

export async function postRegistration(play: Play, metadata: Readonly<Record<string, unknown>>) {
  const endpoint = play.provider.metadata.registration_endpoint
  assert.match(String(endpoint), /^https:/, 'registration_endpoint')
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(metadata),
  })
  assert.match(response.headers.get('content-type') ?? '', /^application\/json\b/, 'a registration response is JSON')
  // biome-ignore lint/suspicious/noExplicitAny: as above
  return { status: response.status, body: (await response.json()) as any }
}

/** Registers a client and checks the response (CallDynamicRegistrationEndpointAndVerifySuccessfulResponse). */
async function register(play: Play, more: Readonly<Record<string, unknown>>, role: Role): Promise<SuiteClient> {
  const metadata: Record<string, unknown> = { ...registrationRequest(play, role), ...more }
  // A member that is undefined is left out, for example `jwks` beside `jwks_uri`.
  const { status, body } = await postRegistration(play, metadata)
  assert.equal(status, 201, `registration was refused: ${JSON.stringify(body)}`)
  assert.ok(typeof body.client_id === 'string' && body.client_id !== '', 'client_id')
  // RFC 7591 §3.2.1
  if ('client_secret' in body) assert.equal(typeof body.client_secret_expires_at, 'number', 'client_secret_expires_at')
  const needsSecret = String(metadata['token_endpoint_auth_method']).startsWith('client_secret')
  if (needsSecret) assert.equal(typeof body.client_secret, 'string', 'client_secret')
  // OpenID Connect Registration §3.2: both or neither.
  assert.equal('registration_client_uri' in body, 'registration_access_token' in body, 'registration_client_uri')
  if ('registration_client_uri' in body) assert.match(body.registration_client_uri, /^https:/)
  const client: SuiteClient = {
    ...{ client_id: body.client_id, client_secret: body.client_secret, registration: body },
    authentication: metadata['token_endpoint_auth_method'] as SuiteClient['authentication'],
    redirectUri: (metadata['redirect_uris'] as string[])[0] ?? '',
    keys: play.suite.keys[role],
  }
  play.registrations.push(body)
  return client
}

/** RFC 7592 §2.3. The suite warns about every status but 204. */
export async function deleteClients(play: Play): Promise<void> {
  for (const registration of play.registrations) {
    if (registration.registration_client_uri === undefined) continue
    const { status } = await fetch(registration.registration_client_uri, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${registration.registration_access_token}` },
    })
    warnUnless(play, status === 204, `the client was not deleted: ${status}`)
  }
}

/** OpenID Connect Registration §2 */
export function grantTypesFor(type: ResponseType): GrantType[] {
  const { code, idToken, accessToken } = contentsOf(type)
  return [
    ...(code ? (['authorization_code'] as const) : []),
    ...(idToken || accessToken ? (['implicit'] as const) : []),
  ]
}

export function redirectUriOf(suite: Suite): string {
  return `${suite.server.base}/callback`
}

/** How a client authenticates at an endpoint: headers and form parameters. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  readonly form: Readonly<Record<string, string>>
}

/**
 * The credentials of a request to the token endpoint.
 *
 * @param options.audience of an assertion; usually the URL of the endpoint, as a string (CreateClientAuthenticationAssertionClaims)
 */
export async function credentialsOf(
  play: Play,
  client: SuiteClient,
  { audience = play.provider.metadata.token_endpoint }: { audience?: string } = {},
): Promise<Credentials> {
  const { client_id, client_secret = '' } = client
  if (client.authentication === 'client_secret_basic')
    return { headers: { authorization: basic(client_id, client_secret) }, form: {} }
  if (client.authentication === 'client_secret_post') return { headers: {}, form: { client_id, client_secret } }
  const now = Math.floor(Date.now() / 1000)
  const times = { iat: now, nbf: now, exp: now + 60 }
  const claims = { iss: client_id, sub: client_id, aud: audience, jti: randomUUID(), ...times }
  return {
    headers: {},
    form: {
      client_id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await client.keys.sign(claims),
    },
  }
}
