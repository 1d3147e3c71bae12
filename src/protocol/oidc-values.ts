/** OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post Response Mode §2. */
export const responseModes = ['query', 'fragment', 'form_post'] as const
export type ResponseMode = (typeof responseModes)[number]

/**
 * The values of `response_type` (OAuth 2.0 Multiple Response Type Encoding Practices §3, §5). All but `code` are offered only with
 * SIGNET_LEGACY_RESPONSE_TYPES, to clients that registered them.
 */
export const responseTypes = [
  'code',
  'id_token',
  'id_token token',
  'code id_token',
  'code token',
  'code id_token token',
] as const
export type ResponseType = (typeof responseTypes)[number]

/** @returns undefined if there is no such response type. The order of the words does not matter (RFC 6749 §3.1.1) */
export function responseTypeOf(text: string): ResponseType | undefined {
  const words = text.split(' ').sort().join(' ')
  return responseTypes.find((type) => type === words)
}

/** What a response contains. */
export interface ResponseContents {
  readonly code: boolean
  readonly idToken: boolean
  readonly accessToken: boolean
}

const contents = new Map(
  responseTypes.map((type): [ResponseType, ResponseContents] => {
    const words = type.split(' ')
    return [
      type,
      { code: words.includes('code'), idToken: words.includes('id_token'), accessToken: words.includes('token') },
    ]
  }),
)

/** What a response of a type contains. */
export function contentsOf(type: ResponseType): ResponseContents {
  return contents.get(type)!
}

/** OpenID Connect Core §3.1.2.1; `create`: Initiating User Registration via OpenID Connect §3. */
export const promptValues = ['none', 'login', 'consent', 'select_account', 'create'] as const
export type Prompt = (typeof promptValues)[number]

/**
 * The Authentication Context Classes (`acr`, OpenID Connect Core §2), the weakest first. Each includes all that the ones before it require.
 *
 * - `aal1`: one factor, as at AAL1 of NIST SP 800-63B-4.
 * - `aal2`: two factors, as at AAL2 of NIST SP 800-63B-4.
 * - `phr`: phishing-resistant, and two factors: a passkey that verified the person (OpenID Connect EAP ACR Values 1.0 §2).
 *
 * `phrh` is not among them: whether hardware protects a passkey is known only from an attestation, which is not asked for.
 */
export const contextClasses = ['aal1', 'aal2', 'phr'] as const
export type ContextClass = (typeof contextClasses)[number]

export function isContextClass(value: string): value is ContextClass {
  return (contextClasses as readonly string[]).includes(value)
}

/**
 * The parameters of authorization requests that Signet reads, including those that it always refuses, but for `resource`, which may be sent more than
 * once, and `request` and `request_uri`, which stand for all others. Unknown parameters are ignored (RFC 6749 §3.1).
 */
export const authorizationParameters = [
  ...['response_type', 'client_id', 'redirect_uri', 'scope', 'state', 'response_mode', 'nonce', 'display', 'prompt'],
  ...['max_age', 'ui_locales', 'id_token_hint', 'login_hint', 'acr_values', 'claims', 'code_challenge'],
  ...['code_challenge_method', 'registration'],
] as const

/**
 * The parameters of all kinds of authorization responses, as in the OAuth Parameters registry (RFC 6749 §11.2). If a redirect URI had
 * one of them in its query, the client would receive the parameter twice.
 */
export const responseParameters = [
  ...['code', 'state', 'iss', 'error', 'error_description', 'error_uri', 'session_state', 'response'],
  ...['access_token', 'token_type', 'expires_in', 'scope', 'id_token'],
] as const
