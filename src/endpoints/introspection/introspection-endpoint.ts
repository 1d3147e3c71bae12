import { type AuthenticatedClient, authenticateClient } from '../../operations/authenticate-client.ts'
import { introspectToken } from '../../operations/introspect-token.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { challenged, credentialParameters, presentedCredentials } from '../../protocol/client-authentication.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { type Form, readForm } from '../../protocol/http/form.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import { isPublic } from '../../records/clients/client.ts'
import type { Signet } from '../../signet.ts'

const parameters = { token: 16_384, token_type_hint: 200, ...credentialParameters }

/** Introspection endpoint, RFC 7662 §2. */
export function introspectionEndpoint(app: App, signet: Signet): void {
  app.post<{ Body: Parameters | undefined }>('/introspect', async (request) => {
    const body = readForm(request.body, parameters)
    const { client } = await authenticate(signet, request.headers.authorization, body)
    // RFC 7662 §2.1: callers must be authorized, to prevent scanning for tokens. A public client is not authenticated.
    if (isPublic(client)) throw new OAuthError('introspection_needs_authentication')
    if (body.token === undefined) throw new OAuthError('parameter_missing', { param: 'token' })
    return introspectToken(signet, client, body.token)
  })
}

/**
 * RFC 7662 §2.3: the status is 401 if the credentials are invalid, wherever they were sent. RFC 9110 §15.5.2 requires a challenge with it.
 */
async function authenticate(
  signet: Signet,
  authorization: string | undefined,
  body: Form<keyof typeof parameters>,
): Promise<AuthenticatedClient> {
  try {
    return await authenticateClient(signet, presentedCredentials(authorization, body))
  } catch (error) {
    throw error instanceof OAuthError && error.code === 'invalid_client' ? challenged(error) : error
  }
}
