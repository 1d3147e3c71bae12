import { errorUri, type OAuthError } from './oauth-error.ts'

/** The body of an error, RFC 6749 §5.2. */
export interface ErrorAnswer {
  readonly error: string
  readonly error_description: string
  readonly error_uri: string
}

export function errorAnswer(issuer: string, error: OAuthError, requestId: string): ErrorAnswer {
  return {
    error: error.code,
    error_description: error.message,
    error_uri: errorUri(issuer, error.entry, requestId),
  }
}
