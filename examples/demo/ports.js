import { createServer } from 'node:net'

/**
 * Whether somebody listens on a port of this machine. `localhost` is two addresses, and browsers try both: a stranger on either
 * would be taken for us.
 *
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export async function isTaken(port) {
  const taken = await Promise.all(['127.0.0.1', '::1'].map((host) => refuses(port, host)))
  return taken.includes(true)
}

/**
 * @param {number} port
 * @param {string} host
 * @returns {Promise<boolean>}
 */
function refuses(port, host) {
  return new Promise((resolve) => {
    const server = createServer()
    // A machine without IPv6 says EADDRNOTAVAIL or EAFNOSUPPORT, and then nobody else listens there either.
    server.once('error', (/** @type {NodeJS.ErrnoException} */ { code }) =>
      resolve(code === 'EADDRINUSE' || code === 'EACCES'),
    )
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(false)))
  })
}
