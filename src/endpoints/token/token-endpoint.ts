import type { FastifyRequest } from 'fastify'
import { type AuthenticatedClient, authenticateClient } from '../../operations/authenticate-client.ts'
import { issueForClient } from '../../operations/client-credentials.ts'
import { redeemCode } from '../../operations/redeem-code.ts'
import { redeemDeviceCode } from '../../operations/redeem-device-code.ts'
import { refreshTokens } from '../../operations/refresh-tokens.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import type { Metrics } from '../../platform/metrics.ts'
import { presentedCredentials } from '../../protocol/client-authentication.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import { noteForOperator } from '../../protocol/operator-notes.ts'
import { deviceCodeGrant, type GrantType } from '../../records/clients/client.ts'
import type { Signet } from '../../signet.ts'
import { longestLifetime } from '../../tokens/access-token.ts'
import type { IssuedTokens, TokensRefused } from '../../tokens/issue-for-person.ts'
import { readTokenRequest, type TokenRequest, tokenResponse } from './token-request.ts'

type Exchange = (
  signet: Signet,
  authenticated: AuthenticatedClient,
  parameters: TokenRequest,
  request: FastifyRequest,
) => Promise<IssuedTokens | TokensRefused>

/** A Map and not an object: `constructor` must not be found. */
const grantTypes = new Map<string, Exchange>([
  ['authorization_code', authorizationCode],
  ['refresh_token', refreshToken],
  ['client_credentials', clientCredentials],
  [deviceCodeGrant, deviceCode],
] satisfies [Exclude<GrantType, 'implicit'>, Exchange][])

/** Token endpoint, RFC 6749 §3.2. Every response, including errors, has `Cache-Control: no-store` (§5.1). */
export function tokenEndpoint(app: App, signet: Signet): void {
  app.post<{ Body: Parameters | undefined }>('/token', async (request) => {
    const body = readTokenRequest(request.body)
    const authenticated = await authenticateClient(signet, presentedCredentials(request.headers.authorization, body))
    request.clientId = authenticated.client.client_id
    if (body.grant_type === undefined) throw new OAuthError('parameter_missing', { param: 'grant_type' })
    const exchange = grantTypes.get(body.grant_type)
    if (!exchange) throw new OAuthError('grant_type_unsupported', { detail: `grant_type ${body.grant_type}` })
    if (!(authenticated.client.grant_types as readonly string[]).includes(body.grant_type))
      throw new OAuthError('grant_type_not_registered', {
        detail: `client ${authenticated.client.client_id}: ${authenticated.client.grant_types.join(' ')}`,
      })
    // Before any transaction: what may have to be written first must not wait for a second connection while a transaction holds one.
    await signet.keyRing.extendRetention(longestLifetime(authenticated.client, signet.settings))
    const outcome = await exchange(signet, authenticated, body, request)
    if ('refused' in outcome) throw refusedWith(outcome)
    for (const note of outcome.notes ?? []) noteForOperator(request, note)
    // Every grant type in the map is a GrantType.
    countTokens(signet.metrics, body.grant_type as GrantType, outcome.algorithms)
    return tokenResponse(outcome)
  })
}

/** grant_type=authorization_code (RFC 6749 §4.1.3). */
async function authorizationCode(
  signet: Signet,
  { client, credential }: AuthenticatedClient,
  { code, redirect_uri: redirectUri, code_verifier: codeVerifier, resource }: TokenRequest,
  request: FastifyRequest,
): Promise<IssuedTokens | TokensRefused> {
  if (code === undefined) throw new OAuthError('parameter_missing', { param: 'code' })
  if (redirectUri === undefined) throw new OAuthError('parameter_missing', { param: 'redirect_uri' })
  return redeemCode(signet, client, callerOf(request), {
    code,
    redirectUri,
    codeVerifier,
    resource,
    hmacKey: credential?.hmacKey,
  })
}

/** grant_type=refresh_token (RFC 6749 §6). */
async function refreshToken(
  signet: Signet,
  { client, credential }: AuthenticatedClient,
  { refresh_token: refreshToken, scope, resource }: TokenRequest,
  request: FastifyRequest,
): Promise<IssuedTokens | TokensRefused> {
  if (refreshToken === undefined) throw new OAuthError('parameter_missing', { param: 'refresh_token' })
  return refreshTokens(signet, client, callerOf(request), {
    refreshToken,
    scope,
    resource,
    hmacKey: credential?.hmacKey,
  })
}

/** grant_type=client_credentials (RFC 6749 §4.4). */
function clientCredentials(
  signet: Signet,
  authenticated: AuthenticatedClient,
  { scope, resource }: TokenRequest,
): Promise<IssuedTokens> {
  return issueForClient(signet, authenticated, { scope, resource })
}

/** The grant type of devices without a browser (RFC 8628 §3.4). */
async function deviceCode(
  signet: Signet,
  { client, credential }: AuthenticatedClient,
  { device_code: deviceCode, resource }: TokenRequest,
  request: FastifyRequest,
): Promise<IssuedTokens | TokensRefused> {
  if (deviceCode === undefined) throw new OAuthError('parameter_missing', { param: 'device_code' })
  return redeemDeviceCode(signet, client, callerOf(request), { deviceCode, resource, hmacKey: credential?.hmacKey })
}

function refusedWith({ refused, detail, isRecorded = true }: TokensRefused): OAuthError {
  return new OAuthError(refused, { detail, isRecorded })
}

function countTokens(metrics: Metrics, grant_type: GrantType, { access, id }: IssuedTokens['algorithms']): void {
  metrics.count('signet_tokens_issued_total', { token: 'access', grant_type, alg: access })
  if (id) metrics.count('signet_tokens_issued_total', { token: 'id', grant_type, alg: id })
}
