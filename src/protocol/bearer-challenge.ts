/**
 * The challenge for a request that needs a bearer token (RFC 6750 §3). One without a token gets no error code (§3.1).
 *
 * @param error undefined if there was no token
 */
export function bearerChallenge(error?: 'invalid_token', realm = 'Signet'): { readonly 'www-authenticate': string } {
  return { 'www-authenticate': `Bearer realm="${realm}"${error === undefined ? '' : `, error="${error}"`}` }
}
