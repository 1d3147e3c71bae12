import { AuthorizationResponseError, ClientError } from 'openid-client'
import { ApiRefused } from './api-client.js'
import { SignetAway, SignInEnded } from './openid.js'

/**
 * What a person is told.
 *
 * @typedef {object} Fault
 * @property {number} status of HTTP
 * @property {string} title
 * @property {string} sentence
 * @property {'sign-in' | 'home'} onward
 * @property {boolean} [signedOut] whether the sign-in here is over too
 */

/**
 * @param {unknown} error
 * @param {string} app the application's name
 * @returns {Fault}
 */
export function faultOf(error, app) {
  if (error instanceof AuthorizationResponseError) return answered(error, app)
  if (error instanceof SignInEnded)
    return {
      status: 401,
      title: 'Please sign in again',
      sentence: 'Your sign-in has ended.',
      onward: 'sign-in',
      signedOut: true,
    }
  if (error instanceof SignetAway)
    return {
      status: 503,
      title: 'Signet cannot be reached',
      sentence: 'Please try again in a moment. Nothing you did is lost.',
      onward: 'home',
    }
  if (error instanceof ApiRefused)
    return {
      status: 502,
      title: 'This could not be kept',
      sentence: `The API did not take it: ${error.message}`,
      onward: 'home',
    }
  // openid-client says so of an answer that did not pass its checks.
  if (error instanceof ClientError)
    return {
      status: 502,
      title: 'This sign-in cannot be trusted',
      sentence: `The answer is not what ${app} may accept, so you were not signed in.`,
      onward: 'sign-in',
    }
  const { statusCode } = /** @type {{ statusCode?: number }} */ (error ?? {})
  if (statusCode !== undefined && statusCode < 500)
    return {
      status: statusCode,
      title: 'This cannot be read',
      sentence: 'Please go back and try again.',
      onward: 'home',
    }
  return {
    status: 500,
    title: 'Something went wrong',
    sentence: `It is not your fault, but that of ${app}.`,
    onward: 'home',
  }
}

/**
 * Signet's answer was an error (RFC 6749 §4.1.2.1), and it is Signet's: openid-client has compared `state` and `iss`.
 *
 * @param {AuthorizationResponseError} error
 * @param {string} app
 * @returns {Fault}
 */
function answered({ error, error_description: description }, app) {
  const said = description ? ` Signet says: ${description}` : ''
  // That somebody says no is no failure.
  if (error === 'access_denied')
    return {
      status: 200,
      title: 'You are not signed in',
      sentence: `${app} was not given access, and has learnt nothing about you.${said}`,
      onward: 'sign-in',
    }
  return {
    status: 502,
    title: 'Signet did not sign you in',
    sentence: `The reason is ${error}.${said}`,
    onward: 'sign-in',
  }
}
