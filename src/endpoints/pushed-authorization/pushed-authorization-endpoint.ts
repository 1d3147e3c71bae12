import { pushRequest } from '../../interaction/pushed-request.ts'
import { parametersInObject } from '../../interaction/received-request.ts'
import { authenticateClient } from '../../operations/authenticate-client.ts'
import { resolveAuthenticating } from '../../operations/resolve-client.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { credentialParameters, presentedCredentials } from '../../protocol/client-authentication.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { readForm, readResources } from '../../protocol/http/form.ts'
import { noParameters, type Parameters, parametersOf, soundParameters } from '../../protocol/http/parameters.ts'
import { noteForOperator } from '../../protocol/operator-notes.ts'
import type { Client } from '../../records/clients/client.ts'
import type { Signet } from '../../signet.ts'

/** Pushed authorization request endpoint, RFC 9126 §2. Clients authenticate as at the token endpoint. */
export function pushedAuthorizationEndpoint(app: App, signet: Signet): void {
  app.post<{ Body: Parameters | undefined }>('/par', async (request, reply) => {
    const body = request.body ?? noParameters
    const credentials = presentedCredentials(request.headers.authorization, readForm(body, credentialParameters))
    const arrived = await resolveAuthenticating(signet, credentials.clientId, callerOf(request))
    const { client } = await authenticateClient(signet, credentials, arrived)
    request.clientId = client.client_id
    const pushed = await pushRequest(signet, client, callerOf(request).network, await readRequest(signet, client, body))
    for (const note of pushed.notes) noteForOperator(request, note)
    return reply.status(201).send({ request_uri: pushed.requestUri, expires_in: pushed.expiresIn })
  })
}

/** The authorization request in a form: its parameters, or those in its request object, which then are the only ones (RFC 9126 §3). */
async function readRequest(signet: Signet, client: Client, body: Parameters) {
  const { values } = soundParameters(body)
  // RFC 9126 §2.1.
  if (values.has('request_uri')) throw new OAuthError('request_uri_pushed')
  const object = values.get('request')
  if (object !== undefined) return { parameters: await parametersInObject(signet, client, object), isSigned: true }
  // Whoever authenticates by the header need not repeat the client_id.
  const named = new Map([...values, ['client_id', client.client_id]])
  return { parameters: parametersOf({ values: named, resource: readResources(body) }), isSigned: false }
}
