/**
 * What `signet clients create --json` has printed (RFC 7591 §3.2.1); of that, what Notes needs.
 *
 * @typedef {object} Client
 * @property {string} client_id
 * @property {string} client_secret
 */

/**
 * What Notes is told. Started with another name, port and client it is another application.
 *
 * @typedef {object} NotesSettings
 * @property {string} name
 * @property {string} origin where people reach it: scheme, host and port
 * @property {string} issuer
 * @property {() => Promise<Client>} client read when it is first needed
 * @property {{ readonly url: string, readonly audience: string }} api where the API is reached, and the identifier that its
 *   tokens must be for (RFC 8707): two things that often look alike
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
