import { type Client, type ClientMetadata, isPublic } from '../../records/clients/client.ts'
import { type Presentation, presentationOf } from '../../records/clients/self-registration.ts'
import type { GivenConsent } from '../../records/consents/consents-store.ts'
import { noClaims, type RequestedClaims } from '../../records/grants/claims-of-request.ts'
import type { Resource } from '../../records/resources/resource.ts'
import { claimsBeyond, isClaimAllowed } from '../../tokens/requested-claims.ts'
import type { AuthorizationRequest } from '../authorization-request.ts'

type Asked = Pick<AuthorizationRequest, 'target' | 'prompt' | 'scopes' | 'resources' | 'claims'>

/**
 * Whether the person has to be asked (OpenID Connect Core §3.1.2.4). Consent is skipped for the operator's own applications, and if the
 * person has already allowed everything.
 *
 * @param consent what the person has allowed this client so far; undefined for nothing
 */
export function needsConsent(
  { target, prompt, scopes, resources, claims }: Asked,
  consent: GivenConsent | undefined,
): boolean {
  const { client } = target
  if (prompt.has('consent') || isAskedEveryTime(target)) return true
  // The database allows no client to be both. If nobody knows who is behind a client, only the person can decide.
  if (client.first_party && !client.isSelfRegistered) return false
  return (
    !consent ||
    consent.isOutdated ||
    !scopes.every((scope) => consent.scopes.includes(scope)) ||
    !resources.every((resource) => consent.resources.includes(resource)) ||
    !claimsBeyond(scopes, claims).every((claim) => isClaimAllowed(consent, claim))
  )
}

/**
 * Whether the person has allowed the client, as it is now, nothing, so that it must not learn who they are. It could be another app that answers, too.
 *
 * @param consent as in `needsConsent`
 */
export function isStranger(target: Asked['target'], consent: GivenConsent | undefined): boolean {
  return isAskedEveryTime(target) || (!target.client.first_party && (!consent || consent.isOutdated))
}

/** Where a response goes, as far as these rules need it. */
type AskedTarget = Pick<Asked['target'], 'redirectUri' | 'isFrontChannel'> & {
  readonly client: Pick<Client, 'token_endpoint_auth_method' | 'isSelfRegistered' | 'redirect_uris'>
}

/**
 * Whether another app could impersonate this one, because only the redirect URI identifies it and any app can listen there
 * (RFC 8252 §8.6). The person is then asked every time. Tokens from the authorization endpoint need no client authentication, so there the secret of a
 * confidential client protects nothing.
 */
export function canBeImpersonated({
  client,
  redirectUri,
  isFrontChannel,
}: Pick<AskedTarget, 'redirectUri' | 'isFrontChannel'> & {
  readonly client: Pick<ClientMetadata, 'token_endpoint_auth_method'>
}): boolean {
  return (isPublic(client) || isFrontChannel) && !redirectUri.startsWith('https:')
}

/**
 * Whether a consent never holds for a later request: another app could send it, or the client leads to several hosts. If nobody knows who is behind a client, the
 * host on the page is all that a person can judge it by. A consent that they gave for the host of somebody they trust must not send a code to another one.
 */
export function isAskedEveryTime(target: AskedTarget): boolean {
  return canBeImpersonated(target) || (target.client.isSelfRegistered && hasSeveralHosts(target.client))
}

function hasSeveralHosts({ redirect_uris: uris }: Pick<Client, 'redirect_uris'>): boolean {
  return new Set(uris.map((uri) => new URL(uri).hostname)).size > 1
}

/** What a person decides about: scopes, resources and single claims of a request, and the client, which determines who owns the scopes. */
interface AskedAbout {
  readonly client: Pick<Client, 'allowed' | 'isSelfRegistered' | 'document' | Presentation>
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  /** Claims that the request names. A device cannot name any. */
  readonly claims?: RequestedClaims
}

/** The APIs shown on a page that asks for consent: those that the request names, and the owners of its scopes. */
export function resourcesAskedAbout({ client, scopes, resources }: AskedAbout): Resource[] {
  return client.allowed.filter(
    (resource) => resources.includes(resource.identifier) || resource.scopes.some((scope) => scopes.includes(scope)),
  )
}

/**
 * The scopes that a page shows, their owners, the claims beyond the scopes, and how a client that registered itself presents itself, as a text for the proof in
 * its form, also with the keys in its client ID metadata document. If any of them changes, so does the text. A client that changed its name while the page was open would otherwise get a consent that the person gave
 * to another name. Without claims, and for other clients, the text is that of the previous release, so that pages of either can be answered at the other.
 */
export function shownAccess(asked: AskedAbout): string {
  const owned = resourcesAskedAbout(asked).map((resource) => [
    resource.identifier,
    ...resource.scopes.filter((scope) => asked.scopes.includes(scope)),
  ])
  const claims = claimsBeyond(asked.scopes, asked.claims ?? noClaims)
  const access = claims.length > 0 ? [asked.scopes, owned, claims] : [asked.scopes, owned]
  const { client } = asked
  const version = client.document ? [client.document.digest] : []
  return JSON.stringify(client.isSelfRegistered ? [access, presentationOf(client), ...version] : access)
}
