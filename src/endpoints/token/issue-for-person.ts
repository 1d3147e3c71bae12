import type { Client } from '../../records/clients/client.ts'
import type { Signet } from '../../signet.ts'
import { issueAccessToken } from '../../tokens/access-token.ts'
import { issueIdToken } from '../../tokens/id-token.ts'
import { type Grantable, issuableScopes } from '../../tokens/issuable-scopes.ts'
import type { Exchanged, TokenRequest, TokenResponse } from './token-request.ts'

/** What a person's grant says, as codes and refresh families carry it. */
interface PersonsGrant extends Grantable {
  readonly grantId: string
  readonly sub: string
  /** Milliseconds since 1970. */
  readonly authTime: number
  readonly acr: string
  readonly amr: readonly string[]
  readonly sid: string
  readonly nonce: string | undefined
}

interface IssuedForPerson extends Exchanged {
  /** All scopes asked for that still hold, whatever the audience of the access token. */
  readonly scopes: readonly string[]
  /** What the event of it says. */
  readonly access: { readonly audience: string; readonly jti: string; readonly scopes: readonly string[] }
}

/**
 * The access token, and the ID token where the grant is an OpenID one (OpenID Connect Core §3.1.3.3, §12.2).
 *
 * @param requestedScopes to which the request narrows the grant; undefined: all of it
 * @throws OAuthError `invalid_scope`, `invalid_grant`, `invalid_target`; KeysUnavailable
 */
export async function issueForPerson(
  signet: Signet,
  client: Client,
  grant: PersonsGrant,
  request: Pick<TokenRequest, 'resource'>,
  requestedScopes?: readonly string[],
): Promise<IssuedForPerson> {
  const asked = { scopes: requestedScopes, resource: request.resource }
  const { target, scopes: targetScopes, holding } = issuableScopes(client, grant, asked, signet.settings.issuer)
  const authentication = { authTime: Math.floor(grant.authTime / 1000), acr: grant.acr, amr: grant.amr, sid: grant.sid }
  const { token, expiresIn, audience, jti, alg } = await issueAccessToken(signet, {
    client,
    sub: grant.sub,
    target,
    scopes: targetScopes,
    grantId: grant.grantId,
    authentication,
  })
  const response: TokenResponse = {
    access_token: token,
    token_type: 'Bearer',
    expires_in: expiresIn,
    scope: targetScopes.join(' '),
  }
  const access = { audience, jti, scopes: targetScopes }
  if (!holding.includes('openid')) return { response, scopes: holding, access, algorithms: { access: alg } }
  const { sub, nonce } = grant
  const idToken = await issueIdToken(signet, { client, sub, nonce, authentication, accessToken: token })
  const algorithms = { access: alg, id: client.id_token_signed_response_alg }
  return { response: { ...response, id_token: idToken }, scopes: holding, access, algorithms }
}
