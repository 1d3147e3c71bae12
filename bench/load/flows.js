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
 */

/**
 * @typedef {object} Flows
 * @property {'sign-in' | 'code-flow'} flow
 * @property {Application} application
 * @property {Person[]} people one for each concurrent flow
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
    if (visit.location !== undefined) visit = await browser.visit(visit.location)
    else if (visit.text.includes('name="password"')) visit = await browser.submit(visit, 'password', { ...person })
    else if (visit.text.includes('name="decision"'))
      visit = await browser.submit(visit, 'decision', { decision: 'allow' })
    else break
  }
  throw new Error(`A sign-in ended at ${visit.url} with ${visit.status}:\n${visit.text.slice(0, 500)}`)
}

/**
 * The code flow of a person who is signed in and has given consent: two requests.
 *
 * @param {Browser} browser
 * @param {Application} application
 */
export async function codeFlow(browser, application) {
  return redeem(browser, application, codeOf(await browser.visit(authorizationRequest(application))))
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
function authorizationRequest({ authorizationEndpoint, clientId, redirectUri, scope }) {
  return `${authorizationEndpoint}?${new URLSearchParams({
    ...{ client_id: clientId, response_type: 'code', redirect_uri: redirectUri, scope, state: 'af0ifjsldkj' },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
  })}`
}

/** @param {import('./browser.js').Visit} visit */
function codeOf({ status, location, text }) {
  const code = location === undefined ? null : new URL(location).searchParams.get('code')
  if (code === null)
    throw new Error(`An authorization request got ${status} and no code: ${location ?? text.slice(0, 500)}`)
  return code
}
