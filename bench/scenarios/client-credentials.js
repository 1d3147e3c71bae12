import { basic } from '../load/flows.js'
import { inMemory, withoutHydra } from './scenario.js'
import { form, sendOnce } from './send-once.js'
import { verifiedToken } from './verified-token.js'

const work = /** @type {const} */ ([
  { alg: 'ES256', scope: 'api:read', audience: 'https://api.example', servers: inMemory },
  { alg: 'RS256', scope: 'reports:read', audience: 'https://reports.example', servers: withoutHydra(inMemory) },
])

/** Issues a JWT to a machine. @type {import('./scenario.js').Scenario[]} */
export const clientCredentials = work.map(({ alg, scope, audience, servers }) => ({
  name: `client-credentials-${alg.toLowerCase()}`,
  title: `client_credentials, ${alg}`,
  servers,
  prepare: async (target) => {
    const { clientId, secret } = target.machine[alg]
    const load = {
      ...{ url: target.tokenUrls[alg], method: /** @type {const} */ ('POST') },
      headers: { ...form, authorization: basic(clientId, secret) },
      bodies: [String(new URLSearchParams({ grant_type: 'client_credentials', scope, ...target.parameters }))],
    }
    const { access_token: token } = await (await sendOnce(load)).json()
    await verifiedToken(target, token, { alg, audience: target.kind === 'floor' ? 'https://api.example' : audience })
    return load
  },
}))
