import { createBrowser, createConnections } from '../load/browser.js'
import { codeFlow, redeem, signIn } from '../load/flows.js'
import { application } from './application.js'
import { inDatabase } from './scenario.js'
import { verifiedToken } from './verified-token.js'

const scope = 'openid offline_access api:read'

/** Issues tokens to a user: without the password if the browser has a session, and with it. @type {import('./scenario.js').Scenario[]} */
export const codeFlows = [
  {
    ...{ name: 'code-flow', title: 'code flow, signed in', servers: inDatabase },
    prepare: async (target) => {
      await checkFlow(target)
      return { flow: 'code-flow', application: application(target, scope), people: twice(target.people) }
    },
  },
  {
    ...{ name: 'sign-in', title: 'sign-in, with argon2id', servers: inDatabase },
    prepare: async (target) => {
      await checkFlow(target)
      return { flow: 'sign-in', application: application(target, scope), people: target.people }
    },
  },
]

/** @param {import('./scenario.js').Target} target */
async function checkFlow(target) {
  const connections = createConnections()
  const browser = createBrowser(connections)
  const app = application(target, scope)
  const [person] = target.people
  if (!person) throw new Error('There is no user to sign in.')
  await redeem(browser, app, await signIn(browser, app, person))
  const tokens = await codeFlow(browser, app)
  connections.destroy()
  await verifiedToken(target, tokens.access_token, { alg: 'ES256', audience: 'https://api.example' })
  await verifiedToken(target, tokens.id_token, { alg: 'ES256', audience: target.web.clientId })
  if (!tokens.refresh_token) throw new Error('There is no refresh token.')
}

/** Each person with two browsers. @param {import('../load/flows.js').Person[]} people */
const twice = (people) => [...people, ...people]
