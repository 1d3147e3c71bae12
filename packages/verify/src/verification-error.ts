/**
 * Why a token or a request was refused. Stable: programs and dashboards build on these names, so one may be added in a
 * later version but none is renamed or given another meaning. `docs/verify.md` says of each what to mend.
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
  'keys_unavailable',
] as const

export type VerificationErrorCode = (typeof verificationErrorCodes)[number]

/**
 * A refusal. `message` is one plain sentence for the developer and never holds the token. It is made of the characters that
 * RFC 6750 §3 allows in `error_description`, whatever a hostile token put into the values that it quotes, so that it can go
 * into a header or a line of a log as it is.
 */
export class VerificationError extends Error {
  override readonly name = 'VerificationError'
  readonly code: VerificationErrorCode
  /** With `insufficient_scope`: all the scopes that were asked for. */
  readonly requiredScopes: readonly string[]

  /**
   * @param code one of `verificationErrorCodes`
   * @param message one sentence
   * @param options `cause`, the error below this one; `requiredScopes`, with `insufficient_scope`
   */
  constructor(
    code: VerificationErrorCode,
    message: string,
    options: { cause?: unknown; requiredScopes?: readonly string[] } = {},
  ) {
    const plain = message.replaceAll('"', "'").replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?')
    super(plain, 'cause' in options ? { cause: options.cause } : {})
    this.code = code
    this.requiredScopes = options.requiredScopes ?? []
  }
}

/**
 * A value as a message quotes it. The value may be an attacker's: a string is cut, and of anything else only the kind is named,
 * since turning an array or an object into text takes as long as its sender likes.
 */
export function quoted(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value !== 'string')
    return Array.isArray(value) ? 'a list' : value === null ? 'null' : `of type ${typeof value}`
  return value.length > 80 ? `${value.slice(0, 80)}...` : value
}
