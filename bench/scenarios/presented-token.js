import assert from 'node:assert/strict'
import { basic } from '../load/flows.js'
import { application, signInAndRedeem } from './application.js'
import { inDatabase } from './scenario.js'
import { form, sendOnce } from './send-once.js'

/** Requests that present a person's access token. @type {import('./scenario.js').Scenario[]} */
export const presentedToken = [
  {
    ...{ name: 'introspection', title: 'introspection', servers: inDatabase },
    prepare: async (target) => {
      const { clientId, secret } = target.web.ES256
      const load = {
        ...{ url: target.metadata['introspection_endpoint'] ?? '', method: /** @type {const} */ ('POST') },
        headers: { ...form, authorization: basic(clientId, secret) },
        bodies: [`token=${await accessToken(target)}`],
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
        ...{ headers: { authorization: `Bearer ${await accessToken(target)}` }, bodies: [''] },
      }
      const answer = await (await sendOnce(load)).json()
      assert.equal(typeof answer.sub, 'string')
      return load
    },
  },
]

/** @param {import('./scenario.js').Target} target */
async function accessToken(target) {
  const [signedIn] = await signInAndRedeem(target, application(target, 'openid'), 1)
  return signedIn?.tokens.access_token ?? ''
}
