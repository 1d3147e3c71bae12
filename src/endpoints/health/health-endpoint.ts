import { readinessProblems } from '../../operations/readiness.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import type { Signet } from '../../signet.ts'

/**
 * `/healthz`: the process is running. `/readyz`: it can serve requests and is not shutting down. It has an active signing key, and its
 * database is a writable primary.
 */
export function healthEndpoint(app: App, signet: Signet): void {
  app.get('/healthz', async () => ({ status: 'ok' }))

  app.get('/readyz', async (_request, reply) => {
    const problems = app.shutdown.begun ? ['this node is shutting down'] : await readinessProblems(signet)
    if (problems.length === 0) return { status: 'ok' }
    return reply.status(503).header('retry-after', '2').send({ status: 'unavailable', problems })
  })
}
