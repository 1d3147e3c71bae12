import { readinessProblems } from '../../operations/readiness.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import type { Signet } from '../../signet.ts'

/**
 * `/healthz`: the process is alive. `/readyz`: it can serve and will go on to. It has an active key, the database it reaches is the
 * primary and can be written, and it was not told to end.
 */
export function healthEndpoint(app: App, signet: Signet): void {
  app.get('/healthz', async () => ({ status: 'ok' }))

  app.get('/readyz', async (_request, reply) => {
    const problems = app.shutdown.begun ? ['this node is ending'] : await readinessProblems(signet)
    if (problems.length === 0) return { status: 'ok' }
    return reply.status(503).header('retry-after', '2').send({ status: 'unavailable', problems })
  })
}
