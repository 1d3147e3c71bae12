import { authenticateClient } from '../../operations/authenticate-client.ts'
import { revokeToken } from '../../operations/revoke-token.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { credentialParameters, presentedCredentials } from '../../protocol/client-authentication.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { readForm } from '../../protocol/http/form.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import type { Signet } from '../../signet.ts'

const parameters = { token: 16_384, token_type_hint: 200, ...credentialParameters }

/** Revocation endpoint, RFC 7009 §2. */
export function revocationEndpoint(app: App, signet: Signet): void {
  app.post<{ Body: Parameters | undefined }>('/revoke', async (request) => {
    const body = readForm(request.body, parameters)
    const { client } = await authenticateClient(signet, presentedCredentials(request.headers.authorization, body))
    if (body.token === undefined) throw new OAuthError('parameter_missing', { param: 'token' })
    const actor = { kind: 'client', clientId: client.client_id, caller: callerOf(request) } as const
    const refusal = await revokeToken(signet, actor, body.token)
    if (refusal) throw new OAuthError(refusal.refused, { detail: refusal.detail })
    // RFC 7009 §2.2: the response is the same if there was nothing to revoke. The body is ignored, but libraries parse it.
    return {}
  })
}
