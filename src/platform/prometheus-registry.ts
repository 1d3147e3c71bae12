import { collectDefaultMetrics, type Gauge, Registry } from 'prom-client'
import { type MetricDeclaration, type MetricName, metricDeclarations, type Readings } from './metrics.ts'

/**
 * A registry of its own with Signet's metrics, read anew at each scrape so that nothing in it outlives what it tells of, and with
 * those of the process under the names that all Node.js programs have (`process_*`, `nodejs_*`). The latter begin to be measured here.
 */
export function createRegistry(readings: Readings<MetricName>): Registry {
  const registry = new Registry()
  for (const name of Object.keys(metricDeclarations) as MetricName[]) {
    const { type, help }: MetricDeclaration = metricDeclarations[name]
    const told = { name, help, type, aggregator: 'sum' as const }
    // prom-client's own classes count by themselves, and no histogram can be set. All that a registry asks of a metric is this.
    const metric = { ...told, get: async () => ({ ...told, values: readings[name]() }) }
    registry.registerMetric(metric as unknown as Gauge)
  }
  collectDefaultMetrics({ register: registry })
  return registry
}
