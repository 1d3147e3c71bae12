/**
 * @typedef {object} Note
 * @property {string} id
 * @property {string} text
 * @property {string} created ISO 8601
 */

/**
 * Why the API refused a request, or did not answer.
 *
 * @typedef {object} Refusal
 * @property {number | undefined} status undefined: it did not answer
 * @property {string} reason a sentence
 */

/** The API refused a request, or did not answer. */
export class ApiRefused extends Error {
  /** @param {Refusal} refusal */
  constructor(refusal) {
    super(refusal.reason)
    this.name = 'ApiRefused'
    this.refusal = refusal
  }
}

/** Milliseconds. A user is waiting. */
const timeout = 5000

/**
 * @param {string} api its address
 * @param {string} accessToken
 * @returns {Promise<Note[]>}
 * @throws {ApiRefused}
 */
export async function readNotes(api, accessToken) {
  const answer = /** @type {{ notes: Note[] }} */ (await ask(`${api}/notes`, accessToken, undefined))
  return answer.notes
}

/**
 * @param {string} api its address
 * @param {string} accessToken
 * @param {string} text
 * @throws {ApiRefused}
 */
export async function addNote(api, accessToken, text) {
  await ask(`${api}/notes`, accessToken, { text })
}

/**
 * Sends a request on behalf of the user, whom the API recognises by the access token alone.
 *
 * @param {string} url
 * @param {string} accessToken
 * @param {object | undefined} body sent as JSON; without it the request is a GET
 * @returns {Promise<unknown>}
 */
async function ask(url, accessToken, body) {
  /** @type {Response} */
  let response
  try {
    response = await fetch(url, {
      method: body ? 'POST' : 'GET',
      // RFC 6750 §2.1. Never in the URL, which ends up in logs.
      headers: { authorization: `Bearer ${accessToken}`, ...(body && { 'content-type': 'application/json' }) },
      body: body ? JSON.stringify(body) : null,
      // A redirect could carry the token to another host.
      redirect: 'error',
      signal: AbortSignal.timeout(timeout),
    })
  } catch {
    throw new ApiRefused({ status: undefined, reason: 'The API cannot be reached at the moment.' })
  }
  const answer = await response.json().catch(() => ({}))
  if (response.ok) return answer
  // RFC 6750 §3: the reason is in WWW-Authenticate. Signet's verifier also sends it as JSON.
  throw new ApiRefused({
    status: response.status,
    reason: String(answer.error_description ?? 'The API did not say why.'),
  })
}
