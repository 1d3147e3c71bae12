import assert from 'node:assert/strict'
import { basic } from '../load/flows.js'
import { application, signInAndRedeem } from './application.js'
import { inDatabase } from './scenario.js'
import { form, sendOnce } from './send-once.js'

/** Enough that no server has only one of them in the memory of its processor. Resource servers ask about each token many times. */
const tokenCount = 100

/** Requests that present access tokens of people. @type {import('./scenario.js').Scenario[]} */
export const presentedToken = [
  {
    ...{ name: 'introspection', title: 'introspection', servers: inDatabase },
    prepare: async (target) => {
      const { clientId, secret } = target.web.ES256
      const load = {
        ...{ url: target.metadata['introspection_endpoint'] ?? '', method: /** @type {const} */ ('POST') },
        headers: { ...form, authorization: basic(clientId, secret) },
        bodies: (await accessTokens(target)).map((token) => `token=${token}`),
      }
      const answer = await (await sendOnce(load)).json()
      assert.equal(answer.active, true)
      assert.equal(answer.client_id, clientId)
      return load
    },
  },
  {
    ...{ name: 'userinfo', title: 'userinfo', servers: inDatabase },
    prepare: async (target) => {
      const load = {
        ...{ url: target.metadata['userinfo_endpoint'] ?? '', method: /** @type {const} */ ('GET') },
        ...{ headers: {}, bodies: [''] },
        authorizations: (await accessTokens(target)).map((token) => `Bearer ${token}`),
      }
      const answer = await (await sendOnce(load)).json()
      assert.equal(typeof answer.sub, 'string')
      return load
    },
  },
]

/** @param {import('./scenario.js').Target} target */
async function accessTokens(target) {
  const signedIn = await signInAndRedeem(target, application(target, 'openid'), tokenCount)
  return signedIn.map(({ tokens }) => tokens.access_token)
}
