import type { VerificationError, VerificationErrorCode } from './verification-error.ts'

/** A refusal as it goes out over HTTP. */
export type BearerRefusal = {
  status: 400 | 401 | 403 | 503
  headers: Record<string, string>
  /** JSON */
  body: string
}

/** In seconds; about what the verifier waits before it asks a silent issuer again. */
const retryAfter = '5'

const invalidToken = { status: 401, error: 'invalid_token' } as const

/** RFC 6750 §3.1. The last three groups are its error codes; the first and `keys_unavailable` have none there. */
const answers = {
  missing_token: { status: 401, error: undefined },
  malformed_request: { status: 400, error: 'invalid_request' },
  token_too_large: invalidToken,
  malformed_token: invalidToken,
  unsupported_header: invalidToken,
  unsupported_algorithm: invalidToken,
  wrong_type: invalidToken,
  unknown_key: invalidToken,
  algorithm_mismatch: invalidToken,
  bad_signature: invalidToken,
  missing_claim: invalidToken,
  malformed_claim: invalidToken,
  wrong_issuer: invalidToken,
  wrong_audience: invalidToken,
  expired: invalidToken,
  not_yet_valid: invalidToken,
  sender_constrained: invalidToken,
  insufficient_scope: { status: 403, error: 'insufficient_scope' },
  keys_unavailable: { status: 503, error: 'temporarily_unavailable' },
} as const satisfies Record<VerificationErrorCode, { status: number; error: string | undefined }>

/**
 * Says a refusal as RFC 6750 §3 does.
 *
 * @param error why; its message has only characters that a quoted string may have
 * @param realm see `checkRealm`
 */
export function bearerRefusal(error: VerificationError, realm: string): BearerRefusal {
  const { status, error: code } = answers[error.code]
  const common = { 'cache-control': 'no-store', 'content-type': 'application/json' }

  // The service is at fault, not the token. Where the issuer is and how it cannot be reached, is the operator's to know.
  if (status === 503) {
    const body = { error: code, error_description: 'The token cannot be checked at the moment. Try again.' }
    return { status, headers: { ...common, 'retry-after': retryAfter }, body: JSON.stringify(body) }
  }

  // §3.1: who has sent no credentials is told how to, and no error.
  if (code === undefined)
    return { status, headers: { ...common, 'www-authenticate': `Bearer realm="${realm}"` }, body: '{}' }

  const parameters = [`realm="${realm}"`, `error="${code}"`, `error_description="${error.message}"`]
  if (error.requiredScopes.length > 0) parameters.push(`scope="${error.requiredScopes.join(' ')}"`)
  return {
    status,
    headers: { ...common, 'www-authenticate': `Bearer ${parameters.join(', ')}` },
    body: JSON.stringify({ error: code, error_description: error.message }),
  }
}

/**
 * The realm of the challenge (RFC 9110 §11.5), which must not end its quoted string.
 *
 * @throws {TypeError}
 */
export function checkRealm(realm: string): string {
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(realm))
    throw new TypeError('realm must be printable ASCII without quote and backslash.')
  return realm
}
