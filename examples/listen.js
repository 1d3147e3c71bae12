/**
 * Serves until the process is told to stop, and then completes the requests under way.
 *
 * @param {import('fastify').FastifyInstance} app
 * @param {object} as
 * @param {string} as.name its name in messages
 * @param {number} as.port
 */
export async function listen(app, { name, port }) {
  try {
    // Only reachable from this machine.
    await app.listen({ host: '127.0.0.1', port })
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error)
    process.stderr.write(`${name}: ${code === 'EADDRINUSE' ? `port ${port} is in use by another program.` : message}\n`)
    process.exitCode = 1
    return
  }
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => app.close())
  process.stdout.write(`${name} is ready: http://localhost:${port}\n`)
}
