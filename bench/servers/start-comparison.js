// Starts the two servers that Signet is compared with.
import { join } from 'node:path'
import { people, redirectUri, targetOf } from './target.js'

/**
 * @param {'floor' | 'oidc-provider'} name
 * @param {import('../children.js').Children} children
 * @param {import('../machine.js').Processors} processors
 */
export async function startComparison(name, { serve }, processors) {
  const clients = {
    machine: { clientId: 'machine', secret: 'a-secret-of-some-length-for-the-machine' },
    web: { clientId: 'web', secret: 'a-secret-of-some-length-for-the-web', redirectUri },
  }
  const { pid, output } = await serve({
    program: process.execPath,
    args: [join(import.meta.dirname, name === 'floor' ? 'floor.js' : 'peer.js')],
    environment: { NODE_ENV: 'production', BENCH_PEER: JSON.stringify({ ...clients, people }) },
    processors: processors?.server,
    ready: 'ready http',
  })
  return targetOf(name, pid, /ready (\S+)/.exec(output)?.[1] ?? '', clients)
}
