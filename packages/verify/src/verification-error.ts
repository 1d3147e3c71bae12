/**
 * Why a token or a request was refused. Stable: programs and dashboards depend on these names. A later version may add codes, but never
 * renames one or changes its meaning. `docs/verify.md` says for each how to fix it.
 */
export const verificationErrorCodes = [
  'missing_token',
  'malformed_request',
  'token_too_large',
  'malformed_token',
  'unsupported_header',
  'unsupported_algorithm',
  'wrong_type',
  'unknown_key',
  'algorithm_mismatch',
  'bad_signature',
  'missing_claim',
  'malformed_claim',
  'wrong_issuer',
  'wrong_audience',
  'expired',
  'not_yet_valid',
  'sender_constrained',
  'insufficient_scope',
  'insufficient_user_authentication',
  'keys_unavailable',
] as const

export type VerificationErrorCode = (typeof verificationErrorCodes)[number]

/**
 * A refusal. `message` is one plain sentence for the developer and never contains the token. It consists only of characters that RFC 6750 §3
 * allows in `error_description`, even if it quotes values from a hostile token. So you can put it into a header or a line of a log as it is.
 */
export class VerificationError extends Error {
  override readonly name = 'VerificationError'
  readonly code: VerificationErrorCode
  /** For `insufficient_scope`: all required scopes. */
  readonly requiredScopes: readonly string[]
  /** For `insufficient_user_authentication`: the values of `acr` of which one is required. */
  readonly requiredAcr: readonly string[]
  /** For `insufficient_user_authentication`: the maximum time since the sign-in, in seconds. */
  readonly maxAge: number | undefined

  /**
   * @param code one of `verificationErrorCodes`
   * @param message one sentence
   * @param options `cause`: the underlying error; `requiredScopes`: for `insufficient_scope`; `requirement`: for
   *   `insufficient_user_authentication`
   */
  constructor(
    code: VerificationErrorCode,
    message: string,
    options: {
      cause?: unknown
      requiredScopes?: readonly string[]
      requirement?: { acr?: readonly string[]; maxAge?: number }
    } = {},
  ) {
    const plain = message.replaceAll('"', "'").replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?')
    super(plain, 'cause' in options ? { cause: options.cause } : {})
    this.code = code
    this.requiredScopes = options.requiredScopes ?? []
    this.requiredAcr = options.requirement?.acr ?? []
    this.maxAge = options.requirement?.maxAge
  }
}

/**
 * Formats a value for a message. The value may come from an attacker: a string is truncated, and for any other value only the type is given,
 * because its sender decides how long it takes to convert an array or an object to text.
 */
export function quoted(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value !== 'string')
    return Array.isArray(value) ? 'a list' : value === null ? 'null' : `of type ${typeof value}`
  return value.length > 80 ? `${value.slice(0, 80)}...` : value
}
