import { createBrowser, createConnections } from '../load/browser.js'
import { codeFlow } from '../load/flows.js'
import { application, signInAndRedeem } from './application.js'
import { inDatabase, withoutHydra } from './scenario.js'
import { verifiedToken } from './verified-token.js'

const scope = 'openid offline_access api:read'
/** Two for each person. */
const browserCount = 8

/** Issues tokens to a user: without the password if the browser has a session, and with it. @type {import('./scenario.js').Scenario[]} */
export const codeFlows = [
  {
    ...{ name: 'code-flow', title: 'code flow, signed in', servers: inDatabase },
    prepare: async (target) => {
      const app = application(target, scope)
      const signedIn = await signInAndRedeem(target, app, browserCount)
      await checkFlow(target, app, signedIn)
      return { flow: 'code-flow', application: app, browsers: signedIn }
    },
  },
  {
    ...{ name: 'sign-in', title: 'sign-in, with argon2id', servers: withoutHydra(inDatabase) },
    prepare: async (target) => {
      const app = application(target, scope)
      // The first time, a person may have to give consent.
      await checkFlow(target, app, await signInAndRedeem(target, app, target.people.length))
      return { flow: 'sign-in', application: app, people: target.people }
    },
  },
]

/**
 * @param {import('./scenario.js').Target} target
 * @param {import('../load/flows.js').Application} app
 * @param {import('../load/flows.js').SignedIn[]} browsers
 */
async function checkFlow(target, app, [signedIn]) {
  if (!signedIn) throw new Error('Nobody is signed in.')
  const connections = createConnections()
  const tokens = await codeFlow(createBrowser(connections, new Map(signedIn.cookies)), app, signedIn.person)
  connections.destroy()
  await verifiedToken(target, tokens.access_token, { alg: 'ES256', audience: 'https://api.example' })
  await verifiedToken(target, tokens.id_token, { alg: 'ES256', audience: app.clientId })
  if (!tokens.refresh_token) throw new Error('There is no refresh token.')
}
