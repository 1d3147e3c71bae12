import { promptValues, responseModes } from '../oidc-values.ts'

/** The error codes that go out, from RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7009 §2.2.1, RFC 8707 §2, OpenID Connect Core §3.1.2.6. */
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
  | 'server_error'
  | 'temporarily_unavailable'
  | 'login_required'
  | 'consent_required'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'registration_not_supported'

/** An error as it is told to a client. */
export interface RegisteredError {
  /** The RFC's code. */
  readonly error: OAuthErrorCode
  /** The HTTP status; where the error is sent to the redirect URI instead, the status of that redirect is 303. */
  readonly status: number
  /** The `error_description`; `{}` is the place of what it is about: a parameter's name, mostly. Nothing an attacker gains from. */
  readonly description: string
  /** What the developer should mend, in a sentence or two, for the page that `error_uri` leads to. */
  readonly mend: string
}

const request = { error: 'invalid_request', status: 400 } as const
const client = { error: 'invalid_client', status: 401 } as const
const grant = { error: 'invalid_grant', status: 400 } as const
const scope = { error: 'invalid_scope', status: 400 } as const
const target = { error: 'invalid_target', status: 400 } as const
const unauthorized = { error: 'unauthorized_client', status: 400 } as const
const denied = { error: 'access_denied', status: 400 } as const

/**
 * Every error that goes out. docs/errors.md and the page at `/errors` are made from it, and `error_uri` leads there.
 */
export const errorRegistry = {
  parameter_missing: {
    ...request,
    description: 'The {} is missing.',
    mend: 'Send the parameter. One that is sent without a value counts as not sent (RFC 6749 section 3.1).',
  },
  parameter_doubled: {
    ...request,
    description: '{} is sent more than once.',
    mend: 'Send it once, in the query or in the body. Only resource may come several times (RFC 6749 section 3.1, RFC 8707 section 2).',
  },
  parameter_unreadable: {
    ...request,
    description: '{} is not URL-encoded UTF-8 text.',
    mend: 'Encode names and values as application/x-www-form-urlencoded in UTF-8 (RFC 6749 appendix B), without control characters.',
  },
  parameter_control: {
    ...request,
    description: '{} has a TAB, a line end or another control character.',
    mend: 'Send the value without it. Encode what has several lines, such as a state, in base64url.',
  },
  parameters_unreadable: {
    ...request,
    description: 'A parameter is not URL-encoded UTF-8 text, or there are more than 100 of them.',
    mend: 'Encode names and values as application/x-www-form-urlencoded in UTF-8 (RFC 6749 appendix B), and send what the endpoint takes.',
  },
  parameter_malformed: {
    ...request,
    description: "The parameter '{}' is not well formed.",
    mend: 'The description names the parameter. Look for a value that is too long, has another form than its RFC says, or was encoded twice.',
  },
  request_unreadable: {
    ...request,
    description: 'The request cannot be read.',
    mend: 'The HTTP message itself is at fault, mostly its Content-Length or its Content-Type. A proxy between may have changed it.',
  },
  address_unreadable: {
    ...request,
    description: 'The address cannot be read.',
    mend: 'A percent sign in the path is not followed by two hexadecimal digits, or they are no UTF-8.',
  },
  not_http: {
    ...request,
    description: 'This is no HTTP request.',
    mend: 'Look for spaces or line ends within a header, two lengths of one body, or TLS where plain HTTP is spoken.',
  },
  host_missing: {
    ...request,
    description: 'The request has no Host header.',
    mend: 'HTTP/1.1 asks for one (RFC 9112 section 3.2). A proxy between may have taken it away.',
  },
  host_malformed: {
    ...request,
    description: 'The Host header is not well formed.',
    mend: 'Send a host name or an address, and a port if it is not the usual one (RFC 9110 section 7.2).',
  },
  header_doubled: {
    ...request,
    description: 'The request has more than one {} header.',
    mend: 'Send it once. Two programs could choose different ones, so none is chosen (RFC 9112 section 3.2). A proxy may have added one.',
  },
  expectation_unknown: {
    ...request,
    status: 417,
    description: 'The Expect header asks for something that is not known here.',
    mend: 'Only 100-continue is known (RFC 9110 section 10.1.1): leave the header out.',
  },
  headers_too_large: {
    ...request,
    status: 431,
    description: 'The headers are too large.',
    mend: 'Address and headers together may have 16 KB. Mostly it is cookies of other applications on the same host.',
  },
  request_too_slow: {
    ...request,
    status: 408,
    description: 'The request came too slowly.',
    mend: 'Send the headers within 15 seconds and the whole request within 30.',
  },
  body_too_large: {
    ...request,
    status: 413,
    description: 'The body is too large.',
    mend: 'No request that Signet takes is larger than 32 KB.',
  },
  body_type_unsupported: {
    ...request,
    status: 415,
    description: 'The body must be application/x-www-form-urlencoded.',
    mend: 'OAuth endpoints take forms, not JSON (RFC 6749 section 4.1.3). Set the Content-Type and encode the body so.',
  },
  address_unknown: {
    ...request,
    status: 404,
    description: 'There is nothing at this address.',
    mend: 'Take the endpoints from /.well-known/openid-configuration. Paths have no trailing slash and are told apart by case.',
  },
  method_not_allowed: {
    ...request,
    status: 405,
    description: 'This address takes {}.',
    mend: 'The Allow header names the methods. /token, /introspect and /revoke take POST only, so that nothing secret stands in a URL.',
  },
  unavailable: {
    error: 'temporarily_unavailable',
    status: 503,
    description: 'The server cannot answer right now. Try again in a moment.',
    mend: 'Repeat the request after the seconds of Retry-After. Almost always nothing was spent; a code that is then refused as used means that it was, and the person signs in anew. The database is away, no signing key may be used, or too many requests want the same token, code or account at once: the operator sees which at /readyz and in the log.',
  },
  unexpected_failure: {
    error: 'server_error',
    status: 500,
    description: 'Something went wrong here. Ask the operator about request {}.',
    mend: 'This is a fault of Signet. Its log has the details under the request id: please report them.',
  },

  client_not_named: {
    ...client,
    description: 'The request names no client: send client credentials or a client_id.',
    mend: 'A confidential client authenticates in the way it is registered for; a public one sends its client_id in the body (RFC 6749 section 3.2.1).',
  },
  client_authenticates_twice: {
    ...request,
    description: 'The client authenticates in two ways at once; use one.',
    mend: 'Send one of: the Authorization header, client_secret, client_assertion (RFC 6749 section 2.3). Many libraries add a header of their own: switch one off.',
  },
  client_id_contradicts: {
    ...request,
    description: 'The client_id in the body is not the one that authenticates.',
    mend: 'Leave client_id out of the body, or send the same as in the Authorization header or the assertion.',
  },
  client_credentials_malformed: {
    ...client,
    description: 'The Authorization header holds no well-formed Basic credentials.',
    mend: 'Form-encode client_id and secret, join them with a colon, and encode that in base64 (RFC 6749 section 2.3.1). A Bearer token does not authenticate a client.',
  },
  client_authentication_failed: {
    ...client,
    description: 'Client authentication failed: unknown client, or the wrong credentials.',
    mend: 'Compare client_id and secret with what signet clients create printed. A lost secret is replaced by signet clients rotate-secret, which leaves the old one alive beside the new one. A public client sends no secret.',
  },
  client_authentication_method_wrong: {
    ...client,
    description: 'This client is registered for {}.',
    mend: 'The secret is right. Send it in the registered way, or register the other one: signet clients update --token-endpoint-auth-method.',
  },
  client_assertion_type_wrong: {
    ...request,
    description:
      'A client_assertion goes with the client_assertion_type urn:ietf:params:oauth:client-assertion-type:jwt-bearer.',
    mend: 'Send both parameters (RFC 7521 section 4.2).',
  },
  client_assertion_unreadable: {
    ...client,
    description: 'The client_assertion is no JWT whose sub names the client.',
    mend: 'Make a signed JWT whose iss and sub are the client_id (RFC 7523 section 3).',
  },
  client_assertion_refused: {
    ...client,
    description:
      'The client_assertion is refused: check its typ, signature, iss, sub, aud, exp and jti (RFC 7523 section 3).',
    mend: 'typ is client-authentication+jwt or JWT, or is left out. aud is the issuer, as one string. exp lies ahead, at most ten minutes. The key is in the registered jwks, under the kid of the header if it names one. Look at the clock of the machine. The operator sees which check failed: signet events show.',
  },
  client_assertion_replayed: {
    ...client,
    description: 'The client_assertion was used before: make a new one for each request.',
    mend: 'Sign a new assertion with a new jti for every request, also for a repetition.',
  },
  client_credential_replaced: {
    ...client,
    description: 'The credential has just been replaced.',
    mend: 'Somebody rotated or removed it in this moment. Read the new one and repeat the request.',
  },

  grant_type_unsupported: {
    error: 'unsupported_grant_type',
    status: 400,
    description: 'The grant_type is none of authorization_code, refresh_token, client_credentials.',
    mend: 'The implicit flow and the password grant are not offered (RFC 9700 sections 2.1.2 and 2.4): use the code flow with PKCE.',
  },
  grant_type_not_registered: {
    ...unauthorized,
    description: 'This client is not registered for that grant_type.',
    mend: 'Register it: signet clients update --grant-type, with all the grant types that the client shall have.',
  },
  client_proves_nothing: {
    ...unauthorized,
    description: 'A client that proves nothing cannot act for itself.',
    mend: 'client_credentials is for confidential clients (RFC 6749 section 4.4): register one with a secret or a key.',
  },
  code_unknown: {
    ...grant,
    description: 'The code is unknown or expired, or was issued to another client.',
    mend: 'A code lives 60 seconds and belongs to the client that asked for it. Redeem it at once, under the same client_id, at the issuer that the iss parameter names.',
  },
  code_replayed: {
    ...grant,
    description: 'The code was used before.',
    mend: 'Redeem a code once. A page that is loaded again after the callback must not redeem it again; if it was redeemed by somebody else, the grant has ended and the person signs in anew (RFC 6749 section 4.1.2).',
  },
  redirect_uri_differs: {
    ...grant,
    description: 'The redirect_uri is not the one of the authorization request.',
    mend: 'Send the redirect_uri of the authorization request to the letter (RFC 6749 section 4.1.3).',
  },
  code_verifier_missing: {
    ...grant,
    description: 'The code_verifier is missing.',
    mend: 'The authorization request had a code_challenge: send its code_verifier (RFC 7636 section 4.5). Keep it in the session of the browser that began.',
  },
  code_verifier_wrong: {
    ...grant,
    description: 'The code_verifier does not match the code_challenge of the authorization request.',
    mend: 'The code_challenge is the base64url of the SHA-256 of the code_verifier, without padding. Two tabs that share one place for their verifier overwrite each other: keep one per state.',
  },
  code_verifier_unexpected: {
    ...grant,
    description: 'A code_verifier is sent, but the request had no code_challenge.',
    mend: 'The authorization request lost its code_challenge on the way: somebody may have taken it out (RFC 9700 section 4.8.2).',
  },
  refresh_token_unknown: {
    ...grant,
    description: 'The refresh token is unknown, expired or revoked, or was issued to another client.',
    mend: 'Let the person sign in again. Keep the newest refresh token, under the client_id that it was issued to.',
  },
  refresh_token_exhausted: {
    ...grant,
    description: 'This refresh token was replaced long ago, so the grant has ended: sign in again.',
    mend: 'The client, or somebody who has a copy of its token, kept presenting this token and never used the one issued in its place. Store the new refresh token before you use the new access token.',
  },
  refresh_token_reused: {
    ...grant,
    description: 'This refresh token was used by two parties, so the grant has ended: sign in again.',
    mend: 'Either it was stolen, or two stores that do not share keep one token: give each its own sign-in. The grant ends for both parties, because Signet cannot tell which one is the thief.',
  },
  scope_malformed: {
    ...scope,
    description: 'The scope is not a list of names with single spaces between them.',
    mend: 'RFC 6749 section 3.3 gives the form. No tabs, no commas, no space at either end.',
  },
  scope_not_registered: {
    ...scope,
    description: "This client is not registered for the scope '{}'.",
    mend: 'Ask for less, or register it: signet clients update --scope, with all the scopes that the client shall have.',
  },
  scope_wider_than_granted: {
    ...scope,
    description: 'The scope is wider than what was granted.',
    mend: 'A refresh can narrow the scope only (RFC 6749 section 6). For more, send the person through an authorization request.',
  },
  scope_taken: {
    ...scope,
    description: 'None of the requested scopes can be issued: they were taken from the client or from its APIs.',
    mend: 'The client was registered for them once, and is no longer, or they have moved to another API. Register them again: signet clients update --scope. A scope of another API must be allowed by the person, too: send them through an authorization request.',
  },
  grant_scopes_taken: {
    ...grant,
    description: 'None of the scopes of this grant can be issued any more: sign in again.',
    mend: 'They were taken from the client or from its APIs, or people have to be asked for them since. Send the person through an authorization request with the scopes that the client has: signet clients show.',
  },
  offline_access_taken: {
    ...grant,
    description: 'This client may no longer use refresh tokens: it has lost the scope offline_access.',
    mend: 'Register the scope again (signet clients update --scope), and the refresh token is good again; or sign the person in without offline_access.',
  },
  scope_needs_a_person: {
    ...scope,
    description: 'OpenID scopes speak of a person; a client that acts for itself has none.',
    mend: 'Leave openid, profile, email, address, phone and offline_access out of a client_credentials request.',
  },
  resource_not_allowed: {
    ...target,
    description: 'A requested resource is unknown, or this client is not allowed it.',
    mend: 'The resource is the identifier to the letter: signet resources list. Allow it to the client: signet clients update --resource.',
  },
  resource_not_granted: {
    ...target,
    description: 'The requested resource is not one that this grant is for.',
    mend: 'Name the resource in the authorization request, too: the person consents to it there (RFC 8707 section 2.2).',
  },
  resource_doubled: {
    ...target,
    description: 'An access token is for one resource; name one.',
    mend: 'Ask for one token for each resource, with a request for each.',
  },
  resource_ambiguous: {
    ...target,
    description: 'The scopes belong to several resources; name one with the parameter resource.',
    mend: 'An access token has one audience: name the resource that this token is for (RFC 8707).',
  },

  token_of_another_client: {
    ...grant,
    description: 'This token was issued to another client.',
    mend: 'A client revokes its own tokens only (RFC 7009 section 2.1).',
  },
  token_not_revocable: {
    error: 'unsupported_token_type',
    status: 400,
    description: 'A token of client_credentials cannot be given back; it expires soon.',
    mend: 'The operator can end it for everybody who shares the credential: signet grants revoke ends the tokens issued so far, signet clients rotate-secret --revoke-old ends the secret as well.',
  },
  introspection_needs_authentication: {
    ...unauthorized,
    description: 'A client without a secret may not ask about tokens.',
    mend: 'RFC 7662 section 2.1 asks for authentication. Let the service that checks tokens be a confidential client, or have it check them without a call, by their signatures and the keys of this issuer.',
  },
  access_token_missing: {
    error: 'invalid_token',
    status: 401,
    description: 'There is no access token in the request.',
    mend: 'Send it in the Authorization header: Bearer, a space, the token (RFC 6750 section 2.1). This is told by WWW-Authenticate alone: who sends no token is told how to, and no error (section 3.1).',
  },
  access_token_misplaced: {
    ...request,
    description: 'The access token is not sent in one well-formed place.',
    mend: 'Send it once, in the Authorization header or in the form of a POST, never in the URL (RFC 6750 section 2).',
  },
  access_token_refused: {
    error: 'invalid_token',
    status: 401,
    description: 'The access token is refused: {}',
    mend: 'Renew it with the refresh token. userinfo takes tokens that are for the issuer: ask for the scope openid, and name no other resource. The description ends with the reason.',
  },
  access_token_scope_insufficient: {
    error: 'insufficient_scope',
    status: 403,
    description: 'The access token lacks the scope openid.',
    mend: 'Ask for the scope openid in the authorization request (OpenID Connect Core section 5.3).',
  },

  client_unknown: {
    ...request,
    description: 'There is no client with this client_id.',
    mend: 'Compare it with signet clients list. Nothing is sent to the redirect_uri of an unknown client.',
  },
  redirect_uri_not_registered: {
    ...request,
    description: 'The redirect_uri is not registered for this client. It must match to the letter.',
    mend: 'Register it: signet clients update --redirect-uri, with all that the client shall have. A slash at the end, http or https, the port and the query count; only the port of a loopback address may vary (RFC 8252 section 7.3).',
  },
  request_too_long: {
    ...request,
    description: 'The parameters take more than {} octets together.',
    mend: 'They travel in URLs through sign-in. Shorten state: keep what belongs to it in the session of your application.',
  },
  state_too_long: {
    ...request,
    description: 'The parameter state takes more than {} octets, as a form encodes it.',
    mend: 'It has to come back whole, in an address that every proxy takes. Keep what belongs to it in the session of your application.',
  },
  response_type_unsupported: {
    error: 'unsupported_response_type',
    status: 400,
    description: 'The only response_type is code.',
    mend: 'Tokens in the URL are not offered (RFC 9700 section 2.1.2): use the code flow with PKCE.',
  },
  response_mode_unsupported: {
    ...request,
    description: `The response_mode is none of ${responseModes.join(', ')}, or not one for this URI.`,
    mend: "Leave it out for query. form_post needs an http or https redirect URI: no browser can post to an app's own scheme.",
  },
  authorization_code_not_registered: {
    ...unauthorized,
    description: 'This client is not registered for the authorization code flow.',
    mend: 'Register it: signet clients update --grant-type authorization_code, with the other grant types that it shall have.',
  },
  request_object_unsupported: {
    error: 'request_not_supported',
    status: 400,
    description: 'Request objects are not supported.',
    mend: 'Send the parameters as they are, without request (OpenID Connect Core section 6.1).',
  },
  request_uri_unsupported: {
    error: 'request_uri_not_supported',
    status: 400,
    description: 'The parameter request_uri is not supported.',
    mend: 'Send the parameters as they are, without request_uri (OpenID Connect Core section 6.2).',
  },
  registration_unsupported: {
    error: 'registration_not_supported',
    status: 400,
    description: 'The parameter registration is not supported.',
    mend: 'It is for self-issued providers (OpenID Connect Core section 7.2.1): leave it out.',
  },
  code_challenge_missing: {
    ...request,
    description: 'The code_challenge is missing: this client must use PKCE with S256.',
    mend: 'Switch PKCE on in your library; all current ones have it (RFC 7636). A confidential client that cannot is registered with --no-require-pkce.',
  },
  code_challenge_method_unsupported: {
    ...request,
    description: 'The code_challenge_method must be S256.',
    mend: 'plain protects against nobody who can read the request, and a request without a method asks for it (RFC 7636 section 4.3).',
  },
  code_challenge_malformed: {
    ...request,
    description: 'The code_challenge is not a SHA-256 hash in base64url.',
    mend: 'It has 43 characters: the base64url of 32 octets, without padding (RFC 7636 section 4.2).',
  },
  prompt_unknown: {
    ...request,
    description: `The prompt has a value that is none of ${promptValues.join(', ')}.`,
    mend: 'OpenID Connect Core section 3.1.2.1 has the values, and Initiating User Registration has create.',
  },
  prompt_none_not_alone: {
    ...request,
    description: 'The prompt none stands alone.',
    mend: 'none forbids every page, the other values ask for one (OpenID Connect Core section 3.1.2.1).',
  },
  max_age_malformed: {
    ...request,
    description: 'The max_age is not a number of seconds.',
    mend: 'Send digits only. 0 asks for a new sign-in.',
  },
  id_token_hint_refused: {
    ...request,
    description: 'The id_token_hint is not an ID token that this issuer gave to this client.',
    mend: 'Send an ID token of your own, as it came; it may have expired.',
  },
  login_required: {
    error: 'login_required',
    status: 400,
    description: 'The person must sign in, and prompt=none forbids to ask.',
    mend: 'This is an answer, not a fault: send the person through the same request without prompt=none. In a hidden frame browsers keep cookies back, so prompt=none works in a whole page only.',
  },
  login_as_other_person: {
    error: 'login_required',
    status: 400,
    description: 'Another person signed in than the id_token_hint names.',
    mend: 'Ask the person whether to change the account in your application, too, and send no id_token_hint then.',
  },
  consent_required: {
    error: 'consent_required',
    status: 400,
    description: 'The person must consent, and prompt=none forbids to ask.',
    mend: 'Send the person through the same request without prompt=none. Applications on loopback addresses or custom schemes are always asked for.',
  },
  consent_denied: {
    ...denied,
    description: 'The person did not allow it.',
    mend: 'Tell the person what your application needs the access for, and offer to go on without it.',
  },
  sign_in_cancelled: {
    ...denied,
    description: 'The person did not sign in.',
    mend: 'The person chose to go back. Offer to sign in again.',
  },
  sign_in_expired: {
    ...denied,
    description: 'The sign-in was left open for more than an hour.',
    mend: 'Begin again with a new request.',
  },

  form_from_elsewhere: {
    ...request,
    status: 403,
    description: 'The form was not sent from a page of this site, or the page was too old.',
    mend: 'Open the page anew and send its form. Behind a proxy: the Origin that browsers send must equal SIGNET_ISSUER; the operator sees what came: signet events show.',
  },
  sign_up_closed: {
    ...request,
    status: 403,
    description: 'Nobody can make an account here for themselves.',
    mend: 'The operator makes accounts with signet users create, or opens sign-up with SIGNET_SIGN_UP.',
  },
  continue_unreadable: {
    ...request,
    description: 'This link was not made here, or was cut on the way.',
    mend: 'Begin again in the application. The value of continue must arrive whole: some mail programs and messengers cut long addresses.',
  },
  too_many_attempts: {
    error: 'temporarily_unavailable',
    status: 429,
    description: 'Too many attempts.',
    mend: 'Wait for the seconds of Retry-After. Attempts are counted by network and by the name that was typed; a browser in which the person has signed in before has a limit of its own. Nobody is locked out for good.',
  },
  too_many_passwords: {
    error: 'temporarily_unavailable',
    status: 503,
    description: 'Too many passwords are being checked at this moment.',
    mend: 'Try again in a moment. If this goes on, somebody is guessing, the machine is too small, or Signet cannot tell the clients behind a proxy apart (SIGNET_TRUST_PROXY): one network may have 20 passwords waiting.',
  },
  logout_hint_refused: {
    ...request,
    description: 'The id_token_hint is not an ID token of this issuer.',
    mend: 'Send an ID token as it came; it may have expired. Without one, the person is asked whether to sign out.',
  },
  logout_client_contradicts: {
    ...request,
    description: 'The client_id is not the one that the id_token_hint was issued to.',
    mend: 'Send one of the two, or both of the same client (OpenID Connect RP-Initiated Logout section 2).',
  },
  post_logout_redirect_uri_not_registered: {
    ...request,
    description: 'The post_logout_redirect_uri is not registered for this client. It must match to the letter.',
    mend: 'Register it: signet clients update --post-logout-redirect-uri, with all that the client shall have.',
  },
  post_logout_redirect_uri_of_nobody: {
    ...request,
    description: 'A post_logout_redirect_uri needs an id_token_hint or a client_id that tells whose it is.',
    mend: 'Send the ID token of the session, or the client_id (OpenID Connect RP-Initiated Logout section 2).',
  },
} as const satisfies Readonly<Record<string, RegisteredError>>

/** The name of an error: the anchor of its place in docs/errors.md. */
export type ErrorName = keyof typeof errorRegistry

export const errorNames = Object.keys(errorRegistry) as ErrorName[]
