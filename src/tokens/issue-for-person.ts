import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { ErrorName } from '../protocol/errors/error-registry.ts'
import type { Client } from '../records/clients/client.ts'
import type { PersonsGrant } from '../records/grants/grants-store.ts'
import type { Sid } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { issueAccessToken } from './access-token.ts'
import { issueIdToken } from './id-token.ts'
import { issuableScopes } from './issuable-scopes.ts'

/** Tokens that were issued on a grant. */
export interface IssuedTokens {
  readonly accessToken: string
  /** Seconds that the access token is good for. */
  readonly expiresIn: number
  /** The scopes of the access token. */
  readonly scopes: readonly string[]
  readonly idToken?: string
  readonly refreshToken?: string
  /** What the tokens are signed with, for the metrics. */
  readonly algorithms: { readonly access: SigningAlgorithm; readonly id?: SigningAlgorithm }
}

/**
 * Why no tokens are issued: the entry of the error registry, and the details for the operator. A refusal that is returned keeps what was
 * written with it, such as the end of a grant whose code was replayed: the transaction commits. An `OAuthError` that is thrown rolls it back.
 */
export interface TokensRefused {
  readonly refused: ErrorName
  readonly detail?: string
}

interface IssuedForPerson {
  readonly tokens: IssuedTokens
  /** All scopes asked for that still hold, whatever the audience of the access token. */
  readonly holding: readonly string[]
  /** What the event of it says. */
  readonly access: { readonly audience: string; readonly jti: string; readonly scopes: readonly string[] }
}

/**
 * Issues the access token, and the ID token where the grant is an OpenID one (OpenID Connect Core §3.1.3.3, §12.2).
 *
 * @param on a code or a refresh family: its grant, and `sid` of the session that it came from
 * @param request `scopes` to which the request narrows the grant, undefined for all of it; `resource` as in RFC 8707 §2.2; `nonce` of the
 *   authorization request, for the ID token
 * @throws OAuthError `invalid_scope`, `invalid_grant`, `invalid_target`; KeysUnavailable
 */
export async function issueForPerson(
  signet: Signet,
  client: Client,
  { grant, sid }: { readonly grant: PersonsGrant; readonly sid: Sid },
  request: {
    readonly scopes: readonly string[] | undefined
    readonly resource: readonly string[]
    readonly nonce: string | undefined
  },
): Promise<IssuedForPerson> {
  const { target, scopes, holding } = issuableScopes(client, grant, request, signet.settings.issuer)
  const { sub, authTime, acr, amr } = grant
  const authentication = { authTime, acr, amr, sid }
  const issued = await issueAccessToken(signet, { client, sub, target, scopes, grantId: grant.id, authentication })
  const { token: accessToken, expiresIn, audience, jti, alg } = issued
  const access = { audience, jti, scopes }
  if (!holding.includes('openid'))
    return { tokens: { accessToken, expiresIn, scopes, algorithms: { access: alg } }, holding, access }
  const idToken = await issueIdToken(signet, { client, sub, nonce: request.nonce, authentication, accessToken })
  const algorithms = { access: alg, id: client.id_token_signed_response_alg }
  return { tokens: { accessToken, expiresIn, scopes, idToken, algorithms }, holding, access }
}
