/**
 * What came of sending a changed token.
 *
 * @typedef {object} Trial
 * @property {string} before whom the token spoke of
 * @property {string} after whom it was made to speak of
 * @property {import('./api-client.js').Refusal | undefined} refusal undefined: it was taken
 */

/**
 * Writes somebody else into a token (RFC 7519 §7.2: the payload is JSON in base64url, which anybody can read and write). What
 * nobody but Signet can write is the signature, and that stays as it was.
 *
 * @param {string} token
 * @returns {{ token: string, before: string, after: string }}
 */
export function changedToken(token) {
  const [header, payload = '', signature] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const after = 'somebody-else'
  const changed = Buffer.from(JSON.stringify({ ...claims, sub: after })).toString('base64url')
  return { token: [header, changed, signature].join('.'), before: String(claims.sub), after }
}
