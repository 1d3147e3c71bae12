/**
 * @typedef {object} Note
 * @property {string} id
 * @property {string} text
 * @property {string} created ISO 8601
 */

/**
 * Why the API did not do what it was asked.
 *
 * @typedef {object} Refusal
 * @property {number | undefined} status undefined: it did not answer
 * @property {string} reason a sentence
 */

/** The API said no, or nothing. */
export class ApiRefused extends Error {
  /** @param {Refusal} refusal */
  constructor(refusal) {
    super(refusal.reason)
    this.name = 'ApiRefused'
    this.refusal = refusal
  }
}

/** Milliseconds. A person is waiting. */
const timeout = 5000

/**
 * @param {string} api where it is
 * @param {string} accessToken
 * @returns {Promise<Note[]>}
 * @throws {ApiRefused}
 */
export async function readNotes(api, accessToken) {
  const answer = /** @type {{ notes: Note[] }} */ (await ask(`${api}/notes`, accessToken, undefined))
  return answer.notes
}

/**
 * @param {string} api where it is
 * @param {string} accessToken
 * @param {string} text
 * @throws {ApiRefused}
 */
export async function addNote(api, accessToken, text) {
  await ask(`${api}/notes`, accessToken, { text })
}

/**
 * Asks in the person's name: the access token is all that the API goes by.
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
      // RFC 6750 §2.1. Never in the URL, which is written into every log on the way.
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
  // RFC 6750 §3: what is wrong stands in WWW-Authenticate, and Signet's verifier says the same as JSON.
  throw new ApiRefused({
    status: response.status,
    reason: String(answer.error_description ?? 'The API did not say why.'),
  })
}
