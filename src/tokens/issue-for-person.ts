import type { KeyObject } from 'node:crypto'
import type { IdTokenAlgorithm, SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { ErrorName } from '../protocol/errors/error-registry.ts'
import type { OperatorNote } from '../protocol/operator-notes.ts'
import type { Client } from '../records/clients/client.ts'
import type { PersonsGrant } from '../records/grants/grants-store.ts'
import type { Sid } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Audience, type IssuedAccessToken, issueAccessToken } from './access-token.ts'
import type { GrantedPerson } from './granted-person-store.ts'
import { issueIdToken } from './id-token.ts'
import { issuableScopes } from './issuable-scopes.ts'
import { groupClaims, personalClaimsForIdToken, personVisibleTo } from './personal-claims.ts'
import { effectiveClaims } from './requested-claims.ts'
import { subjectFor } from './subject.ts'

/** The tokens that were issued on a grant. */
export interface IssuedTokens {
  readonly accessToken: string
  /** The lifetime of the access token, in seconds. */
  readonly expiresIn: number
  /** The scopes of the access token. */
  readonly scopes: readonly string[]
  readonly idToken?: string
  readonly refreshToken?: string
  /** The signing algorithms of the tokens, for the metrics. */
  readonly algorithms: { readonly access: SigningAlgorithm; readonly id?: IdTokenAlgorithm }
  /** For the operator, about what the application may not expect. */
  readonly notes?: readonly OperatorNote[]
}

/**
 * Why no tokens were issued: the entry in the error registry, and details for the operator. What has to be written with a refusal, such as the end of a
 * grant whose code was replayed, has been committed.
 */
export interface TokensRefused {
  readonly refused: ErrorName
  readonly detail?: string
  /** False if no row is to be written for it (`OAuthError`). */
  readonly isRecorded?: boolean
}

interface IssuedForPerson {
  readonly tokens: IssuedTokens
  /** All requested scopes that are still allowed, for any audience. */
  readonly effective: readonly string[]
  readonly access: AccessDetail
}

/** The details of an access token for the event. */
export interface AccessDetail {
  readonly audience: Audience
  readonly jti: string
  readonly scopes: readonly string[]
}

/** What tokens are issued on: the grant with its person, and the `sid` of its session. */
export interface TokenSource {
  readonly grant: PersonsGrant
  readonly person: GrantedPerson
  readonly sid: Sid
}

/**
 * Issues an access token, and an ID token if the grant has the scope `openid` (OpenID Connect Core §3.1.3.3, §12.2).
 *
 * The claims about the person in both follow the effective scopes of this request, and the groups that the client may see now.
 *
 * @param source the code or the refresh family: its grant with the person, and the `sid` of its session
 * @param request `scopes` to which the request narrows the grant, or undefined for all of them; `resource` as in RFC 8707 §2.2; `nonce` of the
 *   authorization request, for the ID token; `hmacKey` is the secret with which the request was authenticated, for an ID token with HS256
 * @throws OAuthError `invalid_scope`, `invalid_grant`, `invalid_target`; KeysUnavailable
 */
export async function issueForPerson(
  signet: Signet,
  client: Client,
  source: TokenSource,
  request: {
    readonly scopes: readonly string[] | undefined
    readonly resource: readonly string[]
    readonly nonce: string | undefined
    readonly hmacKey: KeyObject | undefined
  },
): Promise<IssuedForPerson> {
  const contents = contentsFor(signet, client, source, request)
  const { grant } = source
  const { scopes, effective } = contents
  const { token: accessToken, expiresIn, audience, jti, alg } = await issueAccess(signet, contents)
  const access = { audience, jti, scopes }
  if (!effective.includes('openid'))
    return { tokens: { accessToken, expiresIn, scopes, algorithms: { access: alg } }, effective, access }
  const { sub, authentication, person } = contents
  const idToken = await issueIdToken(signet, {
    ...{ client, sub, nonce: request.nonce, authentication, accessToken, hmacKey: request.hmacKey },
    personal: personalClaimsForIdToken(
      person,
      client.id_token_profile_claims ? effective : [],
      effectiveClaims(client, grant.claims.idToken, grant.terms),
    ),
  })
  const algorithms = { access: alg, id: client.id_token_signed_response_alg }
  return { tokens: { accessToken, expiresIn, scopes, idToken, algorithms }, effective, access }
}

/**
 * What the tokens of a person say, whichever endpoint returns them.
 *
 * @param request as for `issueForPerson`
 * @throws OAuthError as `issueForPerson`
 */
export function contentsFor(
  signet: Pick<Signet, 'settings' | 'subjectSalt'>,
  client: Client,
  { grant, person, sid }: TokenSource,
  request: { readonly scopes: readonly string[] | undefined; readonly resource: readonly string[] },
) {
  const { authTime, acr, amr, id: grantId } = grant
  return {
    ...{ client, grantId, ...issuableScopes(client, grant, request, signet.settings.issuer) },
    sub: subjectFor(signet, client, grant.sub),
    authentication: { authTime, acr, amr, sid },
    person: personVisibleTo(client, person),
  }
}

/** Issues the access token. */
export function issueAccess(signet: Signet, contents: ReturnType<typeof contentsFor>): Promise<IssuedAccessToken> {
  const { client, sub, target, scopes, effective, grantId, authentication, person } = contents
  return issueAccessToken(signet, {
    ...{ client, sub, target, scopes, grantId, authentication },
    ...(target.kind === 'resource' && target.resource.groupsClaim && { groups: groupClaims(person, effective) }),
  })
}
