/** @typedef {{ clientId: string, secret: string }} Credentials */
/** @typedef {'floor' | 'oidc-provider' | 'Signet' | 'Signet, external'} ServerName */

/**
 * A running server, and what is needed to send requests to it.
 *
 * @typedef {object} Target
 * @property {ServerName} name
 * @property {number} pid
 * @property {string} issuer
 * @property {string} metadataUrl
 * @property {Record<string, string>} metadata RFC 8414 §2; the floor has only some members
 * @property {Record<'ES256' | 'RS256', string>} tokenUrls where tokens of this algorithm are issued
 * @property {Credentials} machine a client for client_credentials
 * @property {Credentials & { redirectUri: string }} web a client that people sign in to
 * @property {import('../load/flows.js').Person[]} people
 */

/** No server has to listen there, because nothing follows a redirect to it. */
export const redirectUri = 'https://app.example/callback'

/** @type {import('../load/flows.js').Person[]} */
export const people = ['ada', 'ben', 'cora', 'dan'].map((name) => ({
  username: `${name}.bench`,
  password: `${name} measures all day`,
}))

/**
 * Reads the metadata of a server that has just started.
 *
 * @param {ServerName} name
 * @param {number} pid
 * @param {string} issuer
 * @param {Pick<Target, 'machine' | 'web'>} clients
 * @returns {Promise<Target>}
 */
export async function targetOf(name, pid, issuer, clients) {
  const metadataUrl = `${issuer}/.well-known/openid-configuration`
  const metadata = await (await fetch(metadataUrl)).json()
  const token = metadata.token_endpoint
  const tokenUrls =
    name === 'floor' ? { ES256: `${issuer}/ES256`, RS256: `${issuer}/RS256` } : { ES256: token, RS256: token }
  return { name, pid, issuer, metadataUrl, metadata, tokenUrls, people, ...clients }
}
