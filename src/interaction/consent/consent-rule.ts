import { type ClientMetadata, isPublic } from '../../records/clients/client.ts'
import type { Consent } from '../../records/consents/consents-store.ts'
import type { Resource } from '../../records/resources/resource.ts'
import type { AuthorizationRequest } from '../authorization-request.ts'

type Asked = Pick<AuthorizationRequest, 'target' | 'prompt' | 'scopes' | 'resources'>

/**
 * Whether the person has to be asked (OpenID Connect Core §3.1.2.4). Consent is skipped for the operator's own applications, and if the
 * person has already allowed everything.
 *
 * @param consent what the person has allowed this client so far; undefined for nothing
 */
export function needsConsent({ target, prompt, scopes, resources }: Asked, consent: Consent | undefined): boolean {
  const { client, redirectUri } = target
  if (prompt.has('consent') || canBeImpersonated(client, redirectUri)) return true
  if (client.first_party) return false
  return (
    !consent ||
    !scopes.every((scope) => consent.scopes.includes(scope)) ||
    !resources.every((resource) => consent.resources.includes(resource))
  )
}

/**
 * Whether another app could impersonate this one, because only the redirect URI identifies it and any app can listen there
 * (RFC 8252 §8.6). The person is then asked every time.
 */
export function canBeImpersonated(
  client: Pick<ClientMetadata, 'token_endpoint_auth_method'>,
  redirectUri: string,
): boolean {
  return isPublic(client) && !redirectUri.startsWith('https:')
}

/** The APIs shown on the consent page: those that the request names, and the owners of its scopes. */
export function resourcesAskedAbout({ target, scopes, resources }: Asked): Resource[] {
  return target.client.allowed.filter(
    (resource) => resources.includes(resource.identifier) || resource.scopes.some((scope) => scopes.includes(scope)),
  )
}
