/** OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post Response Mode §2. */
export const responseModes = ['query', 'fragment', 'form_post'] as const
export type ResponseMode = (typeof responseModes)[number]

/** OpenID Connect Core §3.1.2.1; `create`: Initiating User Registration via OpenID Connect §3. */
export const promptValues = ['none', 'login', 'consent', 'select_account', 'create'] as const
export type Prompt = (typeof promptValues)[number]

/**
 * The parameters of all kinds of authorization responses, as in the OAuth Parameters registry (RFC 6749 §11.2). If a redirect URI had
 * one of them in its query, the client would receive the parameter twice.
 */
export const responseParameters = [
  ...['code', 'state', 'iss', 'error', 'error_description', 'error_uri', 'session_state', 'response'],
  ...['access_token', 'token_type', 'expires_in', 'scope', 'id_token'],
] as const
