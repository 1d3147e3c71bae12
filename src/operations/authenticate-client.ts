import type { KeyObject } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../platform/clock.ts'
import type { Settings } from '../platform/config/settings.ts'
import type { Database } from '../platform/database/pool.ts'
import type { Outgoing } from '../platform/outgoing/outgoing.ts'
import { digest } from '../platform/secrets/digest.ts'
import type { LiveSecrets } from '../platform/secrets/purpose-secrets.ts'
import type { Turns } from '../platform/turns.ts'
import {
  type AssertionRules,
  claimedKeyId,
  matchingHmacSecret,
  type VerifiedAssertion,
  verifyClientAssertion,
  verifyHmacAssertion,
} from '../protocol/client-assertion.ts'
import { matchingSecret, type PresentedCredentials } from '../protocol/client-authentication.ts'
import type { PublicKeys } from '../protocol/client-jwt.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import {
  type Client,
  type ClientSecret,
  isPublic,
  type KeyClient,
  type SecretJwtClient,
  usesSecret,
} from '../records/clients/client.ts'
import { markAssertionUsed } from '../records/clients/client-assertions-store.ts'
import type { ClientCache } from '../records/clients/client-cache.ts'
import { type ClientKeySets, ClientKeysUnavailable } from '../records/clients/client-keys.ts'
import { resealClientSecret } from '../records/clients/client-secrets-store.ts'
import { hmacKeyOf, openHmacSecrets, resealed } from '../records/clients/hmac-secrets.ts'
import type { GrantId } from '../records/ids.ts'
import { acceptedClient, refreshClient } from './resolve-client.ts'

/** The credential that a client authenticated with, and the standing grant of this credential (client_credentials). */
export interface Credential {
  /** Undefined if the credential is a key. */
  readonly secretId: number | undefined
  /** The secret as a key, if the client's ID tokens are signed with it. Undefined if it is too short for that. */
  readonly hmacKey: KeyObject | undefined
  readonly standingGrant: GrantId | undefined
}

/** The client that sent a request. A public client has no credential. */
export interface AuthenticatedClient {
  readonly client: Client
  readonly credential: Credential | undefined
}

/** The parts of Signet that authentication needs. */
interface Context {
  readonly database: Database
  readonly clients: ClientCache
  readonly clientKeys: ClientKeySets
  readonly secrets: LiveSecrets
  readonly settings: Pick<Settings, 'name' | 'issuer' | 'clockSkew' | 'clientIdMetadataHosts'>
  readonly clock: Clock
  readonly outgoing: Outgoing
  readonly turns: Turns
}

/**
 * Looks up the client and checks its credentials. An unknown client and a wrong secret are handled the same way and get the same response.
 * A cached client can be slightly out of date. So before a request is refused, the client is read from the database: a new secret works
 * immediately.
 *
 * @param arrived the client, if it has just been read because its request is an authorization request (resolve-client.ts)
 * @throws OAuthError `invalid_client`; another code if the client ID metadata document of the client cannot be had now
 */
export async function authenticateClient(
  context: Context,
  presented: PresentedCredentials,
  arrived?: Client,
): Promise<AuthenticatedClient> {
  if (arrived) return authenticateAs(context, arrived, presented)
  const cached = acceptedClient(context.settings, context.clients.cached(presented.clientId))
  if (cached && !needsRefresh(context, cached, presented)) {
    try {
      return await authenticateAs(context, cached, presented)
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
    }
  }
  const read = acceptedClient(context.settings, await context.clients.read(presented.clientId))
  const client = read && needsRefresh(context, read, presented) ? await refreshClient(context, read) : read
  return authenticateAs(context, client, presented)
}

/**
 * Whether the keys of a client may be out of date, because its client ID metadata document must not be kept any longer. Without an assertion nothing depends on them: a public client
 * proves nothing.
 */
function needsRefresh({ clock }: Context, { document }: Client, { method }: PresentedCredentials): boolean {
  return document !== undefined && method === 'private_key_jwt' && document.expiresAt <= clock.now()
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
    case 'private_key_jwt': {
      const holder = client && withKeys(client)
      if (!client || !holder) throw clientRefused(client, presented.method)
      await checkSignedAssertion(context, holder, presented.assertion)
      return { client, credential: { secretId: undefined, hmacKey: undefined, standingGrant: holder.standingGrant } }
    }
    case 'client_secret_jwt': {
      const { holder, matching } = await authenticateByHmac(context, client, presented.assertion)
      return { client: holder, credential: { ...credentialOf(matching.secret), hmacKey: matching.key } }
    }
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
      if (holder.id_token_signed_response_alg !== 'HS256')
        return { client: holder, credential: { ...credentialOf(secret), hmacKey: undefined } }
      await resealIfDue(context, holder, secret, presented.secret)
      return { client: holder, credential: { ...credentialOf(secret), hmacKey: hmacKeyOf(presented.secret) } }
    }
  }
}

function credentialOf({ id, standingGrant }: ClientSecret) {
  return { secretId: id, standingGrant }
}

/** A client that can authenticate with a key. One with a client ID metadata document that lets it choose (records/clients/client-document.ts) is public, and still must not send a wrong assertion. */
function withKeys(client: Client): KeyClient | undefined {
  if (client.token_endpoint_auth_method === 'private_key_jwt') return client
  if (!client.document || !isPublic(client) || (!client.jwks && client.jwks_uri === undefined)) return undefined
  return { ...client, token_endpoint_auth_method: 'private_key_jwt', standingGrant: undefined }
}

/** @throws OAuthError `invalid_client` */
async function checkSignedAssertion(context: Context, client: KeyClient, assertion: string): Promise<void> {
  const kid = claimedKeyId(assertion)
  const verified = await verifyClientAssertion(assertion, rulesFor(context, client), {
    keys: (tried) => keysFor(context, client, kid, tried),
    algorithm: client.token_endpoint_auth_signing_alg,
  })
  await useOnce(context, client, verified)
}

/**
 * client_secret_jwt. An unknown client and a wrong secret are handled the same way, and get the same response. What else is wrong is said only to a
 * caller that knows the secret.
 *
 * @throws OAuthError `invalid_client`
 */
async function authenticateByHmac(context: Context, client: Client | undefined, assertion: string) {
  const holder = client?.token_endpoint_auth_method === 'client_secret_jwt' ? client : undefined
  const opened = holder ? await openHmacSecrets(context.secrets, holder) : []
  const matching = matchingHmacSecret(assertion, opened)
  if (!holder || !matching) throw clientRefused(client, 'client_secret_jwt')
  await useOnce(context, holder, await verifyHmacAssertion(assertion, rulesFor(context, holder), matching.key))
  await resealIfDue(context, holder, matching.secret, matching.key.export().toString('utf8'))
  return { holder, matching }
}

/** Once after each rotation of the purpose secret, so that its earlier version can be deleted. */
async function resealIfDue(
  { database, secrets }: Context,
  { client_id: clientId }: Client,
  secret: ClientSecret,
  value: string,
): Promise<void> {
  if (!secret.sealed) return
  const replacement = resealed(secrets['client-secrets'], clientId, secret, value)
  if (replacement) await resealClientSecret(database, secret.id, secret.sealed, replacement)
}

/** At every endpoint, the audience of an assertion is the issuer, the token endpoint, or the one for pushed requests (RFC 9126 §2). */
function rulesFor({ settings, clock }: Context, client: KeyClient | SecretJwtClient): AssertionRules {
  return {
    clientId: client.client_id,
    issuer: settings.issuer,
    otherAudiences: [`${settings.issuer}/token`, `${settings.issuer}/par`],
    requireIssuerAudience: client.require_issuer_audience,
    now: clock.seconds(),
    clockSkew: settings.clockSkew,
  }
}

/**
 * Accepts an assertion once (RFC 7523 §3, item 7). The `jti` is stored only after the signature was verified. Otherwise anyone could fill the table.
 *
 * @throws OAuthError `invalid_client`
 */
async function useOnce({ database }: Context, client: Client, verified: VerifiedAssertion): Promise<void> {
  if ('fault' in verified)
    throw new OAuthError('client_assertion_refused', {
      detail: `client_assertion of ${client.client_id}: ${verified.fault}`,
    })
  if (!(await markAssertionUsed(database, client.client_id, digest(verified.jti), verified.forgetAt)))
    throw new OAuthError('client_assertion_replayed', { detail: `client ${client.client_id} sent the same jti again` })
}

/**
 * If the keys in a client ID metadata document were tried in vain, it is fetched again, as a `jwks_uri` is.
 *
 * @throws OAuthError `invalid_client` if the keys at its `jwks_uri` cannot be had
 */
async function keysFor(context: Context, client: KeyClient, kid: string | undefined, tried?: PublicKeys) {
  try {
    if (!client.document || !client.jwks || !tried) return await context.clientKeys.keysOf(client, kid, tried)
    const { jwks } = (await refreshClient(context, client)) ?? {}
    return jwks && !isDeepStrictEqual(jwks, client.jwks) ? jwks : tried
  } catch (error) {
    if (!(error instanceof ClientKeysUnavailable)) throw error
    // Nobody at this client can do anything about `invalid_client`, and libraries would throw its tokens away.
    const entry = client.document ? 'client_document_unavailable' : 'client_keys_unavailable'
    throw new OAuthError(entry, { detail: `client ${client.client_id}: ${error.message}` })
  }
}

/** The error for a client that is unknown or failed to authenticate. Only the details for the operator say which. */
function clientRefused(client: Client | undefined, method: PresentedCredentials['method']): OAuthError {
  return new OAuthError('client_authentication_failed', { detail: faultOf(client, method) })
}

function faultOf(client: Client | undefined, method: PresentedCredentials['method']): string {
  if (!client) return 'client_id: no such client'
  const isSent = method === 'client_secret_basic' || method === 'client_secret_post'
  if (usesSecret(client) && (isSent || client.token_endpoint_auth_method === method))
    return `client ${client.client_id}: the secret matches none of its active ones`
  return `client ${client.client_id} is registered for ${client.token_endpoint_auth_method ?? 'a secret'} but used ${method}`
}
