import { promptValues, responseModes } from '../oidc-values.ts'

/** The error codes that Signet sends, from RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7009 §2.2.1, RFC 7591 §3.2.2, RFC 8628 §3.5, RFC 8707 §2, OpenID Connect Core §3.1.2.6. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_token_type'
  | 'unsupported_response_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'access_denied'
  | 'authorization_pending'
  | 'slow_down'
  | 'expired_token'
  | 'server_error'
  | 'temporarily_unavailable'
  | 'login_required'
  | 'consent_required'
  | 'interaction_required'
  | 'unmet_authentication_requirements'
  | 'invalid_request_object'
  | 'invalid_request_uri'
  | 'registration_not_supported'
  | 'invalid_client_metadata'
  | 'invalid_redirect_uri'
  | 'unapproved_software_statement'

/** An error as it is sent to a client. */
export interface RegisteredError {
  /** The `error` code that an RFC defines. */
  readonly error: OAuthErrorCode
  /** The HTTP status. If the error is sent to the redirect URI instead, that redirect has the status 303. */
  readonly status: number
  /** The `error_description`. `{}` is replaced by a value, usually the name of a parameter. It contains nothing that helps an attacker. */
  readonly description: string
  /** How the developer can fix it, in a few sentences, for the page that `error_uri` leads to. */
  readonly fix: string
}

const request = { error: 'invalid_request', status: 400 } as const
const client = { error: 'invalid_client', status: 400 } as const
const grant = { error: 'invalid_grant', status: 400 } as const
const scope = { error: 'invalid_scope', status: 400 } as const
const target = { error: 'invalid_target', status: 400 } as const
const unauthorized = { error: 'unauthorized_client', status: 400 } as const
const requestObject = { error: 'invalid_request_object', status: 400 } as const
const requestUri = { error: 'invalid_request_uri', status: 400 } as const
const denied = { error: 'access_denied', status: 400 } as const

/** Every error that Signet sends. docs/errors.md and the page `/errors` are generated from it, and `error_uri` leads to that page. */
export const errorRegistry = {
  parameter_missing: {
    ...request,
    description: "The parameter '{}' is missing.",
    fix: 'Send the parameter. A parameter without a value counts as not sent (RFC 6749 section 3.1).',
  },
  parameter_doubled: {
    ...request,
    description: '{} was sent more than once.',
    fix: 'Send it once, either in the query or in the body. Only resource may be sent more than once (RFC 6749 section 3.1, RFC 8707 section 2).',
  },
  parameter_unreadable: {
    ...request,
    description: '{} is not URL-encoded UTF-8 text.',
    fix: 'Encode names and values as application/x-www-form-urlencoded in UTF-8 (RFC 6749 appendix B), without control characters.',
  },
  parameter_control: {
    ...request,
    description: '{} contains a tab, a line break or another control character.',
    fix: 'Send the value without control characters. If it needs them, as a state with several lines does, encode it in base64url.',
  },
  parameters_unreadable: {
    ...request,
    description: 'A parameter is not URL-encoded UTF-8 text, or there are more than 100 parameters.',
    fix: 'Encode names and values as application/x-www-form-urlencoded in UTF-8 (RFC 6749 appendix B), and send only the parameters that the endpoint supports.',
  },
  parameter_malformed: {
    ...request,
    description: "The parameter '{}' is malformed.",
    fix: 'The description names the parameter. Its value may be too long, may not have the format that its RFC defines, or may have been encoded twice.',
  },
  request_unreadable: {
    ...request,
    description: 'The request could not be read.',
    fix: 'The HTTP message itself is malformed, usually its Content-Length or its Content-Type. A proxy in between may have changed it.',
  },
  address_unreadable: {
    ...request,
    description: 'The path of the URL could not be decoded.',
    fix: 'A percent sign in the path is not followed by two hexadecimal digits, or the decoded bytes are not UTF-8.',
  },
  not_http: {
    ...request,
    description: 'The request is not valid HTTP.',
    fix: 'Look for spaces or line breaks in a header, for two different lengths of one body, or for TLS on a port that expects plain HTTP.',
  },
  host_missing: {
    ...request,
    description: 'The request has no Host header.',
    fix: 'HTTP/1.1 requires one (RFC 9112 section 3.2). A proxy in between may have removed it.',
  },
  host_malformed: {
    ...request,
    description: 'The Host header is malformed.',
    fix: 'Send a host name or an address, and the port if it is not the default port (RFC 9110 section 7.2).',
  },
  header_doubled: {
    ...request,
    description: 'The request has more than one {} header.',
    fix: 'Send it once. Two programs could use different ones, so Signet uses neither (RFC 9112 section 3.2). A proxy may have added one.',
  },
  expectation_unknown: {
    ...request,
    status: 417,
    description: 'The value of the Expect header is not supported.',
    fix: 'Only 100-continue is supported (RFC 9110 section 10.1.1). Leave the header out.',
  },
  headers_too_large: {
    ...request,
    status: 431,
    description: 'The headers are too large.',
    fix: 'The URL and the headers together may be up to 16 KB. The usual cause is cookies of other applications on the same host. If it is a long authorization request, such as one in a request object, push it to /par, and send the browser only the request_uri (RFC 9126).',
  },
  request_too_slow: {
    ...request,
    status: 408,
    description: 'The request took too long to arrive.',
    fix: 'Send the headers within 15 seconds, and the whole request within 30 seconds.',
  },
  body_too_large: {
    ...request,
    status: 413,
    description: 'The request body is too large.',
    fix: 'Signet accepts request bodies of up to 32 KB.',
  },
  body_type_unsupported: {
    ...request,
    status: 415,
    description: 'The body must be application/x-www-form-urlencoded.',
    fix: 'OAuth endpoints accept forms, not JSON (RFC 6749 section 4.1.3). Encode the body as a form, and set the Content-Type accordingly.',
  },
  address_unknown: {
    ...request,
    status: 404,
    description: 'No such endpoint.',
    fix: 'Take the URLs of the endpoints from /.well-known/openid-configuration. Paths are case-sensitive and have no trailing slash. If the path begins with two slashes, the application was given the issuer with a slash at the end: remove it there.',
  },
  method_not_allowed: {
    ...request,
    status: 405,
    description: 'Method not allowed. Use {}.',
    fix: 'The Allow header lists the methods. /token, /par, /introspect and /revoke accept only POST, so that no secret appears in a URL.',
  },
  unavailable: {
    error: 'temporarily_unavailable',
    status: 503,
    description: 'The server is temporarily unavailable. Try again in a moment.',
    fix: 'Wait for the number of seconds in Retry-After, then repeat the request. In almost all cases nothing has been used up. If a code is then refused as already used, the first request did redeem it, and the user has to sign in again. Either the database is unavailable, or no signing key is usable, or too many requests are competing for the same token, code or account. The operator can see which at /readyz and in the log.',
  },
  overloaded: {
    error: 'temporarily_unavailable',
    status: 503,
    description: 'The server gets more requests than it can serve. Try again in a few seconds.',
    fix: 'Wait for the number of seconds in Retry-After, then repeat the request. It was refused before it was read, so nothing has been used up. Until then, nothing more is read from the same connection. If this continues, the operator needs more nodes or a larger machine: signet_requests_shed_total counts these responses.',
  },
  unexpected_failure: {
    error: 'server_error',
    status: 500,
    description: 'An unexpected error occurred. Ask the operator about request {}.',
    fix: 'This is a bug in Signet. Please report it with the details that are in the log under the request id.',
  },

  client_not_named: {
    ...client,
    description: 'The request does not identify a client: send client credentials or a client_id.',
    fix: 'A confidential client sends its secret or an assertion. A public client sends its client_id in the body (RFC 6749 section 3.2.1).',
  },
  client_authenticates_twice: {
    ...request,
    description: 'The request uses more than one client authentication method. Use only one.',
    fix: 'Send only one of these: the Authorization header, client_secret, client_assertion (RFC 6749 section 2.3). Many libraries add an Authorization header automatically: turn it off, or leave out the other method.',
  },
  client_credentials_in_query: {
    ...request,
    description: "The parameter '{}' was sent in the URL: send it in the body.",
    fix: 'URLs are written to the logs of servers and proxies (RFC 6749 section 2.3.1). Send the parameters as a form in the body of the POST request, and replace the secret that was in the URL: signet clients rotate-secret --revoke-old.',
  },
  client_id_contradicts: {
    ...request,
    description: 'The client_id in the body does not match the client credentials.',
    fix: 'Leave client_id out of the body, or send the same one as in the Authorization header or the assertion.',
  },
  client_credentials_malformed: {
    ...client,
    description: 'The Authorization header does not contain well-formed Basic credentials.',
    fix: 'Form-encode the client_id and the secret, join them with a colon, and encode the result in base64 (RFC 6749 section 2.3.1). A Bearer token does not authenticate a client.',
  },
  client_authentication_failed: {
    ...client,
    description: 'Client authentication failed: unknown client or wrong credentials.',
    fix: 'Compare the client_id and the secret with the output of signet clients create. If the secret is lost, create another one with signet clients rotate-secret; the old one stays valid alongside it. A public client sends no secret.',
  },
  client_authentication_method_wrong: {
    ...client,
    description: 'This client must authenticate with {}.',
    fix: 'The secret is correct, but it was sent by another method. Use the registered method, or accept both: signet clients update --token-endpoint-auth-method "".',
  },
  client_secret_too_short: {
    ...client,
    description:
      'This secret is too short to sign an ID token with HS256: authenticate with one of at least 32 characters.',
    fix: 'The secret was imported from another system (RFC 7518 section 3.2 requires 256 bits). Create another one with signet clients rotate-secret, or let the client verify ID tokens with the public keys: signet clients update --id-token-signed-response-alg RS256.',
  },
  client_assertion_type_wrong: {
    ...request,
    description:
      'A client_assertion must be sent with the client_assertion_type urn:ietf:params:oauth:client-assertion-type:jwt-bearer.',
    fix: 'Send both parameters (RFC 7521 section 4.2).',
  },
  client_assertion_unreadable: {
    ...client,
    description: 'The client_assertion is not a JWT whose sub is a client_id.',
    fix: 'Create a signed JWT whose iss and sub are the client_id (RFC 7523 section 3).',
  },
  client_assertion_refused: {
    ...client,
    description:
      'The client_assertion was rejected: check its typ, signature, iss, sub, aud, exp and jti (RFC 7523 section 3).',
    fix: 'typ must be client-authentication+jwt, oauth-client-auth+jwt or JWT, or absent. aud must be the issuer or the token endpoint, alone or in an array that names nothing else; for a client with require_issuer_audience it must be the issuer, as a single string. exp must be in the future, at most ten minutes ahead. The key must be in the registered jwks or at the jwks_uri, under the kid of the header if there is one. Check the clock of the machine. The operator can see which check failed: signet events show.',
  },
  client_keys_unavailable: {
    ...client,
    description: 'The keys at the jwks_uri of the client could not be fetched or used.',
    fix: 'The jwks_uri must lead to a JWK Set with the public keys of the client, on a server that the internet can reach over https on port 443, without a redirect. The operator can see what failed: signet events show. A key server in a private network has to be allowed with SIGNET_ALLOW_PRIVATE_NETWORKS.',
  },
  client_assertion_replayed: {
    ...client,
    description: 'The client_assertion has already been used: create a new one for each request.',
    fix: 'Sign a new assertion with a new jti for every request, including retries.',
  },
  client_credential_replaced: {
    ...client,
    description: 'The client credential has just been replaced.',
    fix: 'Somebody rotated or removed it during this request. Load the new one and repeat the request.',
  },

  grant_type_unsupported: {
    error: 'unsupported_grant_type',
    status: 400,
    description:
      'The grant_type must be authorization_code, refresh_token, client_credentials or urn:ietf:params:oauth:grant-type:device_code.',
    fix: 'The password grant is not supported (RFC 9700 section 2.4), and the implicit flow has no token request. Use the authorization code flow with PKCE.',
  },
  grant_type_not_registered: {
    ...unauthorized,
    description: 'This client is not registered for this grant_type.',
    fix: 'Register it with signet clients update --grant-type. List all grant types that the client should have.',
  },
  client_proves_nothing: {
    ...unauthorized,
    description: 'Public clients cannot use client_credentials.',
    fix: 'The client_credentials grant is for confidential clients (RFC 6749 section 4.4). Register a client with a secret or a key.',
  },
  device_code_not_registered: {
    ...unauthorized,
    description: 'This client is not registered for the device code grant.',
    fix: 'Register it with signet clients update --grant-type urn:ietf:params:oauth:grant-type:device_code. List the other grant types that the client should have as well.',
  },
  device_pending: {
    error: 'authorization_pending',
    status: 400,
    description: 'The user has not decided yet.',
    fix: 'This is a normal response, not a fault: wait for the number of seconds in interval, then send the same request again (RFC 8628 section 3.5).',
  },
  device_too_fast: {
    error: 'slow_down',
    status: 400,
    description: 'The user has not decided yet, and this request came too soon. Wait 5 seconds longer from now on.',
    fix: 'Wait for the number of seconds in interval after each response. Each slow_down adds 5 seconds to it, for all further requests (RFC 8628 section 3.5). A device must not send several requests at a time.',
  },
  device_code_expired: {
    error: 'expired_token',
    status: 400,
    description: 'The device code has expired.',
    fix: 'The user did not decide in time, or the device did not ask in time. Send a new device authorization request, and show its code.',
  },
  device_denied: {
    ...denied,
    description: 'The user denied access.',
    fix: 'Stop asking for tokens, and tell the user why the application needs access. A new device authorization request asks again.',
  },
  device_code_unknown: {
    ...grant,
    description: 'The device code is unknown, or was issued to another client.',
    fix: 'Send the device_code unchanged, with the same client_id, at the issuer that issued it. If it was right, the user has withdrawn the access in the meantime, or the code expired long ago: send a new device authorization request.',
  },
  device_code_used: {
    ...grant,
    description: 'The device code has already been used.',
    fix: 'A device code gives tokens once. If the response was lost, send a new device authorization request. A device must not send several requests at a time. If a code is used again later, its grant ends.',
  },
  too_many_device_requests: {
    error: 'temporarily_unavailable',
    status: 429,
    description: 'Too many device authorization requests.',
    fix: 'Wait for the number of seconds in Retry-After. Requests of public clients are counted by network, and all requests by client. A device sends one request for each code that it shows, and none while nobody looks at it.',
  },
  too_many_pushed_requests: {
    error: 'temporarily_unavailable',
    status: 429,
    description: 'Too many pushed authorization requests.',
    fix: 'Wait for the number of seconds in Retry-After. Requests of public clients, and of clients that registered themselves, are counted by network, and all requests by client. Push one request for each sign-in.',
  },
  code_unknown: {
    ...grant,
    description: 'The code is unknown or expired, or was issued to another client.',
    fix: 'A code expires after 60 seconds and can be redeemed only by the client that requested it. Redeem it immediately, with the same client_id, at the issuer that the iss parameter names.',
  },
  client_document_changed: {
    ...grant,
    description: 'The client ID metadata document has changed since the authorization request. Sign in again.',
    fix: 'Its name, redirect URIs, authentication method or keys are no longer those that the user saw or that the request was checked with. Send a new authorization request. After a change, sign-ins that have begun have to be repeated.',
  },
  code_replayed: {
    ...grant,
    description: 'The code has already been used.',
    fix: 'Redeem a code once. A page that is reloaded after the callback must not redeem it again. If somebody else redeemed it, the grant has ended and the user has to sign in again (RFC 6749 section 4.1.2).',
  },
  redirect_uri_differs: {
    ...grant,
    description: 'The redirect_uri does not match the one in the authorization request.',
    fix: 'Send exactly the redirect_uri of the authorization request (RFC 6749 section 4.1.3).',
  },
  code_verifier_missing: {
    ...grant,
    description: 'The code_verifier is missing.',
    fix: 'The authorization request had a code_challenge: send its code_verifier (RFC 7636 section 4.5). Keep the code_verifier in the session of the browser that started the sign-in.',
  },
  code_verifier_wrong: {
    ...grant,
    description: 'The code_verifier does not match the code_challenge of the authorization request.',
    fix: 'The code_challenge is the SHA-256 hash of the code_verifier in base64url, without padding. If two tabs store their code_verifier in the same place, they overwrite each other: store one for each state.',
  },
  code_verifier_unexpected: {
    ...grant,
    description: 'A code_verifier was sent, but the authorization request had no code_challenge.',
    fix: 'The authorization request arrived without its code_challenge: somebody may have removed it (RFC 9700 section 4.8.2).',
  },
  refresh_token_unknown: {
    ...grant,
    description: 'The refresh token is unknown, expired or revoked, or was issued to another client.',
    fix: 'Send the user to sign in again. Keep the newest refresh token, and use it with the client_id that it was issued to.',
  },
  refresh_token_exhausted: {
    ...grant,
    description: 'This refresh token was replaced long ago, so the grant has ended. Sign in again.',
    fix: 'The client, or somebody with a copy of its token, kept sending this token and never used the one that replaced it. Store the new refresh token before you use the new access token.',
  },
  refresh_token_reused: {
    ...grant,
    description: 'This refresh token was used by two parties, so the grant has ended. Sign in again.',
    fix: 'Either the token was stolen, or two separate stores hold the same token: sign in separately for each. The grant ends for both parties, because Signet cannot tell which one is the thief.',
  },
  scope_malformed: {
    ...scope,
    description: 'The scope is not a list of names separated by single spaces.',
    fix: 'RFC 6749 section 3.3 defines the format: no tabs, no commas, no space at the beginning or the end.',
  },
  scope_not_registered: {
    ...scope,
    description: 'This client is registered for none of the requested scopes.',
    fix: 'Request other scopes, or register these with signet clients update --scope. List all scopes that the client should have. Scopes that do not exist and scopes that the client may not have are treated alike: they are ignored, unless nothing is left. The operator can see which they were: signet events refusals.',
  },
  openid_not_registered: {
    ...scope,
    description: 'This client is not registered for the scope openid.',
    fix: 'Register it with signet clients update --scope. List all scopes that the client should have, with openid among them. Other scopes that a client may not have are ignored. Without openid there would be no ID token, so the request is refused instead.',
  },
  scope_wider_than_granted: {
    ...scope,
    description: 'The requested scope exceeds the granted scope.',
    fix: 'A refresh can only narrow the scope (RFC 6749 section 6). For more scopes, send the user through a new authorization request.',
  },
  scope_taken: {
    ...scope,
    description: 'None of the requested scopes can be granted: they were removed from the client or from its APIs.',
    fix: 'The client was once registered for these scopes but no longer is, or they have moved to another API. Register them again with signet clients update --scope. If a scope has moved to another API, the user also has to allow it: send them through an authorization request.',
  },
  grant_scopes_taken: {
    ...grant,
    description: 'None of the scopes of this grant is available any longer. Sign in again.',
    fix: 'They were removed from the client or from its APIs, or they have required consent since. Send the user through an authorization request with the scopes that the client has now: signet clients show.',
  },
  offline_access_taken: {
    ...grant,
    description: 'This client may no longer use refresh tokens: it has lost the scope offline_access.',
    fix: 'Register the scope again with signet clients update --scope, and the refresh token is valid again. Otherwise sign the user in without offline_access.',
  },
  scope_needs_a_person: {
    ...scope,
    description: 'OpenID scopes require a user; client_credentials has none.',
    fix: 'Leave openid out of a client_credentials request. The other OpenID scopes, such as profile and email, are ignored if the client may have one of the requested scopes.',
  },
  resource_not_allowed: {
    ...target,
    description: 'A requested resource is unknown, or this client is not allowed to use it.',
    fix: 'Send exactly the identifier that signet resources list shows. Allow the client to use the resource with signet clients update --resource.',
  },
  resource_not_granted: {
    ...target,
    description: 'The requested resource is not part of this grant.',
    fix: 'Name the resource in the authorization request as well: that is where the user consents to it (RFC 8707 section 2.2).',
  },
  resource_doubled: {
    ...target,
    description: 'An access token is for one resource: name only one.',
    fix: 'Send a separate token request for each resource.',
  },
  resource_ambiguous: {
    ...target,
    description: 'The scopes belong to several resources: name one with the parameter resource.',
    fix: 'An access token is for one API. Name the resource that this token is for (RFC 8707).',
  },

  token_of_another_client: {
    ...grant,
    description: 'This token was issued to another client.',
    fix: 'A client can revoke only its own tokens (RFC 7009 section 2.1).',
  },
  token_not_revocable: {
    error: 'unsupported_token_type',
    status: 400,
    description: 'Tokens issued by client_credentials cannot be revoked individually.',
    fix: 'They expire soon. The operator can end them for everybody who shares the credential: signet grants revoke ends the tokens issued so far, and signet clients rotate-secret --revoke-old also revokes the secret.',
  },
  introspection_needs_authentication: {
    ...unauthorized,
    description: 'Public clients cannot introspect tokens.',
    fix: 'RFC 7662 section 2.1 requires authentication. Register the service that checks tokens as a confidential client, or let it verify tokens locally, by their signatures and the public keys of this issuer.',
  },
  access_token_missing: {
    error: 'invalid_token',
    status: 401,
    description: 'The request has no access token.',
    fix: 'Send it in the Authorization header: Bearer, a space, the token (RFC 6750 section 2.1). If no token was sent, the WWW-Authenticate header has no error code (section 3.1).',
  },
  access_token_misplaced: {
    ...request,
    description: 'The access token was sent in the wrong format, in the wrong place or more than once.',
    fix: 'Send it once, in the Authorization header or in the form of a POST request, never in the URL (RFC 6750 section 2).',
  },
  access_token_refused: {
    error: 'invalid_token',
    status: 401,
    description: 'The access token was rejected: {}',
    fix: 'The description ends with the reason. Get a new access token with the refresh token. userinfo accepts only tokens for the issuer: request the scope openid, without resource and without scopes of an API. For both, get a second token with the refresh token and resource set to the issuer; or the operator allows the tokens of this API at userinfo (signet resources update --userinfo-audience).',
  },
  access_token_scope_insufficient: {
    error: 'insufficient_scope',
    status: 403,
    description: 'The access token does not have the scope openid.',
    fix: 'Request the scope openid in the authorization request (OpenID Connect Core section 5.3).',
  },

  registration_closed: {
    ...denied,
    status: 403,
    description: 'Clients cannot register themselves at this server.',
    fix: 'Ask the operator to register the client (signet clients create), or to let clients register themselves (SIGNET_REGISTRATION).',
  },
  initial_access_token_missing: {
    error: 'invalid_token',
    status: 401,
    description: 'Registration requires an initial access token.',
    fix: 'Ask the operator for one (signet registration-tokens create), and send it in the Authorization header: Bearer, a space, the token (RFC 7591 section 3).',
  },
  initial_access_token_refused: {
    error: 'invalid_token',
    status: 401,
    description: 'The initial access token is unknown, has expired, or was used as often as it may be.',
    fix: 'Ask the operator for a new one (signet registration-tokens list shows the state of each). If the server lets everybody register, leave the Authorization header out.',
  },
  registration_access_token_missing: {
    error: 'invalid_token',
    status: 401,
    description: 'The request has no registration access token.',
    fix: 'Send the registration_access_token of the registration in the Authorization header: Bearer, a space, the token (RFC 7592 section 2).',
  },
  registration_access_token_refused: {
    error: 'invalid_token',
    status: 401,
    description: 'The registration access token is wrong, or there is no such client.',
    fix: 'Send the registration_access_token that belongs to this registration_client_uri. A client that nobody has used is deleted after some time, and the operator can delete or adopt it: register again.',
  },
  registration_token_misplaced: {
    ...request,
    description: 'The token was sent in the wrong format, or more than once.',
    fix: 'Send it once, in the Authorization header: Bearer, a space, the token (RFC 6750 section 2.1).',
  },
  too_many_registrations: {
    error: 'temporarily_unavailable',
    status: 429,
    description: 'Too many registrations, or too many changes of one client.',
    fix: 'Wait for the number of seconds in Retry-After. An application registers once, and keeps its client_id.',
  },
  client_metadata_not_json: {
    ...request,
    status: 415,
    description: 'The body must be application/json.',
    fix: 'Send the metadata as a JSON object, with the Content-Type application/json (RFC 7591 section 3.1).',
  },
  client_metadata_unreadable: {
    error: 'invalid_client_metadata',
    status: 400,
    description: 'The body is not a JSON object that can be used: {}.',
    fix: 'Send one JSON object in UTF-8, of up to 32 KB and 32 levels. No member may appear twice.',
  },
  client_metadata_invalid: {
    error: 'invalid_client_metadata',
    status: 400,
    description: 'The metadata cannot be registered: {}',
    fix: 'The description says which member is at fault. RFC 7591 section 2 and OpenID Connect Dynamic Client Registration section 2 define them.',
  },
  client_redirect_uri_invalid: {
    error: 'invalid_redirect_uri',
    status: 400,
    description: 'The metadata cannot be registered: {}',
    fix: 'A redirect URI is https, or http on loopback (localhost, 127.0.0.1, [::1]), or has a private-use scheme that is a reversed domain name, such as com.example.app (RFC 8252 section 7.1). It has no fragment.',
  },
  software_statement_unapproved: {
    error: 'unapproved_software_statement',
    status: 400,
    description: 'The metadata cannot be registered: {}',
    fix: 'Send the metadata as members of the request, without software_statement (RFC 7591 section 2.3).',
  },

  client_unknown: {
    ...request,
    description: 'No client has this client_id.',
    fix: 'Compare it with signet clients list. If it is the URL of a client ID metadata document, it must begin with https, and the operator must accept such documents (SIGNET_CLIENT_ID_METADATA_HOSTS): while that is not set, clients with a document are unknown. A client that registered itself is deleted if nobody uses it; its user can remove the connection in the application and set it up again, and the application then registers anew. Signet never redirects to the redirect_uri of an unknown client.',
  },
  client_document_url_invalid: {
    ...client,
    description: 'The client_id is an https URL that cannot be the URL of a client ID metadata document: it {}.',
    fix: 'Such a URL has a path, and no fragment, user name or dot-segments, and at most 255 characters (draft-ietf-oauth-client-id-metadata-document section 3). Signet also refuses what URL parsers rewrite, such as upper case in the host or the port 443. Send exactly the URL that is the client_id in the document.',
  },
  client_document_host_refused: {
    ...client,
    description: 'This server does not accept client ID metadata documents of this host.',
    fix: 'The operator lists the accepted hosts in SIGNET_CLIENT_ID_METADATA_HOSTS. Ask them to add the host of the client_id, or to register the application.',
  },
  client_document_unavailable: {
    error: 'temporarily_unavailable',
    status: 503,
    description:
      'The client ID metadata document of this client, or its jwks_uri, could not be fetched. Try again in a moment.',
    fix: 'The server there must answer a GET within seconds, with status 200 and without a redirect, at a public address over https on port 443. The document may have at most 5 KB and must not be compressed. Firewalls that tell programs from browsers often answer 403: let this server pass. The operator can see what failed: signet events refusals.',
  },
  client_document_invalid: {
    ...client,
    description: 'The client ID metadata document at the client_id cannot be used: {}',
    fix: 'It is a JSON object with the Content-Type application/json. Its client_id is the URL itself, character by character, and it has redirect_uris. It contains no client_secret, not even an empty one, and no private key; token_endpoint_auth_method is none or private_key_jwt. Nothing of an unusable document is kept: correct it, and try again.',
  },
  client_document_method_unsupported: {
    ...unauthorized,
    description:
      'The client ID metadata document names no authentication method that this server supports for such clients.',
    fix: 'List none or private_key_jwt in token_endpoint_auth_methods_supported, or set token_endpoint_auth_method to one of them. The default is none.',
  },
  too_many_documents: {
    error: 'temporarily_unavailable',
    status: 429,
    description: 'Too many client ID metadata documents were requested.',
    fix: 'Wait for the number of seconds in Retry-After. Documents that have to be fetched are counted by network, those that are new also by host. Let the document be kept for an hour or more: Cache-Control: max-age=3600.',
  },
  redirect_uri_not_registered: {
    ...request,
    description: 'The redirect_uri is not registered for this client. It must match exactly.',
    fix: 'Compare it with redirect_uris in the output of signet clients show: a trailing slash, http or https, the port and the query all count. Only the port of a loopback address may vary (RFC 8252 section 7.3). If it does belong to the application, register it with signet clients update --redirect-uri, and list all redirect URIs that the client should have. Never register an address that you do not know: anybody can send such a request. If the client_id is the URL of a document, only its publisher can add the redirect URI there, and Signet sees it once the Cache-Control of the previous document has expired.',
  },
  request_too_long: {
    ...request,
    description: 'The parameters are longer than {} bytes in total.',
    fix: 'During sign-in they are passed along in URLs. Shorten state: keep its data in the session of your application. Or push the request to /par, which accepts 32 KB (RFC 9126).',
  },
  state_too_long: {
    ...request,
    description: 'The parameter state is longer than {} bytes when it is form-encoded.',
    fix: 'It has to be returned unchanged, in a URL that every proxy accepts. Keep its data in the session of your application.',
  },
  response_type_unsupported: {
    error: 'unsupported_response_type',
    status: 400,
    description: 'This response_type is not supported. Use code.',
    fix: 'Use the authorization code flow with PKCE: tokens in the URL are not supported (RFC 9700 section 2.1.2). For an application that cannot be changed, the operator can turn on older response types, but never token alone (SIGNET_LEGACY_RESPONSE_TYPES).',
  },
  response_type_turned_off: {
    error: 'unsupported_response_type',
    status: 400,
    description: 'This response_type is turned off at this server. Use code.',
    fix: 'The client is registered for it, but the server does not offer it. Use the authorization code flow with PKCE. If the application cannot be changed, the operator can turn it on with SIGNET_LEGACY_RESPONSE_TYPES=on.',
  },
  response_type_not_registered: {
    ...unauthorized,
    description: 'This client is not registered for this response_type.',
    fix: 'Request a response_type that the client is registered for: signet clients show. To change them: signet clients update --response-type, with --grant-type implicit for those that return tokens from /authorize, and with --grant-type authorization_code for those that return a code. List all response types and grant types that the client should have.',
  },
  response_mode_query_refused: {
    ...request,
    description: 'response_mode=query cannot be used with this response_type, because it returns tokens.',
    fix: 'Leave response_mode out to use fragment, or send form_post. A query ends up in the logs of servers and in Referer headers (OAuth 2.0 Multiple Response Type Encoding Practices, section 5).',
  },
  response_too_long: {
    ...request,
    description: 'The response is too long for a redirect. Use response_mode=form_post or response_type=code.',
    fix: 'Tokens, state and nonce must fit into a header together, and proxies accept 8 KB. Send response_mode=form_post, shorten state and nonce, request fewer claims, or use the authorization code flow, which has no such limit.',
  },
  nonce_missing: {
    ...request,
    description: 'The nonce is missing: this response_type returns an ID token from the authorization endpoint.',
    fix: 'Send a random nonce with each request, keep it in the session of the browser, and compare it with the claim nonce of the ID token (OpenID Connect Core sections 3.2.2.1 and 3.3.2.1). Without it, the ID token of one sign-in could be inserted into another.',
  },
  openid_missing: {
    ...scope,
    description: 'This response_type needs the scope openid.',
    fix: 'Add openid to the scope. Only OpenID Connect requests can have tokens from the authorization endpoint; otherwise use response_type=code.',
  },
  response_mode_unsupported: {
    ...request,
    description: `The response_mode is not one of ${responseModes.join(', ')}, or cannot be used with this redirect_uri.`,
    fix: "Leave it out to use query. form_post requires an http or https redirect URI, because browsers cannot post to an app's own URI scheme.",
  },
  authorization_code_not_registered: {
    ...unauthorized,
    description: 'This client is not registered for the authorization code flow.',
    fix: 'Register it with signet clients update --grant-type authorization_code. List the other grant types that the client should have as well.',
  },
  request_twice: {
    ...request,
    description: 'The request has both request and request_uri. Send only one.',
    fix: 'A request object is sent by value (request) or by reference (request_uri), never both (RFC 9101 section 5).',
  },
  request_object_refused: {
    ...requestObject,
    description:
      'The request object was rejected: check its typ, alg, signature, client_id, iss, aud, exp, nbf and iat (RFC 9101 section 6).',
    fix: 'typ must be oauth-authz-req+jwt or JWT, or absent. alg must be the registered request_object_signing_alg, otherwise RS256, PS256, ES256 or EdDSA. The key must be in the jwks or at the jwks_uri of the client, under the kid of the header if there is one. client_id and iss must be the client_id; one of them is enough. aud, if there is one, must contain the issuer. exp may be at most a day ahead. sub must not be the client_id, and there must be no request or request_uri inside. Parameters are strings, but max_age may be a number, claims an object and resource an array. The operator can see which of these was wrong: signet events refusals.',
  },
  request_object_unsigned: {
    ...requestObject,
    description: 'The request object is not signed: its alg is none.',
    fix: 'An object without a signature protects nothing. Sign it with a key of the client, or send the parameters directly. To keep them out of the browser, push them to /par (RFC 9126).',
  },
  request_object_encrypted: {
    ...requestObject,
    description: 'The request object is encrypted, which is not supported.',
    fix: 'Sign it only. To keep the parameters out of the browser, push them to /par (RFC 9126).',
  },
  request_object_missing: {
    ...request,
    description: 'This client must send a signed request object.',
    fix: 'The client is registered with require_signed_request_object (RFC 9101 section 10.5). Send the parameters in request, at /authorize or /par, or turn this off: signet clients update --no-require-signed-request-object.',
  },
  request_not_pushed: {
    ...request,
    description: 'This client must push its authorization requests.',
    fix: 'The client is registered with require_pushed_authorization_requests (RFC 9126 section 6). Send the parameters to /par, and the browser with the request_uri in the response, or turn this off: signet clients update --no-require-pushed-authorization-requests.',
  },
  request_uri_pushed: {
    ...request,
    description: "The parameter 'request_uri' cannot be pushed.",
    fix: 'Push the parameters themselves, or a request object in request (RFC 9126 section 2.1).',
  },
  request_uri_unusable: {
    ...requestUri,
    description: 'The request_uri is unknown, expired or already used, or belongs to another client.',
    fix: 'Push a new authorization request for each sign-in, and send the browser to /authorize within the number of seconds in expires_in, with the same client_id. A request_uri can be opened again until the client has received a response, but not after that.',
  },
  request_uri_not_registered: {
    ...requestUri,
    description: 'The request_uri is not registered for this client. It must match exactly.',
    fix: 'Compare it with request_uris in the output of signet clients show, including the part after #. Register it with signet clients update --request-uri. List all request URIs that the client should have.',
  },
  request_uri_failed: {
    ...requestUri,
    description: 'The request object at the request_uri could not be fetched.',
    fix: 'The server there must answer a GET within seconds, with status 200 and at most 32 KB, at a public address over https, without a redirect. The operator can see what went wrong: signet events refusals.',
  },
  registration_unsupported: {
    error: 'registration_not_supported',
    status: 400,
    description: 'The parameter registration is not supported.',
    fix: 'It is for self-issued providers (OpenID Connect Core section 7.2.1). Leave it out.',
  },
  code_challenge_missing: {
    ...request,
    description: 'The code_challenge is missing: this client must use PKCE with S256.',
    fix: 'Turn on PKCE in your library (RFC 7636). A public client always needs it. For a confidential client whose library has no PKCE, the operator can accept a nonce instead: signet clients update --require-pkce auto.',
  },
  code_challenge_or_nonce_missing: {
    ...request,
    description:
      'This client must use PKCE: send a code_challenge with S256. Or send a nonce with the scope openid, or ask the operator to turn off require_pkce.',
    fix: 'Turn on PKCE in your library (RFC 7636). If it has none, turn on its nonce and request the scope openid: the library then has to compare the nonce of the ID token with its own (RFC 9700 section 2.1.1). If it can do neither, the operator can turn the requirement off: signet clients update --no-require-pkce. Anybody who gets hold of a code can then use it in a sign-in of their own at the application.',
  },
  code_challenge_method_unsupported: {
    ...request,
    description: 'The code_challenge_method must be S256.',
    fix: 'Send code_challenge_method=S256. The default, plain, does not protect against anyone who can read the request (RFC 7636 section 4.3).',
  },
  code_challenge_malformed: {
    ...request,
    description: 'The code_challenge is not a SHA-256 hash in base64url.',
    fix: 'It must have 43 characters: 32 bytes in base64url, without padding (RFC 7636 section 4.2).',
  },
  prompt_unknown: {
    ...request,
    description: `The prompt contains a value that is not one of ${promptValues.join(', ')}.`,
    fix: 'OpenID Connect Core section 3.1.2.1 defines the values, except create, which Initiating User Registration defines.',
  },
  claims_malformed: {
    ...request,
    description: "The parameter 'claims' is malformed.",
    fix: 'Send a JSON object with the members userinfo and id_token, in which each claim is null or an object (OpenID Connect Core section 5.5), and no member twice. essential must be true or false, and values a list of 1 to 20 values, without value beside it. Values of the claims acr and sub must be strings. Each of the two members can have 100 claims, with names of up to 200 characters.',
  },
  prompt_none_not_alone: {
    ...request,
    description: 'prompt=none cannot be combined with other values.',
    fix: 'none means that no page may be shown, and each of the other values asks for one (OpenID Connect Core section 3.1.2.1).',
  },
  max_age_malformed: {
    ...request,
    description: 'The max_age must be a number of seconds.',
    fix: 'Send only digits. 0 requires a new sign-in.',
  },
  id_token_hint_refused: {
    ...request,
    description: 'The id_token_hint is not an ID token that this issuer issued to this client.',
    fix: 'Send an ID token that your client received, unchanged. It may have expired.',
  },
  login_required: {
    error: 'login_required',
    status: 400,
    description: 'The user must sign in, but prompt=none allows no interaction.',
    fix: 'This is a normal response, not a fault: send the user through the same request without prompt=none. Browsers do not send cookies from a hidden frame, so prompt=none works only in a top-level page.',
  },
  authentication_too_weak: {
    error: 'login_required',
    status: 400,
    description: 'The user must sign in with a stronger factor, but prompt=none allows no interaction.',
    fix: 'Send the user through the same request without prompt=none. Signet then asks for the factor that acr_values, claims or the registration of your client demands.',
  },
  acr_unreachable: {
    error: 'unmet_authentication_requirements',
    status: 400,
    description: 'Signet cannot reach any of the essential acr values.',
    fix: 'The parameter claims demands values that this issuer does not have. Its metadata lists the others in acr_values_supported. phr needs an issuer with a host name, because passkeys do.',
  },
  acr_not_reached: {
    error: 'unmet_authentication_requirements',
    status: 400,
    description: 'The user did not sign in with a factor that is as strong as requested.',
    fix: 'The user has cancelled. Explain why your application needs the second factor, and offer to try again.',
  },
  login_as_other_person: {
    error: 'login_required',
    status: 400,
    description: 'The user who signed in is not the one that the id_token_hint names.',
    fix: 'Ask the user whether your application should switch to the other account too. If so, send no id_token_hint.',
  },
  consent_required: {
    error: 'consent_required',
    status: 400,
    description: 'The user must consent, but prompt=none allows no interaction.',
    fix: 'Send the user through the same request without prompt=none. Applications on loopback addresses or custom schemes need consent every time.',
  },
  email_not_verified: {
    error: 'interaction_required',
    status: 400,
    description: 'The user must verify an e-mail address, but prompt=none allows no interaction.',
    fix: 'Send the user through the same request without prompt=none. Signet then asks for the code in the e-mail that it has sent.',
  },
  consent_denied: {
    ...denied,
    description: 'The user denied access.',
    fix: 'Tell the user why your application needs access, and offer to continue without it.',
  },
  sign_in_cancelled: {
    ...denied,
    description: 'The user did not sign in.',
    fix: 'The user chose to go back. Offer to sign in again.',
  },
  sign_in_expired: {
    ...denied,
    description: 'The sign-in was left open for more than an hour.',
    fix: 'Start again with a new authorization request.',
  },

  form_from_elsewhere: {
    ...request,
    status: 403,
    description: 'The form was not submitted from a page of this site, or the page was too old.',
    fix: 'Open the page again and submit its form. Behind a proxy, the Origin that browsers send must equal SIGNET_ISSUER. The operator can see what arrived: signet events show.',
  },
  sign_up_closed: {
    ...request,
    status: 403,
    description: 'Sign-up is closed.',
    fix: 'The operator creates accounts with signet users create, or opens sign-up with SIGNET_SIGN_UP.',
  },
  invitation_needed: {
    ...request,
    status: 403,
    description: 'Accounts are created by invitation only.',
    fix: 'The operator invites people with signet users invite, or opens sign-up with SIGNET_SIGN_UP.',
  },
  invitation_invalid: {
    ...request,
    status: 410,
    description: 'There is no such invitation, or it has expired, was used or was cancelled.',
    fix: 'The operator can see open invitations with signet users invitations, and send a new one with signet users invite. Some mail programs truncate long links.',
  },
  invitation_taken: {
    ...request,
    status: 409,
    description: 'An account has verified the address of this invitation.',
    fix: 'The person signs in to that account. The operator can find it with signet users show.',
  },
  continue_unreadable: {
    ...request,
    description: 'This link was not created by this server, or it is incomplete.',
    fix: 'Start again in the application. The value of continue must arrive complete: some mail programs and messengers truncate long URLs.',
  },
  too_many_attempts: {
    error: 'temporarily_unavailable',
    status: 429,
    description: 'Too many attempts.',
    fix: 'Wait for the number of seconds in Retry-After. Attempts are counted by network and by the name that was entered. A browser in which the user has signed in before has a limit of its own. Nobody is locked out permanently.',
  },
  too_many_passwords: {
    error: 'temporarily_unavailable',
    status: 503,
    description: 'Too many passwords are being checked at the moment.',
    fix: 'Try again in a moment. If this continues, somebody is guessing passwords, the machine is too small, or Signet cannot distinguish the clients behind a proxy (SIGNET_TRUST_PROXY). At most 20 passwords from one network may be waiting.',
  },
  logout_hint_refused: {
    ...request,
    description: 'The id_token_hint is not an ID token from this issuer.',
    fix: 'Send an ID token unchanged. It may have expired. Without an id_token_hint, the user is asked whether to sign out.',
  },
  logout_client_contradicts: {
    ...request,
    description: 'The client_id does not match the client that the id_token_hint was issued to.',
    fix: 'Send only one of the two, or both for the same client (OpenID Connect RP-Initiated Logout section 2).',
  },
  post_logout_redirect_uri_not_registered: {
    ...request,
    description: 'The post_logout_redirect_uri is not registered for this client. It must match exactly.',
    fix: 'Register it with signet clients update --post-logout-redirect-uri. List all of these URIs that the client should have.',
  },
  post_logout_redirect_uri_of_nobody: {
    ...request,
    description: 'A post_logout_redirect_uri requires an id_token_hint or a client_id that identifies its client.',
    fix: 'Send the ID token of the session, or the client_id (OpenID Connect RP-Initiated Logout section 2).',
  },
} as const satisfies Readonly<Record<string, RegisteredError>>

/** The name of an error. It is also its anchor in docs/errors.md and on the page `/errors`. */
export type ErrorName = keyof typeof errorRegistry

export const errorNames = Object.keys(errorRegistry) as ErrorName[]
