import assert from 'node:assert/strict'
import { basic } from '../load/flows.js'
import { signInAndRedeem } from './application.js'
import { inDatabase } from './scenario.js'
import { form, sendOnce } from './send-once.js'
import { verifiedToken } from './verified-token.js'

/** As many families as connections, because requests for one family would wait for each other. */
const families = 16

/** Refreshes tokens of a confidential client, for which neither server rotates the refresh token. @type {import('./scenario.js').Scenario} */
export const refresh = {
  ...{ name: 'refresh', title: 'refresh', servers: inDatabase },
  prepare: async (target) => {
    const tokens = await signInAndRedeem(target, 'openid offline_access api:read', families)
    const { clientId, secret } = target.web
    const load = {
      ...{ url: target.tokenUrls.ES256, method: /** @type {const} */ ('POST') },
      headers: { ...form, authorization: basic(clientId, secret) },
      bodies: tokens.map(({ refresh_token }) => `grant_type=refresh_token&refresh_token=${refresh_token}`),
    }
    const answer = await (await sendOnce(load)).json()
    await verifiedToken(target, answer.access_token, { alg: 'ES256', audience: 'https://api.example' })
    await verifiedToken(target, answer.id_token, { alg: 'ES256', audience: clientId })
    assert.equal(answer.refresh_token, tokens.at(-1)?.refresh_token, 'the refresh token was rotated')
    return load
  },
}
