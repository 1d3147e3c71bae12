/**
 * Serves until the process is told to end, and then lets what has begun come to its end.
 *
 * @param {import('fastify').FastifyInstance} app
 * @param {object} as
 * @param {string} as.name what the messages call it
 * @param {number} as.port
 */
export async function listen(app, { name, port }) {
  try {
    // This machine only: the examples are to be looked at, not to be found.
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
