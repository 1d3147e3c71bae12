import type { App } from '../../platform/http/app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import type { Metrics } from '../../platform/metrics.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import type { GrantType } from '../../records/clients/client.ts'
import {
  type AuthenticatedClient,
  authenticateClient,
  presentedCredentials,
} from '../../records/clients/client-authentication.ts'
import type { Caller } from '../../records/events/events-store.ts'
import type { Signet } from '../../signet.ts'
import { authorizationCode } from './authorization-code.ts'
import { clientCredentials } from './client-credentials.ts'
import { longestLifetime } from './longest-lifetime.ts'
import { refreshToken } from './refresh-token.ts'
import { type Exchanged, readTokenRequest, type TokenRequest } from './token-request.ts'

type Exchange = (
  signet: Signet,
  authenticated: AuthenticatedClient,
  request: TokenRequest,
  caller: Caller,
) => Promise<Exchanged>

/** A Map: `constructor` is no grant type. */
const grantTypes = new Map<string, Exchange>([
  ['authorization_code', authorizationCode],
  ['refresh_token', refreshToken],
  ['client_credentials', clientCredentials],
] satisfies [GrantType, Exchange][])

/** Token endpoint, RFC 6749 §3.2. Every answer, errors too, is `Cache-Control: no-store` (§5.1). */
export function tokenEndpoint(app: App, signet: Signet): void {
  app.post<{ Body: Parameters | undefined }>('/token', async (request) => {
    const body = readTokenRequest(request.body)
    const authenticated = await authenticateClient(signet, presentedCredentials(request.headers.authorization, body))
    if (body.grant_type === undefined) throw new OAuthError('parameter_missing', { about: 'grant_type' })
    const exchange = grantTypes.get(body.grant_type)
    if (!exchange) throw new OAuthError('grant_type_unsupported', { detail: `grant_type ${body.grant_type}` })
    if (!(authenticated.client.grant_types as readonly string[]).includes(body.grant_type))
      throw new OAuthError('grant_type_not_registered', {
        detail: `client ${authenticated.client.client_id}: ${authenticated.client.grant_types.join(' ')}`,
      })
    // Before any transaction: what may have to be written first must not wait for a connection that a transaction holds.
    await signet.keyRing.cover(longestLifetime(authenticated.client, signet.settings))
    const { response, algorithms } = await exchange(signet, authenticated, body, callerOf(request))
    // One that has an exchange is a GrantType.
    countTokens(signet.metrics, body.grant_type as GrantType, algorithms)
    return response
  })
}

function countTokens(metrics: Metrics, grant_type: GrantType, { access, id }: Exchanged['algorithms']): void {
  metrics.count('signet_tokens_issued_total', { token: 'access', grant_type, alg: access })
  if (id) metrics.count('signet_tokens_issued_total', { token: 'id', grant_type, alg: id })
}
