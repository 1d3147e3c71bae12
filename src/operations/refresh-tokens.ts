import type { KeyObject } from 'node:crypto'
import { type Swapped, untilUndisturbed } from '../platform/database/compare-and-swap.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { type Client, rotatesRefreshTokens } from '../records/clients/client.ts'
import type { Caller, EventType, NewEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { isGrantAlive } from '../tokens/granted-person-store.ts'
import { effectiveScopes } from '../tokens/issuable-scopes.ts'
import { contentsFor, type IssuedTokens, issueForPerson, type TokensRefused } from '../tokens/issue-for-person.ts'
import {
  endFamily,
  findFamily,
  type Sliding,
  type StoredFamily,
  saveForgiveness,
  slideFamily,
  spendGeneration,
} from '../tokens/refresh-families-store.ts'
import { judgeRefresh, type RefreshVerdict } from '../tokens/refresh-rotation.ts'
import { encodeRefreshToken, familyDigest, type RefreshToken, readRefreshToken } from '../tokens/refresh-token.ts'
import { readScopes } from '../tokens/requested-scopes.ts'

/**
 * Issues new tokens for a refresh token (RFC 6749 §6). One statement reads the family. Client, scope and resource are checked first, and a refusal at that
 * point spends nothing. Then the rule for the generation (`judgeRefresh`) decides, and the tokens are signed. What changes is changed in one statement
 * with its events, which compares the values that were read. If somebody else was faster, the family is read and judged again; the tokens leave only
 * after this call has changed what it judged. If the rule changes nothing, only the event is written, a moment later.
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
  const sliding = slidingOf(signet.settings.refreshTokenTtl)
  const refresh = async (): Promise<IssuedTokens | TokensRefused | undefined> => {
    const family = await findFamily(signet.database, familyKey, token.generation, sliding)
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
    const source = { ...family, person }
    // The nonce belongs to the authorization request; the ID token of a refresh should not have one (OpenID Connect Core §12.2).
    const asked = { scopes, resource: request.resource, nonce: undefined, hmacKey: request.hmacKey }
    const verdict = judgeRefresh(family, token.generation, family.now, signet.settings.refreshGrace)
    if (verdict.verdict === 'reused' || verdict.verdict === 'exhausted') {
      // A request that asks for too much is refused for that, and ends nothing.
      contentsFor(signet, client, source, asked)
      return endOfFamily(signet, client, caller, family, token, verdict.verdict)
    }
    const { tokens, access } = await issueForPerson(signet, client, source, asked)
    const next = nextGeneration(client, family, token, verdict)
    const about = { caller, clientId: client.client_id, sub: family.grant.sub, grantId: family.grant.id }
    const detail = { grant_type: 'refresh_token', ...access, generation: next }
    const issued = { type: 'tokens_issued', ...about, detail } as const
    const committed = await commit(signet, client, family, token, verdict, issued, sliding)
    if (!committed) return undefined
    if (committed.waited && !(await isGrantAlive(signet.database, family.grant.id)))
      return unknownToken(`refresh_token: grant ${family.grant.id} has ended`)
    signet.metrics.count('signet_refreshes_total', { outcome: verdict.verdict })
    const refreshToken = encodeRefreshToken(secret, family.secretVersion, { ...token, generation: next })
    return { ...tokens, refreshToken }
  }
  // A family that is not rotated rarely changes, so nobody needs to wait.
  if (!rotatesRefreshTokens(client)) return untilUndisturbed(refresh)
  // Racers on one node wait for each other, so that they do not sign tokens that nobody gets.
  return signet.turns.take(`refresh family ${familyKey.toString('hex')}`, () => untilUndisturbed(refresh))
}

type Accepted = Exclude<RefreshVerdict, { readonly verdict: 'reused' | 'exhausted' }>

/** The generation to issue. */
function nextGeneration(
  client: Client,
  family: StoredFamily,
  { generation }: RefreshToken,
  { verdict }: Accepted,
): number {
  if (verdict === 'again') return family.generation
  // RFC 9700 §4.14.2: a client that authenticates needs no rotation.
  return verdict === 'spend' && !rotatesRefreshTokens(client) ? generation : generation + 1
}

/**
 * Writes what the rule has decided, with its events.
 *
 * @returns undefined if somebody has changed the family, or ended its grant, since it was read. Nothing is written then
 */
async function commit(
  { database, deferredEvents }: Signet,
  client: Client,
  family: StoredFamily,
  { generation }: RefreshToken,
  verdict: Accepted,
  issued: NewEvent,
  sliding: Sliding,
): Promise<Swapped | undefined> {
  const { detail: _, ...about } = issued
  const note = (type: EventType): NewEvent => ({ ...about, type, detail: { generation } })
  /** Nothing depends on this event, and the tokens are as if they had been issued when the family was read. */
  const later = () => {
    deferredEvents.record({ ...issued, at: family.now })
    return { waited: false }
  }
  switch (verdict.verdict) {
    case 'spend':
      if (rotatesRefreshTokens(client)) return spendGeneration(database, family, generation, sliding, { issued })
      return family.isSlideDue ? slideFamily(database, family, sliding, issued) : later()
    case 'again':
      return verdict.forgiveness ? saveForgiveness(database, family, verdict.forgiveness, { issued }) : later()
    case 'forgive':
      if (verdict.forgiveness === family.forgiveness) return later()
      // One event per generation, so that an application that retries for hours does not fill the events. Each issue of tokens has its own event.
      return saveForgiveness(database, family, verdict.forgiveness, {
        noted: verdict.first ? note('refresh_forgiven') : undefined,
        issued,
      })
    case 'advance':
      return spendGeneration(database, family, generation, sliding, { noted: note('refresh_advanced'), issued })
  }
}

/** Why a family ends: the reason, which is also the type of the event, and the error. */
const endings = {
  reused: { reason: 'refresh_reused', refused: 'refresh_token_reused' },
  exhausted: { reason: 'refresh_exhausted', refused: 'refresh_token_exhausted' },
} as const

/** Ends the grant of a family that two parties use. Undefined if somebody has changed the family, or ended its grant, since it was read. */
async function endOfFamily(
  signet: Signet,
  client: Client,
  caller: Caller,
  family: StoredFamily,
  { generation }: RefreshToken,
  verdict: keyof typeof endings,
): Promise<TokensRefused | undefined> {
  const { reason, refused } = endings[verdict]
  const { id: grantId, sub } = family.grant
  const about = { caller, clientId: client.client_id, sub, grantId, detail: { generation } }
  // Committed before the error leaves.
  if (!(await endFamily(signet.database, family, reason, { type: reason, ...about }))) return undefined
  signet.metrics.count('signet_refreshes_total', { outcome: verdict })
  return { refused, detail: `grant ${grantId}, generation ${generation}` }
}

/** The sliding end moves at most once a minute, or ten times within its lifetime, so that a refresh without rotation rarely writes. */
function slidingOf(ttl: number): Sliding {
  return { ttl, step: Math.min(60, ttl / 10) }
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
