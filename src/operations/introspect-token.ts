import { scopesOf } from '../records/clients/client.ts'
import { knownOrRead } from '../records/clients/known-clients.ts'
import type { Signet } from '../signet.ts'
import { heldByToken, scopesThatHold } from '../tokens/issuable-scopes.ts'
import { findPresentedToken, type PresentedToken } from '../tokens/presented-token.ts'

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
      readonly aud?: string
      /** Seconds since 1970. */
      readonly iat: number
      readonly exp: number
      readonly jti?: string
    }

/** RFC 7662 §2.2: whatever is not active, and whatever this client may not know of, looks the same. */
const inactive = { active: false } as const

/**
 * What a client learns about a token that was issued to it, or that is for a resource it serves. Introspection tells what the token is good
 * for now (RFC 7662 §1): scopes that the client, the person's consent or the resource has lost are left out, and a token of which
 * nothing is left is not active.
 *
 * @param asking the client that asks
 */
export async function introspectToken(signet: Signet, asking: string, text: string): Promise<Introspection> {
  const token = await findPresentedToken(signet, text)
  if (!token?.status.alive) return inactive
  return token.kind === 'access_token'
    ? introspectAccessToken(signet, asking, token)
    : introspectRefreshToken(signet, asking, token)
}

async function introspectAccessToken(
  signet: Signet,
  asking: string,
  { claims, status }: Extract<PresentedToken, { kind: 'access_token' }>,
): Promise<Introspection> {
  if (status.grant.clientId !== asking && !status.servedBy.includes(asking)) return inactive
  const { iss, sub, aud, scope, iat, exp, jti } = claims
  const client = await knownOrRead(signet.clients, status.grant.clientId)
  const presented = { audience: aud, scopes: scopesOf(scope) }
  const held = client && heldByToken(client, presented, status.grant.terms, signet.settings.issuer)
  if (!held) return inactive
  // The scope that tells it at userinfo, as `preferred_username` (OpenID Connect Core §5.4); RFC 7662 §5: no more than is needed.
  const mayTell = scopesOf(scope).includes('profile')
  const username = mayTell && status.username !== undefined ? { username: status.username } : {}
  return {
    active: true,
    token_type: 'Bearer',
    iss,
    sub,
    client_id: status.grant.clientId,
    ...username,
    scope: held.join(' '),
    aud,
    iat,
    exp,
    jti,
  }
}

async function introspectRefreshToken(
  { clients, settings }: Signet,
  asking: string,
  { generation, status }: Extract<PresentedToken, { kind: 'refresh_token' }>,
): Promise<Introspection> {
  const { grant } = status
  // A spent generation is no longer the token, though it may yet be forgiven.
  if (grant.clientId !== asking || grant.sub === undefined || status.generation !== generation) return inactive
  const client = await knownOrRead(clients, grant.clientId)
  const scopes = client ? scopesThatHold(client, grant.scopes, grant.terms) : []
  // It cannot be exchanged for anything.
  if (!client?.grant_types.includes('refresh_token') || !scopes.includes('offline_access')) return inactive
  return {
    active: true,
    iss: settings.issuer,
    sub: grant.sub,
    client_id: grant.clientId,
    scope: scopes.join(' '),
    iat: Math.floor(status.createdAt.getTime() / 1000),
    exp: Math.floor(status.expiresAt.getTime() / 1000),
  }
}
