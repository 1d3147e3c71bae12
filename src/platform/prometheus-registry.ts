import { collectDefaultMetrics, type Gauge, Registry } from 'prom-client'
import { type MetricDeclaration, type MetricName, metricDeclarations, type Readings } from './metrics.ts'

/**
 * Creates a separate registry with Signet's metrics and those of the process. Signet's are read at each scrape, so that no series outlives what it
 * describes. Those of the process have the usual names (`process_*`, `nodejs_*`) and are measured from now on.
 */
export function createRegistry(readings: Readings<MetricName>): Registry {
  const registry = new Registry()
  for (const name of Object.keys(metricDeclarations) as MetricName[]) {
    const { type, help }: MetricDeclaration = metricDeclarations[name]
    const declaration = { name, help, type, aggregator: 'sum' as const }
    // prom-client's own classes do the counting, and a histogram cannot be set. These members are all that a registry needs of a metric.
    const metric = { ...declaration, get: async () => ({ ...declaration, values: readings[name]() }) }
    registry.registerMetric(metric as unknown as Gauge)
  }
  collectDefaultMetrics({ register: registry })
  return registry
}
