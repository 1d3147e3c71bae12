import assert from 'node:assert/strict'
import { basic } from '../load/journeys.js'
import { tokensOfPeople } from './application.js'
import { ask, form } from './ask.js'
import { inDatabase } from './scenario.js'

/** What is asked with an access token, of one person's. @type {import('./scenario.js').Scenario[]} */
export const presentedToken = [
  {
    ...{ name: 'introspection', title: 'introspection', servers: inDatabase },
    prepare: async (target) => {
      const { clientId, secret } = target.web
      const load = {
        ...{ url: target.metadata['introspection_endpoint'] ?? '', method: /** @type {const} */ ('POST') },
        headers: { ...form, authorization: basic(clientId, secret) },
        bodies: [`token=${await accessToken(target)}`],
      }
      const answer = await (await ask(load)).json()
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
      const answer = await (await ask(load)).json()
      assert.equal(typeof answer.sub, 'string')
      return load
    },
  },
]

/** @param {import('./scenario.js').Target} target */
async function accessToken(target) {
  const [tokens] = await tokensOfPeople(target, 'openid', 1)
  return tokens?.access_token ?? ''
}
