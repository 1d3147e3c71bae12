import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type AuthorizationRequest, authorizationRequest, authorize, randomState } from '../support/authorization.ts'
import { newClient } from '../support/clients.ts'
import { complete, withUserinfo } from '../support/flow.ts'
import { type Module, type Play, Skipped, warnUnless } from '../support/play.ts'
import { errorPageFrom, issuedIn } from '../support/responses.ts'

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** SerializeRequestObjectWithNullAlgorithm */
const unsigned = (claims: unknown) => `${encoded({ alg: 'none' })}.${encoded(claims)}.`

/** The parameters that OAuth wants outside as well, with the same values (AbstractBuildRequestObjectRedirectToAuthorizationEndpoint). */
function repeatedOutside(request: AuthorizationRequest): AuthorizationRequest {
  const names = ['response_type', 'client_id', 'scope', 'redirect_uri']
  return Object.fromEntries(Object.entries(request).filter(([name]) => names.includes(name)))
}

/** The suite passes over the modules with unsigned objects if the provider says that it only takes signed ones. */
function skipIfAlwaysSigned({ provider }: Play): void {
  const algorithms = provider.metadata.request_object_signing_alg_values_supported
  if (algorithms !== undefined && !algorithms.includes('none')) throw new Skipped('request objects are always signed')
}

/** oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported */
export const unsignedRequestObject: Module = async (play) => {
  const client = await newClient(play)
  skipIfAlwaysSigned(play)
  const request = authorizationRequest(play, client)
  await expectObeyed(play, request, {
    ...repeatedOutside(request),
    request: unsigned(request),
  })
}

/** oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported, and in the Dynamic plan oidcc-request-uri-unsigned. */
export const unsignedRequestUri: Module = async (play) => {
  skipIfAlwaysSigned(play)
  throw new Error('Unsigned request objects by reference cannot be checked.')
}

/** oidcc-ensure-request-object-with-redirect-uri: the good one inside, a bad one outside. */
export const requestObjectWithRedirectUri: Module = async (play) => {
  const client = await newClient(play)
  skipIfAlwaysSigned(play)
  const request = authorizationRequest(play, client)
  const redirect_uri = `${client.redirectUri}/${randomState()}`
  const answer = await authorize(play, { ...repeatedOutside(request), redirect_uri, request: unsigned(request) })
  if (answer.response) issuedIn(play, request, answer)
  else errorPageFrom(answer)
}

/**
 * oidcc-request-uri-signed-rs256. The fragment of the `request_uri` is the digest of something else: the suite registers it before it knows its client, so it has to
 * match the registration and must not be compared with the content. The object has no times, no `jti` and no `kid`.
 */
export const signedRequestUri: Module = async (play) => {
  const { metadata, issuer } = play.provider
  assert.equal(metadata.request_uri_parameter_supported, true)
  assert.ok(metadata.request_object_signing_alg_values_supported?.includes('RS256'))
  const path = `/requesturi/${randomState(64)}`
  const fragment = createHash('sha256').update(randomState()).digest('base64url')
  const request_uri = `${play.suite.server.base}${path}#${fragment}`
  const client = await newClient(play, { request_uris: [request_uri], request_object_signing_alg: 'RS256' })
  const request = authorizationRequest(play, client)
  const body = await client.keys.sign({ ...request, aud: issuer, iss: client.client_id })
  play.suite.server.serve(path, { type: 'application/jwt', body })
  const answer = await authorize(play, { ...repeatedOutside(request), request_uri })
  await withUserinfo(play, await complete(play, client, request, answer))
}

async function expectObeyed(play: Play, request: Record<string, string>, sent: Record<string, string>): Promise<void> {
  const answer = await authorize(play, sent)
  if (answer.response?.parameters.get('error') === 'request_not_supported')
    throw new Skipped('request objects are not supported')
  warnUnless(play, play.provider.metadata.request_parameter_supported === true, 'request_parameter_supported')
  issuedIn(play, request, answer)
}
