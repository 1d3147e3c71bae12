import { uiLocales } from '../../html/messages/choose-messages.ts'
import type { Settings } from '../../platform/config/settings.ts'
import { assertionAlgorithms, signingAlgorithms } from '../../platform/jwt/algorithms.ts'
import { promptValues, responseModes } from '../../protocol/oidc-values.ts'
import { authenticationMethods, grantTypes } from '../../records/clients/client.ts'
import { openidScopes } from '../../records/resources/resource.ts'
import { reachableClasses } from '../../tokens/authentication.ts'
import { supportedClaims } from '../../tokens/personal-claims.ts'

/**
 * What Signet supports, under the names of OpenID Connect Discovery §3, RFC 8414 §2 and the specifications that extend them. Only
 * implemented features are listed.
 */
export function metadata({ issuer, signUp, registration }: Pick<Settings, 'issuer' | 'signUp' | 'registration'>) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    ...(registration !== 'closed' && { registration_endpoint: `${issuer}/register` }),
    introspection_endpoint: `${issuer}/introspect`,
    introspection_endpoint_auth_methods_supported: authenticationMethods.filter((method) => method !== 'none'),
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    // RFC 8628 §4
    device_authorization_endpoint: `${issuer}/device_authorization`,
    revocation_endpoint: `${issuer}/revoke`,
    revocation_endpoint_auth_methods_supported: authenticationMethods,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    // OpenID Connect RP-Initiated Logout §2.1
    end_session_endpoint: `${issuer}/logout`,
    scopes_supported: openidScopes,
    response_types_supported: ['code'],
    response_modes_supported: responseModes,
    grant_types_supported: grantTypes,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: signingAlgorithms,
    token_endpoint_auth_methods_supported: authenticationMethods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    claims_supported: supportedClaims,
    claim_types_supported: ['normal'],
    acr_values_supported: reachableClasses({ issuer }),
    // Initiating User Registration via OpenID Connect §4
    prompt_values_supported: signUp === 'open' ? promptValues : promptValues.filter((value) => value !== 'create'),
    ui_locales_supported: uiLocales,
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    // RFC 7636 §6.2.1
    code_challenge_methods_supported: ['S256'],
    // RFC 9207 §3
    authorization_response_iss_parameter_supported: true,
  }
}
