import type { App } from '../../platform/http/fastify-app.ts'
import { once } from '../../platform/shared-work.ts'
import { sendRefusal } from '../../protocol/errors/send-refusal.ts'
import type { Signet } from '../../signet.ts'
import { scrapeCheck } from './may-scrape.ts'
import { readings } from './readings.ts'

/**
 * Metrics in Prometheus' text format. If `SIGNET_METRICS_TOKEN` is set, anyone with this token can read them. If not, and the issuer is on
 * loopback, this machine can. Without a token, everybody else gets the response of an unknown path; with one, they get 401.
 */
export function metricsEndpoint(app: App, signet: Signet): void {
  const { metrics, settings } = signet
  const scrapeFault = scrapeCheck(settings)
  const openRegistry = once(async () => {
    const { createRegistry } = await import('../../platform/prometheus-registry.ts')
    return createRegistry({ ...metrics.readings, ...readings(signet) })
  })

  app.get('/metrics', async (request, reply) => {
    const fault = scrapeFault(request)
    // Without a token this is the response for an unknown path, which does not reveal that there is a route.
    if (fault) return sendRefusal(settings.issuer, request, reply, fault)
    const opened = await openRegistry()
    return reply
      .header('cache-control', 'no-store')
      .type(opened.contentType)
      .send(await opened.metrics())
  })
}
