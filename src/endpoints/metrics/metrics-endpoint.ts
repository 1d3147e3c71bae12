import type { App } from '../../platform/http/fastify-app.ts'
import { once } from '../../platform/shared-work.ts'
import { sendRefusal } from '../../protocol/errors/send-refusal.ts'
import type { Signet } from '../../signet.ts'
import { scrapeCheck } from './may-scrape.ts'
import { readings } from './readings.ts'

/**
 * What Signet counts, in Prometheus' text format. With `SIGNET_METRICS_TOKEN` for who bears it, from wherever; without it, where the
 * issuer is on loopback, for this machine; and for everybody else the address is like any that is no route.
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
    // As what no route takes is answered: nothing shows that there is one.
    if (fault) return sendRefusal(settings.issuer, request, reply, fault)
    const opened = await openRegistry()
    return reply
      .header('cache-control', 'no-store')
      .type(opened.contentType)
      .send(await opened.metrics())
  })
}
