import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * A port that nobody listens on, and that nobody is given: it lies below those that systems choose from for outgoing
 * connections, of which other tests have thousands, and above the last that browsers refuse (10080).
 */
export async function freePort(): Promise<number> {
  const port = 20_000 + randomInt(12_000)
  const server = createServer()
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
  return free ? port : freePort()
}
