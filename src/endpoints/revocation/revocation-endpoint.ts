import { authenticateClient } from '../../operations/authenticate-client.ts'
import { revokeGrant } from '../../operations/revoke-grants.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { credentialParameters, presentedCredentials } from '../../protocol/client-authentication.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { readForm } from '../../protocol/http/form.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import type { Signet } from '../../signet.ts'
import { recogniseToken } from '../../tokens/presented-token.ts'
import { accessTokenStatus, refreshTokenStatus, type TokenStatus } from '../../tokens/token-status-store.ts'

const parameters = { token: 16_384, token_type_hint: 200, ...credentialParameters }

/**
 * Revocation endpoint, RFC 7009 §2. Revoking any token of a grant ends the grant: refresh token and access tokens are one
 * authorization, and who gives one back means all of it.
 */
export function revocationEndpoint(app: App, signet: Signet): void {
  app.post<{ Body: Parameters | undefined }>('/revoke', async (request, reply) => {
    const body = readForm(request.body, parameters)
    const { client } = await authenticateClient(signet, presentedCredentials(request.headers.authorization, body))
    if (body.token === undefined) throw new OAuthError('parameter_missing', { about: 'token' })
    const status = await statusOf(signet, body.token)
    // RFC 7009 §2.2: what is not a token of ours, or not one any more, is what the client wanted it to be.
    if (!status) return reply.send()
    // §2.1: a token of another client is refused, and nothing happens to it.
    const { grant } = status
    if (grant.clientId !== client.client_id)
      throw new OAuthError('token_of_another_client', { detail: `grant ${grant.id} is of client ${grant.clientId}` })
    // The standing grant belongs to the credential: else one pod could stop all the others.
    if (grant.sub === undefined) throw new OAuthError('token_not_revocable')
    const actor = { kind: 'client', clientId: client.client_id, caller: callerOf(request) } as const
    await revokeGrant(signet, actor, grant)
    return reply.send()
  })
}

async function statusOf(signet: Signet, text: string): Promise<TokenStatus | undefined> {
  const token = await recogniseToken(signet, text)
  if (!token) return undefined
  return token.kind === 'access_token'
    ? accessTokenStatus(signet.database, token.grantId, token.claims.aud)
    : refreshTokenStatus(signet.database, token.familyDigest)
}
