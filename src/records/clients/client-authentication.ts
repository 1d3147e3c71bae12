import type { Clock } from '../../platform/clock.ts'
import type { Settings } from '../../platform/config/settings.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { digest, equalInConstantTime } from '../../platform/secrets/digest.ts'
import { claimedClientId, verifyClientAssertion } from '../../protocol/client-assertion.ts'
import type { ErrorName } from '../../protocol/errors/error-registry.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import type { Form } from '../../protocol/http/form.ts'
import type { GrantId } from '../ids.ts'
import { type Client, type ClientSecret, isPublic, usesSecret } from './client.ts'
import { useAssertion } from './client-assertions-store.ts'
import type { KnownClients } from './known-clients.ts'

/** The parameters of a form by which clients authenticate (RFC 6749 §2.3.1, RFC 7521 §4.2), with bounds on their length. */
export const credentialParameters = {
  client_id: 255,
  client_secret: 255,
  client_assertion_type: 255,
  client_assertion: 8192,
}

type CredentialForm = Form<keyof typeof credentialParameters>

/** What a request shows to tell which client sent it. */
export type PresentedCredentials = { readonly clientId: string } & (
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly secret: string }
  | { readonly method: 'private_key_jwt'; readonly assertion: string }
  | { readonly method: 'none' }
)

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

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Reads client credentials from a request (RFC 6749 §2.3).
 *
 * @param authorization the Authorization header
 * @throws OAuthError where there are none, or more than one kind (RFC 6749 §2.3: a client uses one method a request)
 */
export function presentedCredentials(authorization: string | undefined, body: CredentialForm): PresentedCredentials {
  const ways = [authorization, body.client_secret, body.client_assertion ?? body.client_assertion_type]
  const taken = ['Authorization', 'client_secret', 'client_assertion'].filter((_, index) => ways[index] !== undefined)
  if (taken.length > 1) throw new OAuthError('client_authenticates_twice', { detail: taken.join(' and ') })
  const presented = authorization === undefined ? fromBody(body) : fromHeader(authorization)
  if (body.client_id !== undefined && body.client_id !== presented.clientId)
    throw new OAuthError('client_id_contradicts', { detail: `${presented.method}: client ${presented.clientId}` })
  return presented
}

function fromHeader(authorization: string): PresentedCredentials {
  const credentials = parseBasic(authorization)
  if (!credentials) throw authenticationFailed('client_credentials_malformed')
  return { method: 'client_secret_basic', clientId: credentials.clientId, secret: credentials.secret }
}

function fromBody(body: CredentialForm): PresentedCredentials {
  if (body.client_assertion !== undefined || body.client_assertion_type !== undefined) {
    // RFC 7521 §4.2.
    if (body.client_assertion === undefined || body.client_assertion_type !== assertionType)
      throw new OAuthError('client_assertion_type_wrong')
    const clientId = claimedClientId(body.client_assertion)
    if (clientId === undefined) throw authenticationFailed('client_assertion_unreadable')
    return { method: 'private_key_jwt', clientId, assertion: body.client_assertion }
  }
  if (body.client_id === undefined) throw authenticationFailed('client_not_named')
  return body.client_secret === undefined
    ? { method: 'none', clientId: body.client_id }
    : { method: 'client_secret_post', clientId: body.client_id, secret: body.client_secret }
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
      if (!client || !isPublic(client))
        throw authenticationFailed('client_authentication_failed', describe(client, presented.method))
      return { client, credential: undefined }
    case 'private_key_jwt':
      return { client: await checkAssertion(terms, client, presented.assertion), credential: keyOf(client) }
    default: {
      const secret = matchingSecret(client, presented.secret)
      if (!client || !secret || !usesSecret(client))
        throw authenticationFailed('client_authentication_failed', describe(client, presented.method))
      // Told only to who knows the secret: which method a client uses is its own business.
      if (client.token_endpoint_auth_method !== presented.method)
        throw authenticationFailed(
          'client_authentication_method_wrong',
          `client ${client.client_id} sent its secret by ${presented.method}`,
          client.token_endpoint_auth_method,
        )
      return { client, credential: { secretId: secret.id, standingGrant: secret.standingGrant } }
    }
  }
}

/**
 * RFC 7523 §3. The audience is the issuer and nothing else, so that an assertion for one endpoint, or for another server, is no
 * use here. Its `jti` is kept only after the signature holds: else anybody could fill the table.
 *
 * @throws OAuthError `invalid_client`
 */
async function checkAssertion(terms: Terms, client: Client | undefined, assertion: string): Promise<Client> {
  if (!client?.jwks || client.token_endpoint_auth_method !== 'private_key_jwt')
    throw authenticationFailed('client_authentication_failed', describe(client, 'private_key_jwt'))
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
  return client
}

function keyOf(client: Client | undefined): Credential {
  return { secretId: undefined, standingGrant: client?.standingGrant }
}

const nobodysDigest = digest('')

/** Compares with each live secret, without stopping at the first that fits, and with nobody's where there is no client. */
function matchingSecret(client: Client | undefined, presented: string): ClientSecret | undefined {
  const presentedDigest = digest(presented)
  const matches = (client?.secrets ?? []).filter((secret) => equalInConstantTime(secret.digest, presentedDigest))
  if (!client) equalInConstantTime(nobodysDigest, presentedDigest)
  return matches[0]
}

/** For the operator: what of it was wrong. */
function describe(client: Client | undefined, method: PresentedCredentials['method']): string {
  if (!client) return 'client_id: there is no such client'
  const registered = client.token_endpoint_auth_method
  return registered === method
    ? `client ${client.client_id}: the secret is none of its live ones`
    : `client ${client.client_id} is registered for ${registered} and came with ${method}`
}

/** RFC 6749 §5.2 allows 401 however the client authenticated, and RFC 9110 §15.5.2 asks for a challenge with every 401. */
function authenticationFailed(entry: ErrorName, detail?: string, about?: string): OAuthError {
  return new OAuthError(entry, {
    headers: { 'www-authenticate': 'Basic realm="Signet", charset="UTF-8"' },
    about,
    detail,
  })
}

/** RFC 7617 §2, with id and secret form-encoded before (RFC 6749 §2.3.1, Appendix B). */
export function parseBasic(authorization: string): { clientId: string; secret: string } | undefined {
  if (authorization.slice(0, 6).toLowerCase() !== 'basic ') return undefined
  const encoded = authorization.slice(6).trimStart()
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined
  const pair = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  if (colon < 1 || pair.includes('\0')) return undefined
  const clientId = formDecoded(pair.slice(0, colon))
  const secret = formDecoded(pair.slice(colon + 1))
  return clientId === undefined || secret === undefined ? undefined : { clientId, secret }
}

/** Undefined for malformed percent-encoding, and for NUL, which PostgreSQL cannot be asked about. */
function formDecoded(text: string): string | undefined {
  if (!/[%+]/.test(text)) return text
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    return decoded.includes('\0') ? undefined : decoded
  } catch {
    return undefined
  }
}
