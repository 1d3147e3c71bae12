import { requestsOf } from '../load/load.js'

/**
 * Sends each request of a load once.
 *
 * @param {import('../load/load.js').Load} load
 * @returns {Promise<Response>} the last response
 * @throws {Error} if one is not successful
 */
export async function sendOnce(load) {
  let response = new Response()
  for (const request of requestsOf(load)) {
    response = await fetch(load.url, request)
    if (response.status !== 200) throw new Error(`${load.url} answered ${response.status}: ${await response.text()}`)
  }
  return response
}

export const form = { 'content-type': 'application/x-www-form-urlencoded' }
