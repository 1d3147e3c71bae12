import { createBrowser, createConnections } from '../load/browser.js'
import { redeem, signIn } from '../load/flows.js'

/**
 * @param {import('./scenario.js').Target} target
 * @param {string} scope
 * @returns {import('../load/flows.js').Application}
 */
export function application({ metadata, web }, scope) {
  const { authorization_endpoint: authorizationEndpoint = '', token_endpoint: tokenEndpoint = '' } = metadata
  return { authorizationEndpoint, tokenEndpoint, scope, ...web }
}

/**
 * Signs in the given number of times, each time in a new browser.
 *
 * @param {import('./scenario.js').Target} target
 * @param {string} scope
 * @param {number} times
 */
export async function signInAndRedeem(target, scope, times) {
  const connections = createConnections()
  const app = application(target, scope)
  const tokens = []
  try {
    for (let time = 0; time < times; time++) {
      const browser = createBrowser(connections)
      const person = target.people[time % target.people.length]
      if (!person) throw new Error('There is no user to sign in.')
      tokens.push(await redeem(browser, app, await signIn(browser, app, person)))
    }
    return tokens
  } finally {
    connections.destroy()
  }
}
