import { authenticateClient } from '../../operations/authenticate-client.ts'
import { requestDeviceAuthorization } from '../../operations/request-device-authorization.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { credentialParameters, presentedCredentials } from '../../protocol/client-authentication.ts'
import { readForm, readResources } from '../../protocol/http/form.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import { noteForOperator } from '../../protocol/operator-notes.ts'
import type { Signet } from '../../signet.ts'
import { shownUserCode } from '../../tokens/device-request.ts'

const parameters = { ...credentialParameters, scope: 4096 }

/** Device authorization endpoint, RFC 8628 §3.1 and §3.2. Clients authenticate as at the token endpoint. */
export function deviceAuthorizationEndpoint(app: App, signet: Signet): void {
  const verificationUri = `${signet.settings.issuer}/device`
  app.post<{ Body: Parameters | undefined }>('/device_authorization', async (request) => {
    const body = readForm(request.body, parameters)
    const resource = readResources(request.body)
    const { client } = await authenticateClient(signet, presentedCredentials(request.headers.authorization, body))
    request.clientId = client.client_id
    const asked = { scope: body.scope, resource }
    const issued = await requestDeviceAuthorization(signet, client, callerOf(request).network, asked)
    for (const note of issued.notes) noteForOperator(request, note)
    const userCode = shownUserCode(issued.userCode)
    return {
      device_code: issued.deviceCode,
      user_code: userCode,
      verification_uri: verificationUri,
      verification_uri_complete: `${verificationUri}?user_code=${userCode}`,
      expires_in: issued.expiresIn,
      interval: issued.interval,
    }
  })
}
