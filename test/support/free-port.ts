import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/**
 * A port that nobody listens on, and that nobody is given: it lies below those that systems choose from for outgoing
 * connections, of which other tests have thousands, and above the last that browsers refuse (10080). No other process of
 * these tests is given it while this one runs, however long it takes to listen there.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = 20_000 + randomInt(12_000)
    if ((await reserve(port)) && (await isFree(port))) return port
  }
  throw new Error('No port is free.')
}

/** Binds the UDP port of the same number, which the system gives to one process and takes back when that ends. */
function reserve(port: number): Promise<boolean> {
  const lock = createSocket('udp4').unref()
  return new Promise<boolean>((resolve) => {
    lock.once('error', () => {
      lock.close()
      resolve(false)
    })
    lock.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true))
  })
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
