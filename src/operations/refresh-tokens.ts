import type { KeyObject } from 'node:crypto'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { type Client, rotatesRefreshTokens } from '../records/clients/client.ts'
import { endGrant } from '../records/endings/end-rows-store.ts'
import { type Caller, type EventType, recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { effectiveScopes } from '../tokens/issuable-scopes.ts'
import { type IssuedTokens, issueForPerson, type TokensRefused } from '../tokens/issue-for-person.ts'
import {
  lockFamily,
  type StoredFamily,
  saveForgiveness,
  slideFamily,
  spendGeneration,
} from '../tokens/refresh-families-store.ts'
import { judgeRefresh } from '../tokens/refresh-rotation.ts'
import { encodeRefreshToken, familyDigest, type RefreshToken, readRefreshToken } from '../tokens/refresh-token.ts'
import { readScopes } from '../tokens/requested-scopes.ts'

/**
 * Issues new tokens for a refresh token (RFC 6749 §6). Client, scope and resource are checked first, and a refusal at that point spends nothing.
 * The rule for the generation (`judgeRefresh`) comes last. The row of the family is locked from the read to the write, so concurrent requests
 * are handled one after another. Those on the same node wait for their turn without holding a connection.
 *
 * @param client the authenticated client
 * @param request the parameters of the token request: `scope`, to which the access token is narrowed, and `resource` of RFC 8707 §2.2
 * @throws OAuthError if the request asks for something that may not be issued on the grant; KeysUnavailable, TooManyWaiting
 */
export async function refreshTokens(
  signet: Signet,
  client: Client,
  caller: Caller,
  request: {
    readonly refreshToken: string
    readonly scope: string | undefined
    readonly resource: readonly string[]
    /** The secret with which this request was authenticated, for an ID token with HS256. */
    readonly hmacKey: KeyObject | undefined
  },
): Promise<IssuedTokens | TokensRefused> {
  const token = await readRefreshToken(signet.secrets, request.refreshToken)
  // A token that Signet did not make is refused before the database is queried.
  if (!token) return unknownToken('refresh_token: not made by this issuer')
  const familyKey = familyDigest(token)
  const refresh = async (tx: Queryable): Promise<IssuedTokens | TokensRefused> => {
    const family = await lockFamily(tx, familyKey)
    const secret = signet.secrets['refresh-mac']
    if (!secret.versions.has(token.version))
      return unknownToken('refresh_token: the secret it was made with was revoked a moment ago')
    if (!family || family.secretVersion !== token.version)
      return unknownToken('refresh_token: its family was not found')
    if (family.grant.clientId !== client.client_id)
      return unknownToken(`refresh_token: grant ${family.grant.id} belongs to client ${family.grant.clientId}`)
    const { person } = family
    if (!person) return unknownToken(`refresh_token: grant ${family.grant.id} has ended`)
    if (family.expired) return unknownToken(`refresh_token: the family of grant ${family.grant.id} has expired`)
    // `offline_access` lets the client continue without the person (OpenID Connect Core §11).
    if (!effectiveScopes(client, family.grant.scopes, family.grant.terms).includes('offline_access'))
      return { refused: 'offline_access_taken', detail: `grant ${family.grant.id}` }
    const scopes = narrowedScopes(family, request.scope)
    // The nonce belongs to the authorization request; the ID token of a refresh should not have one (OpenID Connect Core §12.2).
    const asked = { scopes, resource: request.resource, nonce: undefined, hmacKey: request.hmacKey }
    const { tokens, access } = await issueForPerson(signet, client, { ...family, person }, asked)
    const next = await advance(signet, tx, client, family, token, caller)
    if (typeof next !== 'number') return next
    await recordEvent(tx, {
      ...{ type: 'tokens_issued', caller, clientId: client.client_id, sub: family.grant.sub, grantId: family.grant.id },
      detail: { grant_type: 'refresh_token', ...access, generation: next },
    })
    const refreshToken = encodeRefreshToken(secret, family.secretVersion, { ...token, generation: next })
    return { ...tokens, refreshToken }
  }
  return signet.turns.take(`refresh family ${familyKey.toString('hex')}`, () => inTransaction(signet.database, refresh))
}

/**
 * Applies the rule to the family.
 *
 * @returns the generation to issue, or the refusal. What was written along with a refusal is committed
 */
async function advance(
  signet: Signet,
  tx: Queryable,
  client: Client,
  family: StoredFamily,
  token: RefreshToken,
  caller: Caller,
): Promise<number | TokensRefused> {
  const { refreshTokenTtl, refreshGrace } = signet.settings
  const familyKey = familyDigest(token)
  const { generation } = token
  const note = (type: EventType) =>
    recordEvent(tx, {
      type,
      caller,
      clientId: client.client_id,
      sub: family.grant.sub,
      grantId: family.grant.id,
      detail: { generation },
    })

  const verdict = judgeRefresh(family, generation, family.now, refreshGrace)
  signet.metrics.count('signet_refreshes_total', { outcome: verdict.verdict })
  switch (verdict.verdict) {
    case 'spend':
      // RFC 9700 §4.14.2: a client that authenticates needs no rotation.
      if (!rotatesRefreshTokens(client)) {
        await slideFamily(tx, familyKey, refreshTokenTtl)
        return generation
      }
      await spendGeneration(tx, familyKey, generation, refreshTokenTtl)
      return generation + 1
    case 'again':
      if (verdict.forgiveness) await saveForgiveness(tx, familyKey, verdict.forgiveness)
      return family.generation
    case 'forgive':
      await saveForgiveness(tx, familyKey, verdict.forgiveness)
      // One event per generation, so that an application that retries for hours does not fill the events. Each issue of tokens has its own event.
      if (verdict.first) await note('refresh_forgiven')
      return generation + 1
    case 'advance':
      await spendGeneration(tx, familyKey, generation, refreshTokenTtl)
      await note('refresh_advanced')
      return generation + 1
    case 'exhausted':
      await endGrant(tx, family.grant.id, 'refresh_exhausted')
      await note('refresh_exhausted')
      return { refused: 'refresh_token_exhausted', detail: `grant ${family.grant.id}, generation ${generation}` }
    case 'reused':
      await endGrant(tx, family.grant.id, 'refresh_reused')
      await note('refresh_reused')
      return { refused: 'refresh_token_reused', detail: `grant ${family.grant.id}, generation ${generation}` }
  }
}

/** RFC 6749 §6: no more than was granted. Narrowing affects the access token only; the family keeps its scopes. */
function narrowedScopes(family: StoredFamily, requested: string | undefined): readonly string[] | undefined {
  if (requested === undefined) return undefined
  const scopes = readScopes(requested)
  if (!scopes.every((scope) => family.grant.scopes.includes(scope)))
    throw new OAuthError('scope_wider_than_granted', { detail: `granted: ${family.grant.scopes.join(' ')}` })
  return scopes
}

/** The same response for every invalid token, so that the caller does not learn what is wrong with it. The details are for the operator. */
function unknownToken(detail: string): TokensRefused {
  return { refused: 'refresh_token_unknown', detail }
}
