import assert from 'node:assert/strict'
import { type Module, type Play, warnUnless } from '../support/play.ts'

const text = (value: unknown): string => String(value ?? '')

/** oidcc-discovery-endpoint-verification. The keys were checked before. */
export const verifyDiscovery: Module = async (play) => {
  const { suite, provider } = play
  const url = `${suite.idp.issuer}/.well-known/openid-configuration`
  const response = await fetch(url, { redirect: 'error' })
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^application\/json\b/)
  const { metadata } = provider

  // OpenID Connect Discovery §3, §4.3
  const issuer = new URL(metadata.issuer)
  assert.equal(`${metadata.issuer}/.well-known/openid-configuration`, url)
  assert.equal(issuer.protocol, 'https:')
  assert.equal(issuer.search + issuer.hash + issuer.username, '')
  assertArray(metadata.subject_types_supported, 'subject_types_supported')
  for (const type of metadata.subject_types_supported) assert.match(type, /^(?:public|pairwise)$/)
  assertArray(metadata.id_token_signing_alg_values_supported, 'id_token_signing_alg_values_supported')
  assert.ok(metadata.id_token_signing_alg_values_supported.includes('RS256'))
  if ('userinfo_signing_alg_values_supported' in metadata)
    assertArray(metadata.userinfo_signing_alg_values_supported, 'userinfo_signing_alg_values_supported')
  for (const [name, value] of Object.entries(metadata))
    if (name.endsWith('_endpoint') || name === 'jwks_uri') assert.match(text(value), /^https:/, name)
  assert.match(text(metadata.jwks_uri), /^https:/)
  warnUnless(play, 'userinfo_endpoint' in metadata, 'userinfo_endpoint is missing')
  if ('request_object_signing_alg_values_supported' in metadata)
    warnUnless(play, metadata.request_object_signing_alg_values_supported.includes('RS256'), 'no RS256 request objects')
  warnUnless(play, metadata.claims_supported?.length > 0, 'claims_supported is missing')
  if ('scopes_supported' in metadata) {
    assertArray(metadata.scopes_supported, 'scopes_supported')
    assert.ok(metadata.scopes_supported.includes('openid'))
    // RFC 6749 §3.3
    for (const scope of metadata.scopes_supported) assert.match(scope, /^[\x21\x23-\x5b\x5d-\x7e]+$/)
  } else warnUnless(play, false, 'scopes_supported is missing')
  for (const name of ['ui_locales_supported', 'claims_locales_supported'])
    for (const tag of metadata[name] ?? [])
      warnUnless(play, Intl.getCanonicalLocales(tag)[0] === tag, `${tag} is not in its canonical form`)
  if ('code_challenge_methods_supported' in metadata)
    assertArray(metadata.code_challenge_methods_supported, 'code_challenge_methods_supported')
  for (const name of Object.keys(metadata)) warnUnless(play, knownMembers.has(name), `the suite does not know ${name}`)
  verifyResponseTypes(play)
}

function verifyResponseTypes({ variant, provider: { metadata } }: Play): void {
  assertArray(metadata.response_types_supported, 'response_types_supported')
  const types = metadata.response_types_supported.map((type: string) => type.split(' ').sort().join(' '))
  const grants = metadata.grant_types_supported
  if (grants !== undefined) assertArray(grants, 'grant_types_supported')
  if (variant.registration === 'static_client') assert.ok(types.includes('code'))
  else {
    // OpenID Connect Core §15.2
    for (const type of ['code', 'id_token', 'id_token token'])
      assert.ok(types.includes(type), `no response type ${type}`)
    for (const type of ['authorization_code', 'implicit']) assert.ok(grants?.includes(type) ?? true, `no grant ${type}`)
  }
}

function assertArray(value: unknown, name: string): void {
  assert.ok(Array.isArray(value) && value.length > 0, name)
  for (const member of value) assert.equal(typeof member, 'string', name)
}

const ofEndpoint = (name: string) => [
  `${name}_endpoint`,
  `${name}_endpoint_auth_methods_supported`,
  `${name}_endpoint_auth_signing_alg_values_supported`,
]
const ofAlgorithms = (name: string) => [
  `${name}_signing_alg_values_supported`,
  `${name}_encryption_alg_values_supported`,
  `${name}_encryption_enc_values_supported`,
]

/**
 * The members that the suite's schema of the metadata knows, of those that concern a provider like Signet (RFC 8414 §2, OpenID Connect Discovery §3, and the
 * specifications in docs/endpoints.md). It warns about others.
 */
const knownMembers = new Set([
  ...[
    'issuer',
    'authorization_endpoint',
    'jwks_uri',
    'registration_endpoint',
    'userinfo_endpoint',
    'end_session_endpoint',
  ],
  ...['token', 'revocation', 'introspection'].flatMap(ofEndpoint),
  ...['id_token', 'userinfo', 'request_object', 'authorization', 'introspection'].flatMap(ofAlgorithms),
  ...['scopes', 'response_types', 'response_modes', 'grant_types', 'ui_locales', 'claims_locales', 'acr_values'].map(
    (name) => `${name}_supported`,
  ),
  ...['subject_types', 'display_values', 'claim_types', 'claims', 'prompt_values', 'code_challenge_methods'].map(
    (name) => `${name}_supported`,
  ),
  ...['claims_parameter_supported', 'request_parameter_supported', 'request_uri_parameter_supported'],
  ...['require_request_uri_registration', 'require_signed_request_object', 'require_pushed_authorization_requests'],
  ...['pushed_authorization_request_endpoint', 'device_authorization_endpoint', 'dpop_signing_alg_values_supported'],
  ...['authorization_response_iss_parameter_supported', 'client_id_metadata_document_supported'],
  ...['backchannel_logout_supported', 'backchannel_logout_session_supported', 'frontchannel_logout_supported'],
  ...['frontchannel_logout_session_supported', 'check_session_iframe', 'op_policy_uri', 'op_tos_uri'],
  ...['service_documentation', 'authorization_details_types_supported', 'mtls_endpoint_aliases', 'signed_metadata'],
  'tls_client_certificate_bound_access_tokens',
])
