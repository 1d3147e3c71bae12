import { AuthorizationResponseError, ClientError } from 'openid-client'
import { ApiRefused } from './api-client.js'
import { SignetAway, SignInEnded } from './openid.js'

/**
 * What the error page shows.
 *
 * @typedef {object} Fault
 * @property {number} status of HTTP
 * @property {string} title
 * @property {string} sentence
 * @property {'sign-in' | 'home'} onward
 * @property {boolean} [signedOut] whether the session in this application ends as well
 */

/**
 * @param {unknown} error
 * @param {string} app the application's name
 * @returns {Fault}
 */
export function faultOf(error, app) {
  if (error instanceof AuthorizationResponseError) return faultOfResponse(error, app)
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
      title: 'The note was not saved',
      sentence: `The API did not save it: ${error.message}`,
      onward: 'home',
    }
  // openid-client throws this if a response did not pass its checks.
  if (error instanceof ClientError)
    return {
      status: 502,
      title: 'This sign-in cannot be trusted',
      sentence: `The response did not pass the checks of ${app}, so you were not signed in.`,
      onward: 'sign-in',
    }
  const { statusCode } = /** @type {{ statusCode?: number }} */ (error ?? {})
  if (statusCode !== undefined && statusCode < 500)
    return {
      status: statusCode,
      title: 'This request cannot be read',
      sentence: 'Please go back and try again.',
      onward: 'home',
    }
  return {
    status: 500,
    title: 'Something went wrong',
    sentence: `This is an error in ${app}. It is not your fault.`,
    onward: 'home',
  }
}

/**
 * Signet returned an error (RFC 6749 §4.1.2.1). It does come from Signet: openid-client has compared `state` and `iss`.
 *
 * @param {AuthorizationResponseError} error
 * @param {string} app
 * @returns {Fault}
 */
function faultOfResponse({ error, error_description: description }, app) {
  const said = description ? ` Signet says: ${description}` : ''
  // A refusal by the user is not a failure.
  if (error === 'access_denied')
    return {
      status: 200,
      title: 'You are not signed in',
      sentence: `${app} was not given access and knows nothing about you.${said}`,
      onward: 'sign-in',
    }
  return {
    status: 502,
    title: 'Signet did not sign you in',
    sentence: `The error is ${error}.${said}`,
    onward: 'sign-in',
  }
}
