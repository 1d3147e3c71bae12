import { basic } from '../load/flows.js'
import { inMemory } from './scenario.js'
import { form, sendOnce } from './send-once.js'
import { verifiedToken } from './verified-token.js'

const work = /** @type {const} */ ([
  { alg: 'ES256', scope: 'api:read', audience: 'https://api.example' },
  { alg: 'RS256', scope: 'reports:read', audience: 'https://reports.example' },
])

/** Issues a JWT to a machine. @type {import('./scenario.js').Scenario[]} */
export const clientCredentials = work.map(({ alg, scope, audience }) => ({
  name: `client-credentials-${alg.toLowerCase()}`,
  title: `client_credentials, ${alg}`,
  servers: inMemory,
  prepare: async (target) => {
    const { clientId, secret } = target.machine
    const load = {
      ...{ url: target.tokenUrls[alg], method: /** @type {const} */ ('POST') },
      headers: { ...form, authorization: basic(clientId, secret) },
      bodies: [`grant_type=client_credentials&scope=${scope}`],
    }
    const { access_token: token } = await (await sendOnce(load)).json()
    await verifiedToken(target, token, { alg, audience: target.name === 'floor' ? 'https://api.example' : audience })
    return load
  },
}))
