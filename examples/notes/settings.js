/**
 * The members that Notes needs of the output of `signet clients create --json` (RFC 7591 §3.2.1).
 *
 * @typedef {object} Client
 * @property {string} client_id
 * @property {string} client_secret
 */

/**
 * The settings of Notes. Started with another name, port and client, it is another application.
 *
 * @typedef {object} NotesSettings
 * @property {string} name
 * @property {string} origin where users reach it: scheme, host and port
 * @property {string} issuer
 * @property {() => Promise<Client>} client read when it is first needed
 * @property {{ readonly url: string, readonly audience: string }} api the address of the API, and the identifier that its
 *   tokens must be for (RFC 8707). The two often look alike
 */

/**
 * @param {Pick<NotesSettings, 'origin'>} settings
 */
export function redirectUri({ origin }) {
  return `${origin}/callback`
}

/**
 * @param {Pick<NotesSettings, 'origin'>} settings
 */
export function postLogoutRedirectUri({ origin }) {
  return `${origin}/signed-out`
}
