/**
 * The outcome of sending a changed token.
 *
 * @typedef {object} Trial
 * @property {string} before the `sub` of the token
 * @property {string} after the `sub` of the changed token
 * @property {import('./api-client.js').Refusal | undefined} refusal undefined: the API accepted it
 */

/**
 * Changes the `sub` of a token. The payload is JSON in base64url, which anybody can read and write (RFC 7519 §7.2). But only Signet can
 * make a signature that matches; the old signature stays.
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
