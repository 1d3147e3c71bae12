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
  | 'interaction_required'
  | 'consent_required'
  | 'account_selection_required'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'registration_not_supported'

const statuses: Partial<Record<OAuthErrorCode, number>> = {
  invalid_client: 401,
  invalid_token: 401,
  insufficient_scope: 403,
  server_error: 500,
  temporarily_unavailable: 503,
}

interface Options {
  /** The HTTP status where it is not the code's usual one. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** For the operator's log only: never sent. */
  readonly detail?: string
}

/** What is told to a client. The description goes out as it is: plain words on what to mend, nothing an attacker gains from. */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly detail: string | undefined

  constructor(code: OAuthErrorCode, description: string, options: Options = {}) {
    super(description)
    this.name = 'OAuthError'
    this.code = code
    this.status = options.status ?? statuses[code] ?? 400
    this.headers = options.headers ?? {}
    this.detail = options.detail
  }
}

/**
 * A text as `error_description` may carry it: RFC 6749 §5.2 allows %x20-21 / %x23-5B / %x5D-7E, so no quotes, backslashes or
 * anything but ASCII.
 */
export function describable(text: string): string {
  return text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?')
}
