// Starts the two servers that Signet is compared with.
import { join } from 'node:path'
import { people, redirectUri, targetOf } from './target.js'

/**
 * @param {'floor' | 'oidc-provider'} kind
 * @param {import('../children.js').Children} children
 * @param {import('../machine.js').Processors} processors
 */
export async function startComparison(kind, { serve }, processors) {
  const machine = { clientId: 'machine', secret: 'a-secret-of-some-length-for-the-machine' }
  const web = {
    ES256: { clientId: 'web', secret: 'a-secret-of-some-length-for-the-web' },
    RS256: { clientId: 'web-rs256', secret: 'another-secret-of-some-length-for-the-web' },
  }
  const { pid, output } = await serve({
    program: process.execPath,
    args: [join(import.meta.dirname, kind === 'floor' ? 'floor.js' : 'peer.js')],
    environment: { NODE_ENV: 'production', BENCH_PEER: JSON.stringify({ machine, web, redirectUri, people }) },
    processors: processors?.server,
    ready: 'ready http',
  })
  const issuer = /ready (\S+)/.exec(output)?.[1] ?? ''
  return targetOf({ kind, pid, issuer, machine: { ES256: machine, RS256: machine }, web })
}
