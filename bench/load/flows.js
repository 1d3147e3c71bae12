// How a person goes through an authorization request, the same for every provider.
import { createHash } from 'node:crypto'

/** @typedef {import('./browser.js').Browser} Browser */
/** @typedef {{ username: string, password: string }} Person */

/**
 * An application that people sign in to.
 *
 * @typedef {object} Application
 * @property {string} authorizationEndpoint
 * @property {string} tokenEndpoint
 * @property {string} redirectUri
 * @property {string} clientId
 * @property {string} secret
 * @property {string} scope
 * @property {Record<string, string>} parameters of the authorization request, in addition to those of the protocol
 * @property {string | undefined} challengesAt where challenges of Ory Hydra are accepted
 */

/** @typedef {{ person: Person, cookies: [string, string][] }} SignedIn a browser in which a person is signed in */

/**
 * Some flows at a time: one for each person, for each browser that is signed in, or for each refresh token that is rotated.
 *
 * @typedef {{ application: Application } & (
 *   { flow: 'sign-in', people: Person[] } |
 *   { flow: 'code-flow', browsers: SignedIn[] } |
 *   { flow: 'refresh', tokens: string[] }
 * )} Flows
 */

// RFC 7636 §4. The same for every flow, which makes no difference to the provider.
const verifier = 'v'.repeat(43)
const challenge = createHash('sha256').update(verifier).digest('base64url')

/** @param {string} clientId @param {string} secret */
export function basic(clientId, secret) {
  return `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`
}

/**
 * Goes from the authorization request to the code, through the sign-in and the consent page.
 *
 * @param {Browser} browser
 * @param {Application} application
 * @param {Person} person
 * @returns {Promise<string>} the code
 */
export async function signIn(browser, application, person) {
  let visit = await browser.visit(authorizationRequest(application))
  for (let step = 0; step < 10; step++) {
    if (visit.location?.startsWith(application.redirectUri)) return codeOf(visit)
    const accepted = await acceptedChallenge(browser, application, person, visit)
    if (accepted !== undefined) visit = await browser.visit(accepted)
    else if (visit.location !== undefined) visit = await browser.visit(visit.location)
    else if (visit.text.includes('name="password"')) visit = await browser.submit(visit, 'password', { ...person })
    else if (visit.text.includes('name="decision"'))
      visit = await browser.submit(visit, 'decision', { decision: 'allow' })
    else break
  }
  throw new Error(`A sign-in ended at ${visit.url} with ${visit.status}:\n${visit.text.slice(0, 500)}`)
}

/**
 * Ory Hydra redirects the browser to an application that authenticates the user, and then to one that asks for consent. Either tells Hydra
 * its decision in a request of its own, and redirects back. This does what the simplest ones would do.
 *
 * @param {Browser} browser
 * @param {Application} application
 * @param {Person} person
 * @param {import('./browser.js').Visit} visit
 * @returns {Promise<string | undefined>} where the browser goes next; undefined if there is no challenge
 */
async function acceptedChallenge(browser, { challengesAt, scope, parameters }, person, { location }) {
  if (challengesAt === undefined || location === undefined) return undefined
  const { searchParams } = new URL(location)
  const about = ['login', 'consent'].find((name) => searchParams.has(`${name}_challenge`))
  if (about === undefined) return undefined
  const name = `${about}_challenge`
  const decision =
    about === 'login'
      ? { subject: person.username, remember: true }
      : { grant_scope: scope.split(' '), grant_access_token_audience: Object.values(parameters), remember: true }
  const url = `${challengesAt}/${about}/accept?${new URLSearchParams({ [name]: searchParams.get(name) ?? '' })}`
  const { status, text } = await browser.put(url, decision)
  if (status !== 200) throw new Error(`A challenge was not accepted: ${status} ${text}`)
  return JSON.parse(text).redirect_to
}

/**
 * The code flow of a person who is signed in and has given consent: two requests, except with Ory Hydra.
 *
 * @param {Browser} browser
 * @param {Application} application
 * @param {Person} person
 */
export async function codeFlow(browser, application, person) {
  const code = application.challengesAt
    ? await signIn(browser, application, person)
    : codeOf(await browser.visit(authorizationRequest(application)))
  return redeem(browser, application, code)
}

/**
 * @param {Browser} browser
 * @param {Application} application
 * @param {string} token which is rotated
 * @returns {Promise<string>} the new one
 */
export async function refresh(browser, { tokenEndpoint, clientId, secret }, token) {
  const form = { grant_type: 'refresh_token', refresh_token: token }
  const { status, text } = await browser.visit(tokenEndpoint, form, { authorization: basic(clientId, secret) })
  if (status !== 200) throw new Error(`A token was not refreshed: ${status} ${text}`)
  return JSON.parse(text).refresh_token
}

/**
 * @param {Browser} browser
 * @param {Application} application
 * @param {string} code
 * @returns {Promise<{ access_token: string, id_token: string, refresh_token: string }>}
 */
export async function redeem(browser, { tokenEndpoint, redirectUri, clientId, secret }, code) {
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  const { status, text } = await browser.visit(tokenEndpoint, form, { authorization: basic(clientId, secret) })
  if (status !== 200) throw new Error(`A code was not redeemed: ${status} ${text}`)
  return JSON.parse(text)
}

/** @param {Application} application */
function authorizationRequest({ authorizationEndpoint, clientId, redirectUri, scope, parameters }) {
  return `${authorizationEndpoint}?${new URLSearchParams({
    ...{ client_id: clientId, response_type: 'code', redirect_uri: redirectUri, scope, state: 'af0ifjsldkj' },
    ...{ code_challenge: challenge, code_challenge_method: 'S256', ...parameters },
  })}`
}

/** @param {import('./browser.js').Visit} visit */
function codeOf({ status, location, text }) {
  const code = location === undefined ? null : new URL(location).searchParams.get('code')
  if (code === null)
    throw new Error(`An authorization request got ${status} and no code: ${location ?? text.slice(0, 500)}`)
  return code
}
