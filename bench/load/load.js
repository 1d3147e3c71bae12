// Sends load to a server from other processes, so that the bench itself takes no time from either.
import { join } from 'node:path'
import { onPath } from '../machine.js'
import { parseWrk, wrkCommand } from './wrk.js'

/**
 * One request, sent again and again.
 *
 * @typedef {object} Load
 * @property {string} url
 * @property {'GET' | 'POST'} method
 * @property {Record<string, string>} headers
 * @property {string[]} bodies sent in turn; one, an empty one, for GET
 */

/** A journey of several requests, each of which needs the answer before. @typedef {import('./journeys.js').Journeys} Journeys */

/**
 * @typedef {object} Measured
 * @property {number} requests
 * @property {number} seconds
 * @property {number} perSecond
 * @property {number} p50 milliseconds
 * @property {number} p99 milliseconds
 */

/** @typedef {ReturnType<typeof createLoader>} Loader */

/**
 * @param {import('../children.js').Children} children
 * @param {string | undefined} processors those of the load
 */
export function createLoader({ run, folder }, processors) {
  const wrk = onPath('wrk')
  /** @param {string} file @param {object} input */
  const ours = async (file, input) => {
    const command = { program: process.execPath, args: [join(import.meta.dirname, file)], input: JSON.stringify(input) }
    return /** @type {Measured} */ (JSON.parse(await run({ ...command, processors })))
  }
  return {
    name: wrk ? 'wrk' : 'autocannon',
    /**
     * @param {Load | Journeys} load
     * @param {number} seconds
     * @returns {Promise<Measured>}
     * @throws {Error} where any answer was no success
     */
    send: async (load, seconds) => {
      if ('journey' in load) return ours('send-journeys.js', { ...load, seconds })
      if (!wrk) return ours('autocannon.js', { ...load, seconds })
      return parseWrk(await run({ ...wrkCommand(wrk, load, seconds, folder), processors }))
    },
  }
}
