import type { Client } from '../../records/clients/client.ts'
import type { Signet } from '../../signet.ts'
import { issueAccessToken } from '../../tokens/access-token.ts'
import { issueIdToken } from '../../tokens/id-token.ts'
import { chooseTarget } from '../../tokens/scopes.ts'
import type { Exchanged, TokenRequest, TokenResponse } from './token-request.ts'

/** What a person's grant says, as codes and refresh families carry it. */
interface PersonsGrant {
  readonly grantId: string
  readonly sub: string
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  /** Milliseconds since 1970. */
  readonly authTime: number
  readonly acr: string
  readonly amr: readonly string[]
  readonly sid: string
  readonly nonce: string | undefined
}

interface IssuedForPerson extends Exchanged {
  /** What the event of it says. */
  readonly access: { readonly audience: string; readonly jti: string; readonly scopes: readonly string[] }
}

/**
 * The access token, and the ID token where the grant is an OpenID one (OpenID Connect Core §3.1.3.3, §12.2).
 *
 * @param scopes those of the grant, unless the request narrows them
 * @throws OAuthError `invalid_target`; KeysUnavailable
 */
export async function issueForPerson(
  signet: Signet,
  client: Client,
  grant: PersonsGrant,
  request: Pick<TokenRequest, 'resource'>,
  scopes: readonly string[] = grant.scopes,
): Promise<IssuedForPerson> {
  const { target, scopes: targetScopes } = chooseTarget(
    client,
    scopes,
    request.resource,
    grant.resources,
    signet.settings.issuer,
  )
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
  if (!scopes.includes('openid')) return { response, access, algorithms: { access: alg } }
  const { sub, nonce } = grant
  const idToken = await issueIdToken(signet, { client, sub, nonce, authentication, accessToken: token })
  const algorithms = { access: alg, id: client.id_token_signed_response_alg }
  return { response: { ...response, id_token: idToken }, access, algorithms }
}
