import assert from 'node:assert/strict'
import { inMemory } from './scenario.js'
import { sendOnce } from './send-once.js'

/** @param {string} url @returns {import('../load/load.js').Load} */
const get = (url) => ({ url, method: 'GET', headers: {}, bodies: [''] })

/** Documents that verifiers and clients fetch. @type {import('./scenario.js').Scenario[]} */
export const documents = [
  {
    ...{ name: 'jwk-set', title: 'JWK Set', servers: inMemory },
    prepare: async ({ metadata }) => {
      const load = get(metadata['jwks_uri'] ?? '')
      const { keys } = await (await sendOnce(load)).json()
      assert.ok(keys.length > 0, 'the set is empty')
      return load
    },
  },
  {
    ...{ name: 'metadata', title: 'metadata', servers: inMemory },
    prepare: async ({ metadataUrl, issuer }) => {
      const load = get(metadataUrl)
      const metadata = await (await sendOnce(load)).json()
      assert.equal(metadata.issuer, issuer)
      return load
    },
  },
]
