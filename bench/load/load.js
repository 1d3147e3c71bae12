// Sends load to a server from separate processes, so that the benchmark itself takes no processor time from the server or the load generator.
import { join } from 'node:path'
import { onPath } from '../machine.js'
import { parseWrk, wrkCommand } from './wrk.js'

/**
 * One request, sent repeatedly.
 *
 * @typedef {object} Load
 * @property {string} url
 * @property {'GET' | 'POST'} method
 * @property {Record<string, string>} headers
 * @property {string[]} bodies sent in turn; for GET a single empty one
 * @property {string[]} [authorizations] values of the header `authorization`, sent in turn
 */

/** Flows of several requests, each of which needs the previous response. @typedef {import('./flows.js').Flows} Flows */

/**
 * @typedef {object} Measured
 * @property {number} requests
 * @property {number} seconds
 * @property {number} perSecond
 * @property {number} p50 milliseconds
 * @property {number} p99 milliseconds
 * @property {string[]} [tokens] those that the last requests returned, if the server rotates refresh tokens
 */

/**
 * The requests of a load, which are sent in turn.
 *
 * @param {Load} load
 */
export function requestsOf({ method, headers, bodies, authorizations = [] }) {
  return Array.from({ length: Math.max(bodies.length, authorizations.length) }, (_, index) => ({
    method,
    headers: { ...headers, ...(authorizations.length > 0 && { authorization: authorizations[index] ?? '' }) },
    ...(method === 'POST' && { body: bodies[index % bodies.length] ?? '' }),
  }))
}

/** @typedef {ReturnType<typeof createLoader>} Loader */

/**
 * @param {import('../children.js').Children} children
 * @param {string | undefined} processors for the load generator
 */
export function createLoader({ run, folder }, processors) {
  const wrk = onPath('wrk')
  /** @param {string} file @param {object} input */
  const runScript = async (file, input) => {
    const command = { program: process.execPath, args: [join(import.meta.dirname, file)], input: JSON.stringify(input) }
    return /** @type {Measured} */ (JSON.parse(await run({ ...command, processors })))
  }
  return {
    name: wrk ? 'wrk' : 'autocannon',
    /**
     * @param {Load | Flows} load
     * @param {number} seconds
     * @returns {Promise<Measured>}
     * @throws {Error} if any response was not successful
     */
    send: async (load, seconds) => {
      if ('flow' in load) {
        const { tokens, ...measured } = await runScript('send-flows.js', { ...load, seconds })
        // The next time, the load goes on from here.
        if (load.flow === 'refresh' && tokens) load.tokens = tokens
        return measured
      }
      if (!wrk) return runScript('autocannon.js', { ...load, seconds })
      return parseWrk(await run({ ...wrkCommand(wrk, load, seconds, folder), processors }))
    },
  }
}
