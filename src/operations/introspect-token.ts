import { type Client, scopesOf } from '../records/clients/client.ts'
import { cachedOrRead } from '../records/clients/client-cache.ts'
import type { Signet } from '../signet.ts'
import type { Audience } from '../tokens/access-token.ts'
import { isUserinfoAllowed } from '../tokens/access-token-target.ts'
import { effectiveScopes, effectiveTokenScopes } from '../tokens/issuable-scopes.ts'
import { findPresentedToken, type PresentedToken } from '../tokens/presented-token.ts'
import { subjectFor } from '../tokens/subject.ts'
import { acceptedClient } from './resolve-client.ts'

/** RFC 7662 §2.2. */
export type Introspection =
  | { readonly active: false }
  | {
      readonly active: true
      readonly token_type?: 'Bearer'
      readonly iss: string
      readonly sub: string
      readonly client_id: string
      readonly username?: string
      readonly scope: string
      readonly aud?: Audience
      /** Seconds since 1970. */
      readonly iat: number
      readonly exp: number
      readonly jti?: string
      /** How and when the person signed in (RFC 9470 §6.2). Seconds since 1970. */
      readonly acr?: string
      readonly auth_time?: number
    }

/** RFC 7662 §2.2: the response for inactive tokens, and the same one for tokens that this client may not see. */
const inactive = { active: false } as const

/**
 * Introspects a token for a client that it was issued to, or that serves the resource it is for. The response says what the token is good for
 * now (RFC 7662 §1). Scopes that the client, the person's consent or the resource has lost are left out, and a token that has lost all of
 * its scopes is not active.
 *
 * @param asking the client that asks
 */
export async function introspectToken(signet: Signet, asking: Client, text: string): Promise<Introspection> {
  const token = await findPresentedToken(signet, text)
  if (!token?.status.alive) return inactive
  return token.kind === 'access_token'
    ? introspectAccessToken(signet, asking, token)
    : introspectRefreshToken(signet, asking, token)
}

async function introspectAccessToken(
  signet: Signet,
  asking: Client,
  { claims, status }: Extract<PresentedToken, { kind: 'access_token' }>,
): Promise<Introspection> {
  if (status.grant.clientId !== asking.client_id && !status.servedBy.includes(asking.client_id)) return inactive
  const { iss, sub, aud, scope, iat, exp, jti, acr, auth_time: authTime } = claims
  const client = await clientOf(signet, asking, status.grant.clientId)
  if (!client) return inactive
  const { sub: account } = status.grant
  // The client's subjects have changed since: the API would take this person for another one.
  if (account !== undefined && sub !== subjectFor(signet, client, account)) return inactive
  const { issuer } = signet.settings
  const apis = [aud].flat().filter((one) => one !== issuer)
  // RFC 7662 §2.2: a resource server sees only its part of a token that is also for userinfo. The client sees what userinfo still accepts.
  const audience = asking.client_id === client.client_id && isUserinfoAllowed(client, apis) ? [aud].flat() : apis
  const effective = effectiveTokenScopes(client, { audience, scopes: scopesOf(scope) }, status.grant.terms, issuer)
  if (!effective) return inactive
  // The same scope that userinfo requires for `preferred_username` (OpenID Connect Core §5.4). RFC 7662 §5: disclose no more than is needed.
  const mayShowName = effective.includes('profile')
  const username = mayShowName && status.username !== undefined ? { username: status.username } : {}
  return {
    active: true,
    token_type: 'Bearer',
    iss,
    sub,
    client_id: status.grant.clientId,
    ...username,
    scope: effective.join(' '),
    aud,
    iat,
    exp,
    jti,
    ...(acr !== undefined && { acr }),
    ...(authTime !== undefined && { auth_time: authTime }),
  }
}

async function introspectRefreshToken(
  signet: Signet,
  asking: Client,
  { generation, status }: Extract<PresentedToken, { kind: 'refresh_token' }>,
): Promise<Introspection> {
  const { grant } = status
  // Only the newest generation is active, although a spent one may still be forgiven.
  if (grant.clientId !== asking.client_id || grant.sub === undefined || status.generation !== generation)
    return inactive
  const client = await clientOf(signet, asking, grant.clientId)
  const scopes = client ? effectiveScopes(client, grant.scopes, grant.terms) : []
  // The refresh token cannot be exchanged for anything.
  if (!client?.grant_types.includes('refresh_token') || !scopes.includes('offline_access')) return inactive
  return {
    active: true,
    iss: signet.settings.issuer,
    sub: subjectFor(signet, client, grant.sub),
    client_id: grant.clientId,
    scope: scopes.join(' '),
    iat: Math.floor(status.createdAt.getTime() / 1000),
    exp: Math.floor(status.expiresAt.getTime() / 1000),
  }
}

/** The client of a token. If it asks itself, it has just been read. */
async function clientOf({ settings, clients }: Signet, asking: Client, clientId: string): Promise<Client | undefined> {
  return acceptedClient(settings, clientId === asking.client_id ? asking : await cachedOrRead(clients, clientId))
}
