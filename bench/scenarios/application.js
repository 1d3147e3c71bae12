import { createBrowser, createConnections } from '../load/browser.js'
import { redeem, signIn } from '../load/journeys.js'

/**
 * @param {import('./scenario.js').Target} target
 * @param {string} scope
 * @returns {import('../load/journeys.js').Application}
 */
export function application({ metadata, web }, scope) {
  const { authorization_endpoint: authorizationEndpoint = '', token_endpoint: tokenEndpoint = '' } = metadata
  return { authorizationEndpoint, tokenEndpoint, scope, ...web }
}

/**
 * Signs in as often as is asked, each time in a browser of its own.
 *
 * @param {import('./scenario.js').Target} target
 * @param {string} scope
 * @param {number} times
 */
export async function tokensOfPeople(target, scope, times) {
  const connections = createConnections()
  const app = application(target, scope)
  const tokens = []
  try {
    for (let time = 0; time < times; time++) {
      const browser = createBrowser(connections)
      const person = target.people[time % target.people.length]
      if (!person) throw new Error('There is nobody to sign in.')
      tokens.push(await redeem(browser, app, await signIn(browser, app, person)))
    }
    return tokens
  } finally {
    connections.destroy()
  }
}
