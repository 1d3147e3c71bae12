import { type Client, type ClientMetadata, isPublic } from '../../records/clients/client.ts'
import type { GivenConsent } from '../../records/consents/consents-store.ts'
import type { Resource } from '../../records/resources/resource.ts'
import type { AuthorizationRequest } from '../authorization-request.ts'

type Asked = Pick<AuthorizationRequest, 'target' | 'prompt' | 'scopes' | 'resources'>

/**
 * Whether the person has to be asked (OpenID Connect Core §3.1.2.4). Consent is skipped for the operator's own applications, and if the
 * person has already allowed everything.
 *
 * @param consent what the person has allowed this client so far; undefined for nothing
 */
export function needsConsent({ target, prompt, scopes, resources }: Asked, consent: GivenConsent | undefined): boolean {
  const { client, redirectUri } = target
  if (prompt.has('consent') || canBeImpersonated(client, redirectUri)) return true
  // The database allows no client to be both. If nobody knows who is behind a client, only the person can decide.
  if (client.first_party && !client.isSelfRegistered) return false
  return (
    !consent ||
    consent.isOutdated ||
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

/** What a person decides about: the scopes and resources of a request, and the client, which determines who owns the scopes. */
interface AskedAbout {
  readonly client: Pick<Client, 'allowed'>
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
}

/** The APIs shown on a page that asks for consent: those that the request names, and the owners of its scopes. */
export function resourcesAskedAbout({ client, scopes, resources }: AskedAbout): Resource[] {
  return client.allowed.filter(
    (resource) => resources.includes(resource.identifier) || resource.scopes.some((scope) => scopes.includes(scope)),
  )
}

/** The scopes that a page shows and their owners, as a text for the proof in its form. If either changes, so does the text. */
export function shownAccess(asked: AskedAbout): string {
  const owned = resourcesAskedAbout(asked).map((resource) => [
    resource.identifier,
    ...resource.scopes.filter((scope) => asked.scopes.includes(scope)),
  ])
  return JSON.stringify([asked.scopes, owned])
}
