import type { Clock } from '../platform/clock.ts'
import type { Settings } from '../platform/config/settings.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { claimedKeyId, verifyClientAssertion } from '../protocol/client-assertion.ts'
import { matchingSecret, type PresentedCredentials } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { type Client, isPublic, type KeyClient, usesSecret } from '../records/clients/client.ts'
import { markAssertionUsed } from '../records/clients/client-assertions-store.ts'
import type { ClientCache } from '../records/clients/client-cache.ts'
import { type ClientKeySets, ClientKeysUnavailable } from '../records/clients/client-keys.ts'
import type { GrantId } from '../records/ids.ts'

/** The credential that a client authenticated with, and the standing grant of this credential (client_credentials). */
export interface Credential {
  /** Undefined if the credential is a key. */
  readonly secretId: number | undefined
  readonly standingGrant: GrantId | undefined
}

/** The client that sent a request. A public client has no credential. */
export interface AuthenticatedClient {
  readonly client: Client
  readonly credential: Credential | undefined
}

/** The parts of Signet that authentication needs. */
interface Context {
  readonly database: Queryable
  readonly clients: ClientCache
  readonly clientKeys: ClientKeySets
  readonly settings: Pick<Settings, 'issuer' | 'clockSkew'>
  readonly clock: Clock
}

/**
 * Looks up the client and checks its credentials. An unknown client and a wrong secret are handled the same way and get the same response.
 * A cached client can be slightly out of date. So before a request is refused, the client is read from the database: a new secret works
 * immediately.
 *
 * @throws OAuthError `invalid_client`
 */
export async function authenticateClient(
  context: Context,
  presented: PresentedCredentials,
): Promise<AuthenticatedClient> {
  const cached = context.clients.cached(presented.clientId)
  if (cached) {
    try {
      return await authenticateAs(context, cached, presented)
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
    }
  }
  return authenticateAs(context, await context.clients.read(presented.clientId), presented)
}

async function authenticateAs(
  context: Context,
  client: Client | undefined,
  presented: PresentedCredentials,
): Promise<AuthenticatedClient> {
  switch (presented.method) {
    case 'none':
      if (!client || !isPublic(client)) throw clientRefused(client, presented.method)
      return { client, credential: undefined }
    case 'private_key_jwt':
      if (client?.token_endpoint_auth_method !== presented.method) throw clientRefused(client, presented.method)
      await checkAssertion(context, client, presented.assertion)
      return { client, credential: { secretId: undefined, standingGrant: client.standingGrant } }
    default: {
      const holder = client && usesSecret(client) ? client : undefined
      const secret = matchingSecret(holder?.secrets, presented.secret)
      if (!holder || !secret) throw clientRefused(client, presented.method)
      const registered = holder.token_endpoint_auth_method
      // Only a caller that knows the secret learns which method is registered.
      if (registered !== undefined && registered !== presented.method)
        throw new OAuthError('client_authentication_method_wrong', {
          param: registered,
          detail: `client ${holder.client_id} sent its secret with ${presented.method}`,
        })
      return { client: holder, credential: { secretId: secret.id, standingGrant: secret.standingGrant } }
    }
  }
}

/**
 * Checks a client assertion (RFC 7523 §3). At every endpoint its audience is the issuer or the token endpoint. The `jti` is stored only after
 * the signature was verified. Otherwise anyone could fill the table.
 *
 * @throws OAuthError `invalid_client`
 */
async function checkAssertion(context: Context, client: KeyClient, assertion: string): Promise<void> {
  const { settings, clock, database } = context
  const verified = await verifyClientAssertion(assertion, {
    clientId: client.client_id,
    issuer: settings.issuer,
    otherAudiences: [`${settings.issuer}/token`],
    requireIssuerAudience: client.require_issuer_audience,
    jwks: await keysFor(context, client, assertion),
    algorithm: client.token_endpoint_auth_signing_alg,
    now: clock.seconds(),
    clockSkew: settings.clockSkew,
  })
  if ('fault' in verified)
    throw new OAuthError('client_assertion_refused', {
      detail: `client_assertion of ${client.client_id}: ${verified.fault}`,
    })
  if (!(await markAssertionUsed(database, client.client_id, digest(verified.jti), verified.forgetAt)))
    throw new OAuthError('client_assertion_replayed', { detail: `client ${client.client_id} sent the same jti again` })
}

/** @throws OAuthError `invalid_client` if the keys at its `jwks_uri` cannot be had */
async function keysFor({ clientKeys }: Context, client: KeyClient, assertion: string) {
  try {
    const { keys } = await clientKeys.keysOf(client, claimedKeyId(assertion))
    return { keys: [...keys] }
  } catch (error) {
    if (!(error instanceof ClientKeysUnavailable)) throw error
    throw new OAuthError('client_keys_unavailable', { detail: `client ${client.client_id}: ${error.message}` })
  }
}

/** The error for a client that is unknown or failed to authenticate. Only the details for the operator say which. */
function clientRefused(client: Client | undefined, method: PresentedCredentials['method']): OAuthError {
  return new OAuthError('client_authentication_failed', { detail: faultOf(client, method) })
}

function faultOf(client: Client | undefined, method: PresentedCredentials['method']): string {
  if (!client) return 'client_id: no such client'
  if (usesSecret(client) && method.startsWith('client_secret_'))
    return `client ${client.client_id}: the secret matches none of its active ones`
  return `client ${client.client_id} is registered for ${client.token_endpoint_auth_method ?? 'a secret'} but used ${method}`
}
