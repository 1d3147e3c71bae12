import type { IdTokenAlgorithm, SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import { contentsOf, type ResponseType } from '../protocol/oidc-values.ts'
import type { Client } from '../records/clients/client.ts'
import type { Signet } from '../signet.ts'
import { issueIdToken } from './id-token.ts'
import { type AccessDetail, contentsFor, issueAccess, type TokenSource } from './issue-for-person.ts'
import { personalClaimsForIdToken } from './personal-claims.ts'
import { effectiveClaims } from './requested-claims.ts'

/** Tokens that the browser carries to the application (OpenID Connect Core §3.2, §3.3). */
export interface FrontChannelTokens {
  readonly idToken?: string
  readonly access?: {
    readonly token: string
    /** Seconds. */
    readonly expiresIn: number
    readonly scopes: readonly string[]
  }
}

export interface IssuedForBrowser {
  readonly tokens: FrontChannelTokens
  /** For the metrics. */
  readonly algorithms: { readonly access?: SigningAlgorithm; readonly id?: IdTokenAlgorithm }
  /** Undefined if there is no access token. */
  readonly access: AccessDetail | undefined
}

/**
 * Issues the tokens that a response type returns from the authorization endpoint.
 *
 * The ID token passes through a browser, where it may end up in logs and in the history. So it contains claims about the person only if nothing else
 * could return them: the claims of the scopes if there will never be an access token (§5.4), and those that the request names for the ID token (§5.5)
 * if there will be no other ID token.
 *
 * @param source a grant with the scope `openid`. It may still have to be opened: the tokens must not be sent before that
 * @param request the authorization request, and its code if the response has one
 * @throws OAuthError `invalid_scope`, `invalid_target`, if something has changed since the request was checked; KeysUnavailable
 */
export async function issueForBrowser(
  signet: Signet,
  client: Client,
  source: TokenSource,
  request: {
    readonly responseType: ResponseType
    readonly nonce: string | undefined
    readonly code: string | undefined
  },
): Promise<IssuedForBrowser> {
  const { grant } = source
  const { responseType, nonce, code } = request
  const returned = contentsOf(responseType)
  const contents = contentsFor(signet, client, source, { scopes: grant.scopes, resource: [] })
  const { sub, authentication, person, scopes, effective } = contents
  const issued = returned.accessToken ? await issueAccess(signet, contents) : undefined
  const idToken = returned.idToken
    ? await issueIdToken(signet, {
        ...{ client, sub, nonce, authentication, accessToken: issued?.token, code },
        // The client has not authenticated. HS256 cannot be registered with such a response type.
        hmacKey: undefined,
        personal: personalClaimsForIdToken(
          person,
          responseType === 'id_token' ? effective : [],
          returned.code ? [] : effectiveClaims(client, grant.claims.idToken, grant.terms),
        ),
      })
    : undefined
  return {
    tokens: {
      ...(idToken !== undefined && { idToken }),
      ...(issued && { access: { token: issued.token, expiresIn: issued.expiresIn, scopes } }),
    },
    algorithms: {
      ...(issued && { access: issued.alg }),
      ...(idToken !== undefined && { id: client.id_token_signed_response_alg }),
    },
    access: issued && { audience: issued.audience, jti: issued.jti, scopes },
  }
}
