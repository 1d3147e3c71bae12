import type { Clock } from '../platform/clock.ts'
import type { Settings } from '../platform/config/settings.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { verifyClientAssertion } from '../protocol/client-assertion.ts'
import { authenticationFailed, matchingSecret, type PresentedCredentials } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { type Client, isPublic, type KeyClient, usesSecret } from '../records/clients/client.ts'
import { useAssertion } from '../records/clients/client-assertions-store.ts'
import type { KnownClients } from '../records/clients/known-clients.ts'
import type { GrantId } from '../records/ids.ts'

/** What a client proved itself with; its standing grant is the one that stands for it (client_credentials). */
export interface Credential {
  /** Undefined: a key. */
  readonly secretId: number | undefined
  readonly standingGrant: GrantId | undefined
}

/** The client that sent a request; a public client proves nothing. */
export interface AuthenticatedClient {
  readonly client: Client
  readonly credential: Credential | undefined
}

/** What authentication needs of Signet. */
interface Terms {
  readonly database: Queryable
  readonly clients: KnownClients
  readonly settings: Pick<Settings, 'issuer' | 'clockSkew'>
  readonly clock: Clock
}

/**
 * Finds the client and checks what it shows. An unknown client and a wrong secret take the same way and get the same answer. One that
 * is in memory can be a moment old, so nobody is refused by it: a secret that has just been made is good at once.
 *
 * @throws OAuthError `invalid_client`
 */
export async function authenticateClient(terms: Terms, presented: PresentedCredentials): Promise<AuthenticatedClient> {
  const known = terms.clients.known(presented.clientId)
  if (known) {
    try {
      return await authenticateAs(terms, known, presented)
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
    }
  }
  return authenticateAs(terms, await terms.clients.read(presented.clientId), presented)
}

async function authenticateAs(
  terms: Terms,
  client: Client | undefined,
  presented: PresentedCredentials,
): Promise<AuthenticatedClient> {
  switch (presented.method) {
    case 'none':
      if (!client || !isPublic(client)) throw clientRefused(client, presented.method)
      return { client, credential: undefined }
    case 'private_key_jwt':
      if (client?.token_endpoint_auth_method !== presented.method) throw clientRefused(client, presented.method)
      await checkAssertion(terms, client, presented.assertion)
      return { client, credential: { secretId: undefined, standingGrant: client.standingGrant } }
    default: {
      const holder = client && usesSecret(client) ? client : undefined
      const secret = matchingSecret(holder?.secrets, presented.secret)
      if (!holder || !secret) throw clientRefused(client, presented.method)
      // Told only to who knows the secret: which method a client uses is its own business.
      if (holder.token_endpoint_auth_method !== presented.method)
        throw authenticationFailed(
          'client_authentication_method_wrong',
          `client ${holder.client_id} sent its secret by ${presented.method}`,
          holder.token_endpoint_auth_method,
        )
      return { client: holder, credential: { secretId: secret.id, standingGrant: secret.standingGrant } }
    }
  }
}

/**
 * RFC 7523 §3. The audience is the issuer and nothing else, so that an assertion for one endpoint, or for another server, is no
 * use here. Its `jti` is kept only after the signature holds: else anybody could fill the table.
 *
 * @throws OAuthError `invalid_client`
 */
async function checkAssertion(terms: Terms, client: KeyClient, assertion: string): Promise<void> {
  const { settings, clock, database } = terms
  const verified = await verifyClientAssertion(assertion, {
    clientId: client.client_id,
    audiences: [settings.issuer],
    jwks: { keys: [...client.jwks.keys] },
    algorithm: client.token_endpoint_auth_signing_alg,
    now: clock.seconds(),
    clockSkew: settings.clockSkew,
  })
  if ('fault' in verified)
    throw authenticationFailed('client_assertion_refused', `client_assertion of ${client.client_id}: ${verified.fault}`)
  if (!(await useAssertion(database, client.client_id, digest(verified.jti), verified.forgetAt)))
    throw authenticationFailed('client_assertion_replayed', `client ${client.client_id} sent the same jti again`)
}

/** The refusal of a client that is unknown or did not prove itself. The client cannot tell which; the operator can. */
function clientRefused(client: Client | undefined, method: PresentedCredentials['method']): OAuthError {
  return authenticationFailed('client_authentication_failed', faultOf(client, method))
}

function faultOf(client: Client | undefined, method: PresentedCredentials['method']): string {
  if (!client) return 'client_id: there is no such client'
  const registered = client.token_endpoint_auth_method
  return registered === method
    ? `client ${client.client_id}: the secret is none of its live ones`
    : `client ${client.client_id} is registered for ${registered} and came with ${method}`
}
