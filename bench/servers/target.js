/** @typedef {'ES256' | 'RS256'} Algorithm */
/** @typedef {{ clientId: string, secret: string }} Credentials */
/** @typedef {'floor' | 'oidc-provider' | 'Signet' | 'Signet, external' | 'Ory Hydra' | 'Keycloak'} ServerKind */
/** @typedef {ServerKind | 'Signet, before' | `Signet, ${number} workers`} ServerName in reports */

/**
 * A running server, and what is needed to send requests to it.
 *
 * @typedef {object} Target
 * @property {ServerKind} kind what it is measured as: `Signet, before` is a Signet
 * @property {ServerName} name
 * @property {number} pid
 * @property {string} issuer
 * @property {string} metadataUrl
 * @property {Record<string, string>} metadata RFC 8414 §2; the floor has only some members
 * @property {Record<Algorithm, string>} tokenUrls where tokens of this algorithm are issued
 * @property {Record<Algorithm, Credentials>} machine clients for client_credentials, by the algorithm of their access tokens
 * @property {Record<Algorithm, Credentials>} web clients that people sign in to, by the algorithm of their ID tokens
 * @property {Record<string, string>} parameters of each request that asks for tokens, in addition to those of the protocol
 * @property {string | undefined} challengesAt where challenges of Ory Hydra are accepted
 * @property {number} warmUp seconds of processor time before the first round, so that the hot code has been compiled
 * @property {import('../load/flows.js').Person[]} people
 * @property {import('../database-usage.js').DatabaseWatch | undefined} database
 */

/** What a server that has just started tells about itself. @typedef {Pick<Target, 'kind' | 'pid' | 'issuer' | 'machine' | 'web'> & Partial<Target>} Started */

/** Seconds of processor time after which V8 has compiled the hot code. */
export const secondsToCompile = 2

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
 * @param {Started} started
 * @returns {Promise<Target>}
 */
export async function targetOf(started) {
  const { kind, issuer } = started
  const metadataUrl = `${issuer}/.well-known/openid-configuration`
  const metadata = { ...(await (await fetch(metadataUrl)).json()), ...started.metadata }
  const token = metadata.token_endpoint
  const tokenUrls =
    kind === 'floor' ? { ES256: `${issuer}/ES256`, RS256: `${issuer}/RS256` } : { ES256: token, RS256: token }
  return {
    ...{ name: kind, metadataUrl, tokenUrls, people, parameters: {}, warmUp: secondsToCompile },
    ...{ challengesAt: undefined, database: undefined },
    ...started,
    metadata,
  }
}
