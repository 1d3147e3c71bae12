import { uiLocales } from '../../html/messages/choose-messages.ts'
import type { Settings } from '../../platform/config/settings.ts'
import { assertionAlgorithms, clientAssertionAlgorithms, type SigningAlgorithm } from '../../platform/jwt/algorithms.ts'
import { promptValues, responseModes, responseTypes } from '../../protocol/oidc-values.ts'
import { authenticationMethods, grantTypes, subjectTypes } from '../../records/clients/client.ts'
import { openidScopes } from '../../records/resources/resource.ts'
import { reachableClasses } from '../../tokens/authentication.ts'
import { supportedClaims } from '../../tokens/personal-claims.ts'

/**
 * What Signet supports, under the names of OpenID Connect Discovery §3, RFC 8414 §2 and the specifications that extend them. Only
 * implemented features are listed.
 *
 * @param active the algorithms that have an active key. After an upgrade that adds an algorithm, its first key waits until every verifier has seen
 *   it, and a client that chose the algorithm earlier would get no ID token until then
 */
export function metadata(
  {
    issuer,
    signUp,
    registration,
    legacyResponseTypes,
    clientIdMetadataHosts,
  }: Pick<Settings, 'issuer' | 'signUp' | 'registration' | 'legacyResponseTypes' | 'clientIdMetadataHosts'>,
  active: readonly SigningAlgorithm[],
) {
  const withLegacy = legacyResponseTypes === 'on'
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    ...(registration !== 'closed' && { registration_endpoint: `${issuer}/register` }),
    ...(clientIdMetadataHosts.length > 0 && { client_id_metadata_document_supported: true }),
    introspection_endpoint: `${issuer}/introspect`,
    introspection_endpoint_auth_methods_supported: authenticationMethods.filter((method) => method !== 'none'),
    introspection_endpoint_auth_signing_alg_values_supported: clientAssertionAlgorithms,
    // RFC 8628 §4
    device_authorization_endpoint: `${issuer}/device_authorization`,
    revocation_endpoint: `${issuer}/revoke`,
    revocation_endpoint_auth_methods_supported: authenticationMethods,
    revocation_endpoint_auth_signing_alg_values_supported: clientAssertionAlgorithms,
    // OpenID Connect RP-Initiated Logout §2.1
    end_session_endpoint: `${issuer}/logout`,
    scopes_supported: openidScopes,
    // OpenID Connect Session Management §3.3, Front-Channel Logout §3, Back-Channel Logout §2.1
    check_session_iframe: `${issuer}/check-session`,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    response_types_supported: withLegacy ? responseTypes : ['code'],
    response_modes_supported: responseModes,
    grant_types_supported: withLegacy ? grantTypes : grantTypes.filter((name) => name !== 'implicit'),
    subject_types_supported: subjectTypes,
    id_token_signing_alg_values_supported: [...active, 'HS256'],
    userinfo_signing_alg_values_supported: active,
    token_endpoint_auth_methods_supported: authenticationMethods,
    token_endpoint_auth_signing_alg_values_supported: clientAssertionAlgorithms,
    claims_supported: withLegacy ? [...supportedClaims, 'c_hash'] : supportedClaims,
    claim_types_supported: ['normal'],
    acr_values_supported: reachableClasses({ issuer }),
    // Initiating User Registration via OpenID Connect §4
    prompt_values_supported: signUp === 'open' ? promptValues : promptValues.filter((value) => value !== 'create'),
    ui_locales_supported: uiLocales,
    claims_parameter_supported: true,
    // RFC 9101 §10.5, OpenID Connect Discovery §3. Objects that are not signed are refused.
    request_parameter_supported: true,
    request_uri_parameter_supported: true,
    require_request_uri_registration: true,
    request_object_signing_alg_values_supported: assertionAlgorithms,
    require_signed_request_object: false,
    // RFC 9126 §5
    pushed_authorization_request_endpoint: `${issuer}/par`,
    require_pushed_authorization_requests: false,
    // OpenID Connect Core §3.1.2.1: the same pages work in all of these.
    display_values_supported: ['page', 'popup', 'touch'],
    // RFC 7636 §6.2.1
    code_challenge_methods_supported: ['S256'],
    // RFC 9207 §3
    authorization_response_iss_parameter_supported: true,
  }
}
