import { basic } from '../load/flows.js'
import { application, signInAndRedeem } from './application.js'
import { inDatabase, withoutHydra } from './scenario.js'
import { form, sendOnce } from './send-once.js'
import { verifiedToken } from './verified-token.js'

/** As many families as connections, because requests for one family would wait for each other. */
const families = 16

const work = /** @type {const} */ ([
  { alg: 'ES256', name: 'refresh', title: 'refresh' },
  { alg: 'RS256', name: 'refresh-rs256', title: 'refresh, RS256 ID token' },
])

/**
 * Refreshes tokens of a confidential client. No server rotates its refresh tokens, except Ory Hydra, which always does.
 *
 * @type {import('./scenario.js').Scenario[]}
 */
export const refresh = work.map(({ alg, name, title }) => ({
  ...{ name, title, servers: alg === 'ES256' ? inDatabase : withoutHydra(inDatabase) },
  prepare: async (target) => {
    const app = application(target, 'openid offline_access api:read', alg)
    const tokens = (await signInAndRedeem(target, app, families)).map(({ tokens }) => tokens.refresh_token)
    const { clientId, secret } = app
    const load = {
      ...{ url: target.tokenUrls[alg], method: /** @type {const} */ ('POST') },
      headers: { ...form, authorization: basic(clientId, secret) },
      bodies: tokens.map((token) => `grant_type=refresh_token&refresh_token=${token}`),
    }
    const answer = await (await sendOnce(load)).json()
    await verifiedToken(target, answer.access_token, { alg: 'ES256', audience: 'https://api.example' })
    await verifiedToken(target, answer.id_token, { alg, audience: clientId })
    if (target.kind !== 'Ory Hydra') return load
    const renewed = (await signInAndRedeem(target, app, families)).map(({ tokens }) => tokens.refresh_token)
    return { flow: 'refresh', application: app, tokens: renewed }
  },
}))
