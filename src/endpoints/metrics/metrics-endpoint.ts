import type { App } from '../../platform/http/fastify-app.ts'
import type { MetricFamily } from '../../platform/metric-families.ts'
import { sendRefusal } from '../../protocol/errors/send-refusal.ts'
import type { Signet } from '../../signet.ts'
import { scrapeCheck } from './may-scrape.ts'
import { createOwnMetrics } from './own-metrics.ts'

/**
 * Metrics in Prometheus' text format. If `SIGNET_METRICS_TOKEN` is set, anyone with this token can read them. If not, and the issuer is on
 * loopback, this machine can. Without a token, everybody else gets the response of an unknown path; with one, they get 401.
 *
 * @param readAll reads the metrics of all processes of this node; default: this process is the only one
 */
export function metricsEndpoint(
  app: App,
  signet: Signet,
  readAll: () => Promise<readonly MetricFamily[]> = createOwnMetrics(signet),
): void {
  const { settings } = signet
  const scrapeFault = scrapeCheck(settings)

  app.get('/metrics', async (request, reply) => {
    const fault = scrapeFault(request)
    // Without a token this is the response for an unknown path, which does not reveal that there is a route.
    if (fault) return sendRefusal(settings.issuer, request, reply, fault)
    const { exposeFamilies } = await import('../../platform/prometheus-registry.ts')
    const { contentType, text } = await exposeFamilies(await readAll())
    return reply.header('cache-control', 'no-store').type(contentType).send(text)
  })
}
