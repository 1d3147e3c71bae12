import { scopesOf } from '../../records/clients/client.ts'
import { knownOrRead } from '../../records/clients/known-clients.ts'
import type { GrantContext } from '../../records/grants/grants-store.ts'
import type { Signet } from '../../signet.ts'
import { heldByToken, scopesThatHold } from '../../tokens/issuable-scopes.ts'
import { recogniseToken } from '../../tokens/presented-token.ts'
import { accessTokenStatus, refreshTokenStatus } from '../../tokens/token-status-store.ts'

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
export async function introspect(signet: Signet, asking: string, text: string): Promise<Introspection> {
  const { database, settings } = signet
  const token = await recogniseToken(signet, text)
  if (!token) return inactive
  if (token.kind === 'access_token') {
    const { iss, sub, aud, scope, iat, exp, jti } = token.claims
    const status = await accessTokenStatus(database, token.grantId, aud)
    if (!status?.alive || (status.grant.clientId !== asking && !status.servedBy.includes(asking))) return inactive
    const held = await heldBy(signet, status.grant, { audience: aud, scopes: scopesOf(scope) })
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
  const status = await refreshTokenStatus(database, token.familyDigest)
  // A spent generation is no longer the token, though it may yet be forgiven.
  if (
    !status?.alive ||
    status.grant.clientId !== asking ||
    status.grant.sub === undefined ||
    status.generation !== token.generation
  )
    return inactive
  const client = await knownOrRead(signet.clients, status.grant.clientId)
  const scopes = client ? scopesThatHold(client, status.grant.scopes, status.grant.terms) : []
  // It cannot be exchanged for anything.
  if (!client?.grant_types.includes('refresh_token') || !scopes.includes('offline_access')) return inactive
  return {
    active: true,
    iss: settings.issuer,
    sub: status.grant.sub,
    client_id: status.grant.clientId,
    scope: scopes.join(' '),
    iat: Math.floor(status.createdAt.getTime() / 1000),
    exp: Math.floor(status.expiresAt.getTime() / 1000),
  }
}

async function heldBy(
  { clients, settings }: Signet,
  { clientId, terms }: GrantContext,
  token: { readonly audience: string; readonly scopes: readonly string[] },
): Promise<string[] | undefined> {
  const client = await knownOrRead(clients, clientId)
  return client && heldByToken(client, token, terms, settings.issuer)
}
