import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/**
 * A free port that nothing else is given. It is below the range that systems use for outgoing connections (other tests open thousands of
 * those) and above the last port that browsers refuse (10080). While this process runs, no other process of these tests is given it,
 * however long it takes to start listening.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = 20_000 + randomInt(12_000)
    if ((await reserve(port)) && (await isFree(port))) return port
  }
  throw new Error('No port is free.')
}

/** Binds the UDP port of the same number. The system gives it to one process only and releases it when that process ends. */
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
