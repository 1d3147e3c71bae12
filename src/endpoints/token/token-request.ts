import { credentialParameters } from '../../protocol/client-authentication.ts'
import { type Form, readForm, readResources } from '../../protocol/http/form.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import type { IssuedTokens } from '../../tokens/issue-for-person.ts'

/** The parameters of all grant types (RFC 6749 §4.1.3, §4.4.2, §6; RFC 7636 §4.5; RFC 8628 §3.4). Each grant type checks which of them it needs. */
const parameters = {
  grant_type: 200,
  ...credentialParameters,
  code: 255,
  redirect_uri: 4096,
  // RFC 7636 §4.1: 43*128unreserved.
  code_verifier: /^[A-Za-z0-9._~-]{43,128}$/,
  refresh_token: 255,
  device_code: 255,
  scope: 4096,
}

export interface TokenRequest extends Form<keyof typeof parameters> {
  /** RFC 8707 §2.2. */
  readonly resource: readonly string[]
}

/** @throws OAuthError if a parameter is malformed or out of bounds */
export function readTokenRequest(body: Parameters | undefined): TokenRequest {
  return Object.assign(readForm(body, parameters), { resource: readResources(body) })
}

/** A successful response (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3). */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: 'Bearer'
  /** Seconds. */
  readonly expires_in: number
  readonly scope: string
  readonly id_token?: string
  readonly refresh_token?: string
}

export function tokenResponse({ accessToken, expiresIn, scopes, idToken, refreshToken }: IssuedTokens): TokenResponse {
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: expiresIn,
    scope: scopes.join(' '),
    ...(idToken !== undefined && { id_token: idToken }),
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
  }
}
