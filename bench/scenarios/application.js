import { createBrowser, createConnections } from '../load/browser.js'
import { redeem, signIn } from '../load/flows.js'
import { redirectUri } from '../servers/target.js'

/**
 * @param {import('./scenario.js').Target} target
 * @param {string} scope
 * @param {import('../servers/target.js').Algorithm} [alg] of the ID tokens
 * @returns {import('../load/flows.js').Application}
 */
export function application({ kind, metadata, web, parameters, challengesAt }, scope, alg = 'ES256') {
  const { authorization_endpoint: authorizationEndpoint = '', token_endpoint: tokenEndpoint = '' } = metadata
  return {
    ...{ authorizationEndpoint, tokenEndpoint, redirectUri, parameters, challengesAt },
    // Keycloak always issues a refresh token. With offline_access, a sign-in leaves no session in the browser.
    scope: kind === 'Keycloak' ? scope.replace(' offline_access', '') : scope,
    ...web[alg],
  }
}

/**
 * Signs in the given number of times, each time in a new browser.
 *
 * @param {import('./scenario.js').Target} target
 * @param {import('../load/flows.js').Application} app
 * @param {number} times
 */
export async function signInAndRedeem(target, app, times) {
  const connections = createConnections()
  const done = []
  try {
    for (let time = 0; time < times; time++) {
      const browser = createBrowser(connections)
      const person = target.people[time % target.people.length]
      if (!person) throw new Error('There is no user to sign in.')
      const tokens = await redeem(browser, app, await signIn(browser, app, person))
      done.push({ tokens, person, cookies: [...browser.cookies] })
    }
    return done
  } finally {
    connections.destroy()
  }
}
