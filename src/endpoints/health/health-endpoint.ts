import { isReadOnly } from '../../platform/database/primary-store.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import type { Signet } from '../../signet.ts'

/**
 * `/healthz`: the process is alive. `/readyz`: it can serve and will go on to. It has an active key, the database it reaches is the
 * primary and can be written, and it was not told to end.
 */
export function healthEndpoint(app: App, { database, databaseProblem, keyRing, secrets, log }: Signet): void {
  app.get('/healthz', async () => ({ status: 'ok' }))

  app.get('/readyz', async (_request, reply) => {
    const unavailable = (problems: readonly string[]) =>
      reply.status(503).header('retry-after', '2').send({ status: 'unavailable', problems })
    if (app.ending.begun) return unavailable(['this node is ending'])
    const problems = [
      ...(keyRing.isReady() ? [] : ['no active key, or none that could be confirmed in time']),
      ...(secrets.isReady() ? [] : ['the purpose secrets could not be confirmed in time']),
    ]
    const written = databaseProblem()
    if (written !== undefined) problems.push(written)
    // The heartbeat has a connection of its own; requests need those of the pool. Where requests hold all of them, waiting for one
    // would measure the load and not the database.
    const isBusy = database.idleCount === 0 && database.totalCount >= database.limit
    if (!isBusy)
      try {
        if (await isReadOnly(database)) problems.push('a connection leads to a database that accepts no writes')
      } catch (err) {
        log.warn({ err }, 'The database does not answer.')
        problems.push('the database does not answer')
      }
    return problems.length > 0 ? unavailable(problems) : { status: 'ok' }
  })
}
