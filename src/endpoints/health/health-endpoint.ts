import type { App } from '../../platform/http/app.ts'
import type { Signet } from '../../signet.ts'

/**
 * `/healthz`: the process lives. `/readyz`: it can serve and goes on to, so it has an active key, reaches the database and was not asked
 * to end.
 */
export function healthEndpoint(app: App, { database, keyRing, log, settings }: Signet): void {
  app.get('/healthz', async () => ({ status: 'ok' }))

  app.get('/readyz', async (_request, reply) => {
    const unavailable = (problems: readonly string[]) =>
      reply.status(503).header('retry-after', '2').send({ status: 'unavailable', problems })
    if (app.ending.begun) return unavailable(['this node is ending'])
    const problems = [...(keyRing.isReady() ? [] : ['no active key, or none that could be confirmed in time'])]
    // Where requests hold every connection, waiting for one tells of the load and not of the database; the keys were confirmed in time.
    const isBusy = database.idleCount === 0 && database.totalCount >= settings.databasePool
    if (!isBusy)
      await database.query({ name: 'ready', text: 'SELECT 1' }).catch((error: unknown) => {
        log.warn({ err: error }, 'The database does not answer.')
        problems.push('the database does not answer')
      })
    return problems.length > 0 ? unavailable(problems) : { status: 'ok' }
  })
}
