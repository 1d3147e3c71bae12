/**
 * Sends each request of a load once.
 *
 * @param {import('../load/load.js').Load} load
 * @returns {Promise<Response>} the last response
 * @throws {Error} if one is not successful
 */
export async function sendOnce({ url, method, headers, bodies }) {
  let response = new Response()
  for (const body of bodies) {
    response = await fetch(url, { method, headers, ...(method === 'POST' && { body }) })
    if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  }
  return response
}

export const form = { 'content-type': 'application/x-www-form-urlencoded' }
