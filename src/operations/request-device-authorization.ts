import { digest, randomText } from '../platform/secrets/digest.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import type { OperatorNote } from '../protocol/operator-notes.ts'
import { type Client, deviceCodeGrant, isPublic } from '../records/clients/client.ts'
import type { Signet } from '../signet.ts'
import { deviceRequestTtl, newUserCode, pollInterval, type UserCode } from '../tokens/device-request.ts'
import { insertDeviceRequest } from '../tokens/device-requests-store.ts'
import { notesAboutDropped, requestedResources, requestedScopes } from '../tokens/requested-scopes.ts'
import { withinLimit } from './within-limit.ts'

/** What a device receives (RFC 8628 §3.2). */
export interface DeviceAuthorization {
  readonly deviceCode: string
  readonly userCode: UserCode
  /** Seconds. */
  readonly expiresIn: number
  /** Seconds. */
  readonly interval: number
  readonly notes: readonly OperatorNote[]
}

/**
 * Stores the request of a device (RFC 8628 §3.1). Nothing is allowed by it: a person has to decide. The device code has 256 random bits; the
 * database stores only its digest.
 *
 * There is no event for it, because anybody can send such requests, and events are kept.
 *
 * @param client the authenticated client
 * @param network the network address of the caller
 * @throws OAuthError `unauthorized_client`, `invalid_scope`, `invalid_target`, or if there are too many requests; TooManyWaiting
 */
export async function requestDeviceAuthorization(
  signet: Pick<Signet, 'database' | 'limits' | 'metrics' | 'settings'>,
  client: Client,
  network: string,
  request: { readonly scope: string | undefined; readonly resource: readonly string[] },
): Promise<DeviceAuthorization> {
  const { database, limits, settings } = signet
  if (!client.grant_types.includes(deviceCodeGrant))
    throw new OAuthError('device_code_not_registered', { detail: `client ${client.client_id}` })
  const { scopes, dropped } = requestedScopes(client, request.scope)
  const resources = requestedResources(client, request.resource, settings.issuer)
  // A server that authenticates may ask for any number of devices from its one network. But anybody can register clients themselves.
  const ofNetwork = isPublic(client) || client.isSelfRegistered ? network : undefined
  await withinLimit(signet, 'too_many_device_requests', () => limits.beforeDeviceRequest(ofNetwork, client.client_id))
  const deviceCode = randomText(32)
  const stored = {
    ...{ digest: digest(deviceCode), clientId: client.client_id, scopes, resources },
    ...{ ttl: deviceRequestTtl, interval: pollInterval },
  }
  // Another pending request may have the same user code, which happens once in millions of requests.
  let userCode = newUserCode()
  while (!(await insertDeviceRequest(database, { ...stored, userCode }))) userCode = newUserCode()
  const notes = notesAboutDropped(client, dropped)
  return { deviceCode, userCode, expiresIn: deviceRequestTtl, interval: pollInterval, notes }
}
