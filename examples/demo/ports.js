import { createServer } from 'node:net'

/**
 * Whether a program listens on a port of this machine. `localhost` is two addresses, and browsers try both, so another program on either
 * could be mistaken for ours.
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
    // On a machine without IPv6, the error is EADDRNOTAVAIL or EAFNOSUPPORT. Then no other program listens there either.
    server.once('error', (/** @type {NodeJS.ErrnoException} */ { code }) =>
      resolve(code === 'EADDRINUSE' || code === 'EACCES'),
    )
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(false)))
  })
}
